"""The home page: the last pay periods against the reports, and what a person has put away."""

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.batches import BatchChanged
from services.reports.tests import factories
from services.reports.tests.http_client import BATCH, Client, store_all

pytestmark = pytest.mark.database
OTHER = factories.make(60, 7)


def store_in_period(engine: Engine, batch: factories.Sample, period: str) -> None:
    store_all(
        engine,
        [
            e.model_copy(update={"period": period}) if isinstance(e, BatchChanged) else e
            for e in batch.events
        ],
    )


def test_a_period_has_the_sums_of_its_batches_and_counts_a_person_once(
    client: Client, engine: Engine
) -> None:
    store_in_period(engine, BATCH, "2026-11-16")
    store_in_period(engine, OTHER, "2026-11-16")
    (period,) = client.get("/periods").json()["items"]
    for name, outcome in (("paid", "paid"), ("failed", "failed"), ("returned", "reversed")):
        totals = [batch.totals(outcome) for batch in (BATCH, OTHER)]
        assert period[f"{name}_count"] == sum(total.rows for total in totals)
        assert period[f"{name}_cents"] == sum(total.amount_cents for total in totals)
    paid = {
        row.employee_id
        for batch in (BATCH, OTHER)
        for row in batch.rows
        if batch.ending[row.row_id] == "paid"
    }
    assert period["people"] == len(paid)
    assert set(period["batch_ids"]) == {str(BATCH.batch_id), str(OTHER.batch_id)}


def test_the_newest_periods_come_with_the_oldest_of_them_first(
    client: Client, engine: Engine
) -> None:
    store_in_period(engine, BATCH, "2026-10-19")
    store_in_period(engine, OTHER, "2026-11-16")
    assert [one["period"] for one in client.get("/periods").json()["items"]] == [
        "2026-10-19",
        "2026-11-16",
    ]
    newest = client.get("/periods", {"limit": 1}).json()["items"]
    assert [one["period"] for one in newest] == ["2026-11-16"]


def test_a_batch_that_nobody_approved_is_in_no_period(client: Client, engine: Engine) -> None:
    ready = [e for e in BATCH.events if not isinstance(e, BatchChanged) or e.status == "ready"]
    store_all(engine, [e for e in ready if e in BATCH.rows or isinstance(e, BatchChanged)])
    assert client.get("/periods").json()["items"] == []


def test_what_one_person_has_put_away_others_still_see_and_it_can_come_back(
    client: Client,
) -> None:
    order = {"batch_id": str(BATCH.batch_id), "status": "completed_with_failures"}
    for _ in range(2):
        assert client.post("/put-away", order, "Prea").status_code == 200

    def seen_by(person: str) -> list[tuple[str, str]]:
        found = client.get("/put-away", headers={"X-Paydown-Actor": person}).json()["items"]
        return [(one["batch_id"], one["status"]) for one in found]

    assert seen_by("Prea") == [(str(BATCH.batch_id), "completed_with_failures")]
    assert seen_by("Appy") == []
    headers = {"X-Paydown-Actor": "Prea"}
    assert client.delete(f"/put-away/{BATCH.batch_id}", headers).status_code == 200
    assert seen_by("Prea") == []


def test_a_batch_that_waits_for_somebody_cannot_be_put_away(client: Client) -> None:
    order = {"batch_id": str(BATCH.batch_id), "status": "ready"}
    assert client.post("/put-away", order, "Prea").status_code == 422
