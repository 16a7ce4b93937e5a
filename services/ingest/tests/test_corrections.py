"""Discarding and correcting a batch before its approval."""

from collections.abc import Callable
from typing import Any

import pytest

from devtools import sample_roster
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.preparation import SourceProblem
from libs.common.contracts.events.rows import RowRead
from services.ingest.tests.harness import IngestHarness, consistent

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]
Answer = Any  # JSON, or a response of the test client


def test_a_discard_needs_a_reason_and_can_be_repeated_by_the_same_person(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    assert ingest.discard(ready, reason="").status_code == 422
    assert ingest.discard(ready, "otto").status_code == 403
    first = ingest.discard(ready, reason="wrong file").json()
    assert ingest.discard(ready, reason="again").json() == first
    assert ingest.discard(ready, "peter").status_code == 409
    assert ingest.approve(ready).status_code == 409
    assert ingest.batch(ready["batch_id"])["reason"] == "wrong file"


def upload_with_a_wrong_state(ingest: IngestHarness) -> tuple[Answer, list[Answer]]:
    """A batch whose one source cannot pay: its zip is not in its state; and what is offered."""
    # Of this seed, because it needs rows of an institution without a merchant.
    xml = consistent(sample_roster.make(40, 977))
    wrong = xml.replace(b"<Zip>50613</Zip>", b"<Zip>67485</Zip>")
    batch_id = ingest.upload(wrong).json()["batch_id"]
    ingest.read_all()
    offered = ingest.batch(batch_id)["corrections_offered"]
    problems = [
        SourceProblem(
            source_account_id=one["source_account_id"],
            code="INVALID_ADDRESS",
            message="The zip is not in the state.",
        )
        for one in offered
    ]
    return ingest.check(batch_id, problems=problems), offered


def correct(ingest: IngestHarness, ready: Answer, corrections: list[Answer], who: str) -> Answer:
    path = f"/batches/{ready['batch_id']}/corrections"
    return ingest.call("POST", path, who, json={"corrections": corrections})


def test_a_source_that_cannot_pay_has_a_correction_offered(ingest: IngestHarness) -> None:
    ready, offered = upload_with_a_wrong_state(ingest)
    assert {(one["field"], one["from"], one["to"]) for one in offered} == {("state", "IA", "KS")}
    reasons = {row["reason_code"] for row in ingest.rows(ready)}
    assert (ready["rows"]["payable"], reasons) == (0, {"INVALID_ADDRESS", "no_merchant"})
    assert ingest.approve(ready).json()["code"] == "approval.nothing-payable"


def test_a_correction_that_was_not_offered_changes_nothing(ingest: IngestHarness) -> None:
    ready, offered = upload_with_a_wrong_state(ingest)
    for who, change, status in (
        ("anna", {}, 403),
        ("paula", {"from": "KS"}, 409),
        ("paula", {"to": "ZZ"}, 422),
        ("paula", {"field": "ein"}, 422),
        ("paula", {"source_account_id": "CORP-0"}, 409),
    ):
        wrong = [*offered[1:], {**offered[0], **change}]
        assert correct(ingest, ready, wrong, who).status_code == status
    assert ingest.batch(ready["batch_id"]) == ready


def test_a_correction_leads_to_another_digest_and_is_stored_beside_the_original(
    ingest: IngestHarness,
) -> None:
    ready, offered = upload_with_a_wrong_state(ingest)
    batch_id = ready["batch_id"]
    assert correct(ingest, ready, offered, "paula").status_code == 200
    assert ingest.batch(batch_id)["status"] == "checking"
    assert ingest.published(batch_id, BatchChanged)[-1].sources[0].address.state == "KS"
    corrected = ingest.check(batch_id)
    assert (corrected["status"], corrected["revision"]) == ("ready", 2)
    assert corrected["corrections_offered"] == []
    assert corrected["digest"] != ready["digest"]
    assert [
        {key: one[key] for key in ("source_account_id", "field", "from", "to")}
        for one in corrected["corrections"]
    ] == offered
    assert "W_ZIP_STATE" not in corrected["to_acknowledge"]
    assert ingest.approve(ready).status_code == 409
    assert ingest.approve(corrected).status_code == 200
    sent = ingest.published(batch_id, RowRead)
    assert ingest.published(batch_id, BatchChanged)[-1].row_messages == len(sent)
    assert {message.revision for message in sent} == {1, 2}
    assert (
        len({message.row_id for message in sent if message.revision == 2})
        == corrected["rows"]["payable"]
    )
