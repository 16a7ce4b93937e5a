"""Tables `approval` and `include`: who approved a batch, and which excluded rows they included."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.approval import Approval, IncludedRow


def insert_approval(
    connection: Connection, batch_id: UUID, approval: Approval, one_person: bool, at: datetime
) -> None:
    """Insert the approval of a batch that was just marked approved.

    Triggers refuse it if the approver, or who the approver counts as, contributed to the batch, or
    if the digest is another one.

    Args:
        one_person: whether the rule that another person approves is off, whoever the approver is.
    """
    run(
        connection,
        """
        INSERT INTO approval (
            batch_id, digest, seen_digest,
            approved_by, counts_as, approved_at, acknowledged, one_person,
            payments, payments_cents)
        SELECT :id, :digest, :seen_digest, :person, :counts_as, :at, :acknowledged, :one_person,
            count(DISTINCT payment_id), sum(amount_cents)
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable'""",
        id=batch_id,
        digest=approval.approved_digest or approval.digest,
        seen_digest=approval.digest if approval.approved_digest else None,
        person=approval.person,
        counts_as=sorted(approval.counts_as),
        at=at,
        acknowledged=sorted(approval.acknowledge),
        one_person=one_person,
    )


def insert_includes(
    connection: Connection,
    batch_id: UUID,
    rows: Sequence[IncludedRow],
    person: str,
    at: datetime,
) -> None:
    """Insert excluded rows that an approver includes, with their former reasons."""
    run(
        connection,
        """
        INSERT INTO include (row_id, batch_id, was, reason, included_by, included_at)
        SELECT row_id, :id, was, reason, :person, :at
        FROM unnest(CAST(:row_ids AS uuid[]), CAST(:was AS text[]), CAST(:reasons AS text[]))
            AS i(row_id, was, reason)""",
        row_ids=[str(row.row_id) for row in rows],
        was=[row.was for row in rows],
        reasons=[row.reason for row in rows],
        id=batch_id,
        person=person,
        at=at,
    )
