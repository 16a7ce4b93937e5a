"""Table `approval_request`: who asked for the approval of a batch, and how the request ended.

A batch has at most one request that is open (index `approval_request_open`).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ingest.domain import decision_messages
from services.ingest.domain.approval_request import ApprovalRequest

_REQUESTS: Final = """
    SELECT request_id, batch_id, digest, note, asked_by, asked_at,
        outcome, ended_by, ended_at, end_reason
    FROM approval_request"""


def list_requests(connection: Connection, batch_id: UUID) -> list[ApprovalRequest]:
    """List the requests of a batch, in the order in which they were made."""
    found = run(connection, f"{_REQUESTS} WHERE batch_id = :id ORDER BY number", id=batch_id)
    return [ApprovalRequest(**row) for row in found.mappings()]


def list_newest(connection: Connection, batch_ids: Collection[UUID]) -> dict[UUID, ApprovalRequest]:
    """List the newest request of each of these batches that has one."""
    found = run(
        connection,
        f"{_REQUESTS} WHERE batch_id = ANY(CAST(:ids AS uuid[])) ORDER BY number",
        ids=[str(one) for one in batch_ids],
    )
    return {row["batch_id"]: ApprovalRequest(**row) for row in found.mappings()}


def find_newest(connection: Connection, batch_id: UUID) -> ApprovalRequest | None:
    """Find the newest request of a batch; None if nobody asked."""
    found = run(
        connection, f"{_REQUESTS} WHERE batch_id = :id ORDER BY number DESC LIMIT 1", id=batch_id
    )
    row = found.mappings().first()
    return None if row is None else ApprovalRequest(**row)


def insert_request(connection: Connection, request: ApprovalRequest, number: int) -> None:
    """Insert a request. Who asked can no longer approve the batch.

    Args:
        number: how many requests of the batch there were before.
    """
    run(
        connection,
        """
        INSERT INTO approval_request (
            request_id, batch_id, number, digest, note, asked_by, asked_at,
            outcome, ended_by, ended_at, end_reason)
        VALUES (:request_id, :batch_id, :number, :digest, :note, :asked_by, :asked_at,
            :outcome, :ended_by, :ended_at, :end_reason)""",
        request_id=request.request_id,
        batch_id=request.batch_id,
        number=number,
        digest=request.digest,
        note=request.note,
        asked_by=request.asked_by,
        asked_at=request.asked_at,
        outcome=request.outcome,
        ended_by=request.ended_by,
        ended_at=request.ended_at,
        end_reason=request.end_reason,
    )


def end_request(
    connection: Connection, request_id: UUID, outcome: str, person: str, at: datetime, reason: str
) -> None:
    """End an open request: who sent it back or withdrew it, when and why."""
    run(
        connection,
        """
        UPDATE approval_request
        SET outcome = :outcome, ended_by = :person, ended_at = :at, end_reason = :reason
        WHERE request_id = :id AND outcome = ''""",
        id=request_id,
        outcome=outcome,
        person=person,
        at=at,
        reason=reason,
    )


def recover_requests(connection: Connection, newest: BatchChanged) -> None:
    """Make the requests of a batch those that were published. A second call changes nothing."""
    known = {one.request_id: one for one in list_requests(connection, newest.batch_id)}
    for number, one in enumerate(decision_messages.published_requests(newest)):
        here = known.get(one.request_id)
        if here is None:
            insert_request(connection, one, number)
        elif not here.outcome and one.ended_by and one.ended_at:
            end_request(
                connection,
                one.request_id,
                one.outcome,
                one.ended_by,
                one.ended_at,
                one.end_reason,
            )
