"""An approver says when a batch may begin: part of the approval, published and recovered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.batches import BatchChanged
from libs.common.testing.call_keys import gateway_verifier
from libs.common.web.approval_assertions import (
    ApprovalNotProved,
    ClaimedApproval,
    approval_params,
    verify_approval,
)
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.test_approval_assertion import approve
from services.ingest.tests.test_approval_rules import FROM_1, INSERT_APPROVAL, set_rules

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def no_rules(ingest: IngestHarness) -> None:
    """Each test begins without rules."""
    current = ingest.get("/approval-rules")["current"]
    if current and current["rules"]:
        set_rules(ingest)


def start_in(**passed: float) -> str:
    return (datetime.now(UTC) + timedelta(**passed)).isoformat()


def newest(ingest: IngestHarness, batch_id: Any) -> BatchChanged:
    event: BatchChanged = ingest.published(batch_id, BatchChanged)[-1]
    return event


def claimed(event: BatchChanged) -> ClaimedApproval:
    assert event.digest is not None
    assert event.approved_at is not None
    return ClaimedApproval(
        *(event.batch_id, event.digest, event.seen_digest, "anna", event.approved_at),
        start_at=event.start_at,
    )


def test_the_start_is_published_and_signed_with_the_approval(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    start = start_in(days=2)
    at = datetime.fromisoformat(start)
    params = approval_params(ready["digest"], 0, at)
    answer = approve(ingest, ready, more={"start_at": start}, **params)
    assert answer.status_code == 200, answer.text
    event = newest(ingest, ready["batch_id"])
    assert event.start_at == at
    assert datetime.fromisoformat(ingest.batch(ready["batch_id"])["start_at"]) == at
    verify_approval(gateway_verifier(), event.approval, claimed(event))
    earlier = event.model_copy(update={"start_at": at - timedelta(hours=1)})
    for other in (earlier, event.model_copy(update={"start_at": None})):
        with pytest.raises(ApprovalNotProved, match="another start"):
            verify_approval(gateway_verifier(), event.approval, claimed(other))


@pytest.mark.parametrize("signed", [None, "2026-12-24T10:00:00+00:00"])
def test_a_signed_address_of_another_start_approves_nothing(
    ingest: IngestHarness, xml: bytes, signed: str | None
) -> None:
    ready = ingest.ready(xml)
    at = datetime.fromisoformat(signed) if signed else None
    params = approval_params(ready["digest"], 0, at)
    answer = approve(ingest, ready, more={"start_at": start_in(days=2)}, **params)
    assert (answer.status_code, answer.json()["code"]) == (409, "approval.assertion")


@pytest.mark.parametrize("passed", [{"days": -2}, {"days": 46}])
def test_a_start_that_cannot_be_meant_is_refused(
    ingest: IngestHarness, xml: bytes, passed: dict[str, float]
) -> None:
    ready = ingest.ready(xml)
    answer = ingest.approve(ready, start_at=start_in(**passed))
    assert (answer.status_code, answer.json()["code"]) == (422, "approval.start")
    assert ingest.batch(ready["batch_id"])["status"] == "ready"


def test_the_same_approval_again_has_the_same_start(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    start = start_in(days=2)
    assert ingest.approve(ready, start_at=start).status_code == 200
    assert ingest.approve(ready, start_at=start).status_code == 200
    another = ingest.approve(ready, start_at=start_in(days=3))
    assert (another.status_code, another.json()["code"]) == (409, "approval.not-ready")
    assert newest(ingest, ready["batch_id"]).start_at == datetime.fromisoformat(start)


def test_both_approvers_approve_the_same_start(ingest: IngestHarness, xml: bytes) -> None:
    set_rules(ingest, FROM_1)
    ready = ingest.ready(xml)
    start = start_in(days=2)
    assert ingest.approve(ready, "anna", start_at=start).json()["status"] == "ready"
    first = ingest.batch(ready["batch_id"])["first_approval"]
    assert datetime.fromisoformat(first["start_at"]) == datetime.fromisoformat(start)
    for other in (None, start_in(days=3)):
        refused = ingest.approve(ready, "adam", start_at=other)
        assert (refused.status_code, refused.json()["code"]) == (409, "approval.start-two")
    assert ingest.approve(ready, "adam", start_at=start).json()["status"] == "approved"
    assert newest(ingest, ready["batch_id"]).start_at == datetime.fromisoformat(start)


def test_the_first_approver_may_choose_another_start(ingest: IngestHarness, xml: bytes) -> None:
    set_rules(ingest, FROM_1)
    ready = ingest.ready(xml)
    ingest.approve(ready, "anna", start_at=start_in(days=2))
    assert ingest.approve(ready, "anna").json()["status"] == "ready"
    assert ingest.batch(ready["batch_id"])["first_approval"]["start_at"] is None
    assert ingest.approve(ready, "adam").json()["status"] == "approved"


def test_a_restore_keeps_the_start(backed_up: BackedUpIngest, xml: bytes) -> None:
    set_rules(backed_up.ingest, FROM_1)
    ready = backed_up.ingest.ready(xml)
    backup = backed_up.back_up()
    start = start_in(days=2)
    for who in ("anna", "adam"):
        assert backed_up.ingest.approve(ready, who, start_at=start).status_code == 200
    shown = backed_up.restore(backup).batch(ready["batch_id"])
    found = {shown["start_at"], shown["first_approval"]["start_at"]}
    assert {datetime.fromisoformat(at) for at in found} == {datetime.fromisoformat(start)}


def test_the_database_refuses_another_start(ingest: IngestHarness, xml: bytes) -> None:
    """Nothing moves an approved start, and no second approval has another one."""
    set_rules(ingest, FROM_1)
    ready = ingest.ready(xml)
    start = start_in(days=2)
    ingest.approve(ready, "anna", start_at=start)
    moves = "UPDATE first_approval SET start_at = now() WHERE batch_id = :id"
    with pytest.raises(DBAPIError, match="stays as it is"):
        run_sql(ingest, moves, ready["batch_id"])
    ingest.approve(ready, "adam", start_at=start)
    with pytest.raises(DBAPIError, match="never changed"):
        run_sql(
            ingest, "UPDATE approval SET start_at = NULL WHERE batch_id = :id", ready["batch_id"]
        )


def test_the_database_refuses_a_second_approval_of_another_start(
    ingest: IngestHarness, xml: bytes
) -> None:
    set_rules(ingest, FROM_1)
    ready = ingest.ready(xml)
    version = ingest.get("/approval-rules")["current"]["rules_version"]
    ingest.approve(ready, "anna", start_at=start_in(days=2))
    with ingest.engine.begin() as connection:
        connection.execute(
            text("UPDATE batch SET status = 'approved' WHERE batch_id = :id"),
            {"id": ready["batch_id"]},
        )
        with pytest.raises(DBAPIError, match="another start"):
            connection.execute(
                text(INSERT_APPROVAL),
                {"id": ready["batch_id"], "digest": ready["digest"], "version": version},
            )
        connection.rollback()


def run_sql(ingest: IngestHarness, sql: str, batch_id: Any) -> None:
    with ingest.engine.begin() as connection:
        connection.execute(text(sql), {"id": batch_id})
