"""A roster that may be the late one of the period before: a person chooses."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from services.ingest.staging import business_day
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database
_people = count(1)


def unique() -> bytes:
    number = next(_people)
    return roster(
        row({"Employee/DunkinId": f"EMP-{number}", "Payee/LoanAccountNumber": f"77{number:06d}"})
    )


@pytest.fixture
def today() -> date:
    return business_day(datetime.now(UTC))


@pytest.fixture
def late(ingest: IngestHarness, tmp_path: Path, today: date) -> Iterator[IngestHarness]:
    """An ingest whose period began today, with a roster approved two periods ago."""
    url = ingest.engine.url.render_as_string(hide_password=False)
    made = IngestHarness.make(url, tmp_path, period_anchor=today)
    made.owner_url = ingest.owner_url
    batch = made.ready(unique(), period=str(today - timedelta(days=28)))
    assert made.approve(batch).status_code == 200
    yield made
    made.engine.dispose()


def choose(ingest: IngestHarness, batch: Any, period: object, who: str = "peter") -> Any:
    return ingest.call(
        "POST", f"/batches/{batch['batch_id']}/period", who, json={"period": str(period)}
    )


def test_the_first_roster_of_an_installation_is_not_late(
    ingest: IngestHarness, tmp_path: Path, today: date
) -> None:
    url = ingest.engine.url.render_as_string(hide_password=False)
    batch = IngestHarness.make(url, tmp_path, period_anchor=today).ready(unique())
    assert (batch["period"], batch["period_choices"]) == (str(today), [])


def test_a_late_roster_is_put_into_the_period_that_the_preparer_chooses(
    late: IngestHarness, today: date
) -> None:
    before = today - timedelta(days=14)
    xml = unique()
    uploaded = late.upload(xml).json()
    assert uploaded["period_choices"] == [str(before), str(today)]
    late.read_all()
    batch = late.check(uploaded["batch_id"])
    assert batch["period_choices"] == [str(before), str(today)]
    assert "W_PERIOD_AMBIGUOUS" in batch["to_acknowledge"]
    sentences = [one["message"] for one in batch["issues"] if one["code"] == "W_PERIOD_AMBIGUOUS"]
    assert str(before) in sentences[0]
    assert str(today) in sentences[0]

    answer = choose(late, batch, before + timedelta(days=3))
    assert (answer.status_code, answer.json()["status"]) == (200, "checking")
    chosen = late.check(batch["batch_id"])
    assert (chosen["period"], chosen["period_choices"]) == (str(before), [])
    assert "W_PERIOD_AMBIGUOUS" not in chosen["to_acknowledge"]
    assert chosen["digest"] != batch["digest"]
    assert late.approve(batch).json()["code"] == "approval.stale"
    assert late.approve(chosen).status_code == 200
    newest = late.published(batch["batch_id"], BatchChanged)[-1]
    assert (newest.period, newest.period_end, newest.other_period) == (
        *(str(before), str(today - timedelta(days=1)), ""),
    )
    # The next roster, of today's period, finds nobody paid, and is not ambiguous any more.
    following = late.ready(xml + b" ")
    assert (following["period"], following["rows"]["payable"]) == (str(today), 1)
    assert following["period_choices"] == []
    assert choose(late, chosen, today).json()["code"] == "period.not-ready"
    late.end(chosen, late.payments(chosen))
    made = late.child(chosen, filter={"status": "failed"}).json()
    derived = late.check(made["batch_id"])
    assert derived["period"] == str(before)
    assert choose(late, derived, today).json()["code"] == "period.child"
    assert late.approve(derived).status_code == 200
    late.discard(following)


def test_who_chooses_the_period_cannot_approve_and_a_named_one_is_not_ambiguous(
    late: IngestHarness, today: date
) -> None:
    batch = late.ready(unique(), period=str(today - timedelta(days=150)))
    assert batch["period_choices"] == []
    assert choose(late, batch, today, "anna").status_code == 403
    assert choose(late, batch, today, "maria").status_code == 200
    batch = late.check(batch["batch_id"])
    assert late.approve(batch, "maria").json()["code"] == "approval.same-person"
    assert late.approve(batch, "anna").status_code == 200


@pytest.mark.parametrize("days", [-185, 367])
def test_a_mistyped_year_is_refused_and_changes_nothing(
    ingest: IngestHarness, today: date, days: int
) -> None:
    far = str(today + timedelta(days=days))
    answer = ingest.upload(unique(), period=far)
    assert (answer.status_code, answer.json()["code"]) == (422, "period.too-far")
    assert "year" in answer.json()["action"]
    batch = ingest.ready(unique())
    assert choose(ingest, batch, far).json()["code"] == "period.too-far"
    assert ingest.batch(batch["batch_id"])["digest"] == batch["digest"]
