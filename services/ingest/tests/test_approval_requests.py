"""People ask for the approval of a batch; it is locked until it is sent back or withdrawn."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from libs.common.contracts.events.batches import BatchChanged
from services.ingest.domain.approval_request import REQUESTS_MAX, ApprovalRequest, check_ask
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import RequestError
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database


def path_of(batch: Any) -> str:
    return f"/batches/{batch['batch_id']}/approval-requests"


def ask(ingest: IngestHarness, batch: Any, who: str = "paula") -> Response:
    body = {"digest": batch["digest"], "note": "for Friday"}
    return ingest.call("POST", path_of(batch), who, json=body)


def asked(ingest: IngestHarness, xml: bytes) -> tuple[Any, str]:
    """A batch of paula's for whose approval peter has asked, and the path of the request."""
    batch = ingest.ready(xml)
    answer = ask(ingest, batch, "peter")
    assert answer.status_code == 200, answer.text
    return batch, f"{path_of(batch)}/{answer.json()['approval_request']['request_id']}"


def send_back(ingest: IngestHarness, request: str, who: str = "adam") -> Response:
    return ingest.call("POST", f"{request}/send-back", who, json={"reason": "one too many"})


def changes(ingest: IngestHarness, batch: Any) -> dict[str, Response]:
    """Everything with which people change a ready batch, tried."""
    source = batch["sources"][0]["source_account_id"]
    correction = {"source_account_id": source, "field": "line1", "from": "x", "to": "y"}
    decision = {"act": "exclude", "row_id": ingest.rows(batch)[0]["row_id"], "reason": "leaves"}

    def change(kind: str, who: str, body: Any) -> Response:
        return ingest.call("POST", f"/batches/{batch['batch_id']}/{kind}", who, json=body)

    return {
        "decisions": change("decisions", "peter", {"decisions": [decision]}),
        "an approver's": change("decisions", "adam", {"decisions": [decision]}),
        "corrections": change("corrections", "peter", {"corrections": [correction]}),
        "period": change("period", "peter", {"period": batch["period"]}),
    }


def test_a_batch_that_is_asked_about_shows_who_asked_and_why(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch, _ = asked(ingest, xml)
    shown = ingest.batch(batch["batch_id"])["approval_requests"]
    assert [
        (one["state"], one["asked_by"], one["note"], one["is_of_this_digest"]) for one in shown
    ] == [("open", "peter", "for Friday", True)]
    line = next(
        one
        for one in ingest.get("/batches", limit=1000)["items"]
        if one["batch_id"] == batch["batch_id"]
    )
    assert line["approval_request"] == shown[0]
    event = ingest.published(batch["batch_id"], BatchChanged)[-1]
    assert [(one.asked_by, one.note) for one in event.approval_requests] == [
        ("peter", "for Friday")
    ]


def test_nobody_changes_a_batch_that_is_asked_about(ingest: IngestHarness, xml: bytes) -> None:
    batch, request = asked(ingest, xml)
    for what, answer in changes(ingest, batch).items():
        assert (answer.status_code, answer.json()["code"]) == (409, "approval-request.locked"), what
        assert "peter has asked" in answer.json()["detail"]
    assert ingest.batch(batch["batch_id"])["digest"] == batch["digest"]
    assert ingest.call("DELETE", request, "paula").status_code == 200
    assert changes(ingest, batch)["decisions"].status_code == 200


def test_a_decision_that_stands_is_not_taken_back_meanwhile(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch = ingest.ready(xml)
    decision = changes(ingest, batch)["decisions"].json()["decisions"][0]["decision_id"]
    batch = ingest.check(batch["batch_id"])
    assert ask(ingest, batch).status_code == 200
    path = f"/batches/{batch['batch_id']}/decisions/{decision}"
    assert ingest.call("DELETE", path, "peter").json()["code"] == "approval-request.locked"


def test_a_batch_that_is_sent_back_says_why_and_can_be_changed_and_asked_about_again(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch, request = asked(ingest, xml)
    assert send_back(ingest, request).json()["approval_request"]["state"] == "sent_back"
    assert send_back(ingest, request).status_code == 200  # the same again
    (shown,) = ingest.batch(batch["batch_id"])["approval_requests"]
    assert (shown["ended_by"], shown["end_reason"]) == ("adam", "one too many")
    other = send_back(ingest, request, "anna")
    assert (other.status_code, other.json()["code"]) == (409, "approval-request.over")
    assert "adam has sent it back" in other.json()["detail"]
    assert changes(ingest, batch)["decisions"].status_code == 200
    batch = ingest.check(batch["batch_id"])
    assert ask(ingest, batch).status_code == 200
    states = [one["state"] for one in ingest.batch(batch["batch_id"])["approval_requests"]]
    assert states == ["sent_back", "open"]
    # who sent it back has no hand in it
    assert ingest.approve(batch, "adam").status_code == 200
    states = [one["state"] for one in ingest.batch(batch["batch_id"])["approval_requests"]]
    assert states == ["sent_back", "approved"]


def test_who_asks_cannot_approve_and_a_batch_is_approved_without_being_asked_about(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch = ingest.ready(xml)
    assert ask(ingest, batch, "maria").status_code == 200
    refused = ingest.approve(batch, "maria")
    assert (refused.status_code, refused.json()["code"]) == (403, "approval.same-person")
    assert ingest.approve(batch, "anna").status_code == 200


def test_the_approval_ends_what_can_be_sent_back(ingest: IngestHarness, xml: bytes) -> None:
    batch, request = asked(ingest, xml)
    assert ingest.approve(batch).status_code == 200
    for answer in (send_back(ingest, request), ingest.call("DELETE", request, "peter")):
        assert (answer.status_code, answer.json()["code"]) == (409, "approval-request.over")
        assert "anna has approved the batch" in answer.json()["detail"]
    assert ask(ingest, batch).json()["code"] == "approval-request.not-ready"


def test_one_request_is_open_at_a_time_and_the_same_again_is_the_same(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch, request = asked(ingest, xml)
    again = ask(ingest, batch, "peter")
    assert request.endswith(again.json()["approval_request"]["request_id"])
    other = ask(ingest, batch, "paula")
    assert (other.status_code, other.json()["code"]) == (409, "approval-request.open")
    (shown,) = ingest.batch(batch["batch_id"])["approval_requests"]
    copy = "INSERT INTO approval_request SELECT gen_random_uuid(), batch_id, 7, digest, note, \
asked_by, asked_at FROM approval_request WHERE request_id = :id"
    with ingest.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(copy), {"id": shown["request_id"]})


def test_what_was_asked_about_may_change_without_people_and_says_so(
    ingest: IngestHarness, xml: bytes
) -> None:
    batch, _ = asked(ingest, xml)
    row = ingest.rows(batch, status="payable")[0]
    hold = {"kind": "person", "id": row["employee_id"], "reason": "disputed"}
    assert ingest.call("POST", "/holds", "paula", json=hold).status_code == 200
    batch = ingest.check(batch["batch_id"])
    (shown,) = batch["approval_requests"]
    assert (shown["state"], shown["is_of_this_digest"]) == ("open", False)


def test_only_what_was_seen_is_asked_about(ingest: IngestHarness, xml: bytes) -> None:
    batch = ingest.ready(xml)
    stale = ask(ingest, {**batch, "digest": "sha256:" + "0" * 64})
    assert (stale.status_code, stale.json()["code"]) == (409, "approval-request.stale")
    assert ask(ingest, batch, "anna").json()["code"] == "auth.forbidden"
    unknown = f"{path_of(batch)}/{batch['batch_id']}/send-back"
    answer = ingest.call("POST", unknown, "anna", json={"reason": "no"})
    assert (answer.status_code, answer.json()["code"]) == (404, "approval-request.unknown")


def test_the_database_keeps_what_was_asked_and_answered(ingest: IngestHarness, xml: bytes) -> None:
    _, request = asked(ingest, xml)
    name = request.rsplit("/", 1)[1]
    for change in (
        "UPDATE approval_request SET note = 'other' WHERE request_id = :id",
        "UPDATE approval_request SET asked_by = 'other' WHERE request_id = :id",
        "DELETE FROM approval_request WHERE request_id = :id",
    ):
        with ingest.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(change), {"id": name})
    assert send_back(ingest, request).status_code == 200
    reopen = "UPDATE approval_request SET outcome = '', ended_by = NULL, ended_at = NULL, \
end_reason = '' WHERE request_id = :id"
    with ingest.engine.connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text(reopen), {"id": name})


def test_a_ready_batch_shows_when_it_expires(ingest: IngestHarness, xml: bytes) -> None:
    batch = ingest.ready(xml)
    days = datetime.fromisoformat(batch["expires_at"]) - datetime.fromisoformat(
        batch["uploaded_at"]
    )
    assert timedelta(days=30) <= days < timedelta(days=30, minutes=5)
    ingest.approve(batch)
    assert ingest.batch(batch["batch_id"])["expires_at"] is None


def test_a_batch_is_asked_about_a_limited_number_of_times() -> None:
    now, some_id = datetime(2026, 11, 20, tzinfo=UTC), uuid4()
    batch = Batch(
        batch_id=some_id,
        family_id=some_id,
        parent_batch_id=None,
        status="ready",
        filename="",
        period=now.date(),
        uploaded_by="paula",
        uploaded_at=now,
        digest="d",
    )
    over = ApprovalRequest(some_id, some_id, "d", "", "paula", now, "withdrawn", "paula", now)
    check_ask(batch, "d", [over] * (REQUESTS_MAX - 1))
    with pytest.raises(RequestError) as refused:
        check_ask(batch, "d", [over] * REQUESTS_MAX)
    assert refused.value.code == "approval-request.too-many"
