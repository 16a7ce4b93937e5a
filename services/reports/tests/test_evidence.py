"""Evidence for one payment: its facts, its bytes afterwards, and whom it does not name."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.payments import PaymentChanged
from services.reports.domain.freshness import Freshness
from services.reports.export import payment_evidence
from services.reports.export.payment_evidence import PaymentEvidence
from services.reports.routes.context import Context
from services.reports.routes.evidence import read_evidence
from services.reports.tests import factories
from services.reports.tests.http_client import BATCH, Client, store_all

pytestmark = pytest.mark.database
PAID = next(payment for payment in BATCH.payments if BATCH.ending[payment.rows[0].row_id] == "paid")
PATH = f"/payments/{PAID.payment_id}/evidence"


def make(client: Client, person: str = "Fina") -> dict[str, Any]:
    answer = client.post(PATH, {}, person)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def evidence(engine: Engine) -> PaymentEvidence:
    store_all(engine, BATCH.events)
    context = Context(engine, "token", factories.CIPHER, 0.3, lambda *_: None)
    return read_evidence(context, PAID.payment_id, "Fina")


def test_every_change_is_a_fact_with_its_time_and_its_trace_ids(evidence: PaymentEvidence) -> None:
    changes = [
        e for e in BATCH.events if isinstance(e, PaymentChanged) and e.payment_id == PAID.payment_id
    ]
    words = "\n".join(f"{at} {what}" for at, what in evidence.facts())
    for change in changes:
        assert change.evidence_id in words
        for trace in (change.source_trace_id, change.destination_trace_id):
            assert trace in words
    times = [at for at, _ in evidence.facts()]
    assert times == sorted(times)


def test_nobody_is_named_who_uploaded_approved_or_is_paid_for(evidence: PaymentEvidence) -> None:
    said = f"{evidence.head()} {evidence.facts()}"
    for row in PAID.rows:
        read = next(one for one in BATCH.rows if one.row_id == row.row_id)
        for name in (read.first_name, read.last_name):
            assert name not in said
    assert PAID.approved_by not in said.replace("Approved", "")


def test_the_document_and_its_manifest_say_that_the_read_model_stands_behind(
    engine: Engine, evidence: PaymentEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    monkeypatch.setattr(payment_evidence, "write_text", lambda _, words: printed.append(words))
    late = Freshness({"reports.status-events": 3}, 1.0, 1.0, 5.0)
    context = Context(engine, "token", factories.CIPHER, 0.3, lambda *_: None, lambda: late)
    behind = read_evidence(context, PAID.payment_id, "Fina")
    manifest, _ = behind.files()
    assert manifest["behind"] == "Not applied yet: 3 messages of status-events."
    assert manifest["as_of"] in behind.as_of()[0]
    assert manifest["as_of"] != ""
    assert set(behind.as_of()) <= set(printed)
    assert f"{manifest['behind']} So a newer status may be missing here." in printed
    assert behind.evidence_id == evidence.evidence_id


@pytest.mark.usefixtures("whole")
def test_the_document_is_kept_and_has_the_same_bytes_for_everybody(client: Client) -> None:
    first = make(client)
    again = make(client, "Somebody else")
    assert again == first
    answer = client.get(f"{PATH}/{first['evidence_id']}")
    assert sha256(answer.content).hexdigest() == first["sha256"]
    assert answer.headers["cache-control"] == "no-store"
    assert client.get(PATH).json() == {"items": [first]}


@pytest.mark.usefixtures("whole")
def test_a_later_return_is_other_evidence_and_the_first_one_stays(
    client: Client, engine: Engine
) -> None:
    first = make(client)
    before = client.get(f"{PATH}/{first['evidence_id']}").content
    newest = max(
        (
            e
            for e in BATCH.events
            if isinstance(e, PaymentChanged) and e.payment_id == PAID.payment_id
        ),
        key=lambda e: e.version,
    )
    returned = newest.model_copy(
        update={
            **factories.envelope("returned", newest.event_id),
            "version": newest.version + 1,
            "status": "reversed",
            "occurred_at": newest.occurred_at + timedelta(days=3),
        }
    )
    store_all(engine, [returned])
    second = make(client)
    assert (second["status"], second["version"]) == ("reversed", newest.version + 1)
    assert client.get(f"{PATH}/{first['evidence_id']}").content == before
    assert [one["evidence_id"] for one in client.get(PATH).json()["items"]] == [
        second["evidence_id"],
        first["evidence_id"],
    ]


def test_there_is_no_evidence_of_a_payment_that_is_not_known(client: Client) -> None:
    assert client.post(PATH, {}, "Fina").status_code == 404
    assert client.get(f"{PATH}/{PAID.payment_id}").status_code == 404
