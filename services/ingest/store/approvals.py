"""Tables `approval` and `include`: who approved a batch, and which excluded rows they included."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.approval import Approval, parse_inclusion
from services.ingest.store.rows import list_included


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
            assertion, rules_version, start_at, payments, payments_cents)
        SELECT :id, :digest, :seen_digest, :person, :counts_as, :at, :acknowledged, :one_person,
            :assertion, :rules_version, :start_at, count(DISTINCT payment_id), sum(amount_cents)
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
        rules_version=approval.rules_version,
        start_at=approval.start_at,
        assertion=approval.assertion.model_dump_json() if approval.assertion else "",
    )


def insert_includes(connection: Connection, batch_id: UUID, at: datetime) -> None:
    """Insert the payable rows of a batch that were excluded and included, before its approval.

    They need no claim (`store.claims`), but an inclusion (`store.inclusions`). By whom, what they
    were and why is read from the reason that each row shows.
    """
    included = [
        parse_inclusion(one.row_id, one.reason) for one in list_included(connection, batch_id)
    ]
    run(
        connection,
        """
        INSERT INTO include (row_id, batch_id, was, reason, included_by, included_at)
        SELECT row_id, :id, was, reason, person, :at
        FROM unnest(CAST(:row_ids AS uuid[]), CAST(:was AS text[]), CAST(:reasons AS text[]),
                CAST(:people AS text[]))
            AS i(row_id, was, reason, person)""",
        row_ids=[str(row.row_id) for row in included],
        was=[row.was for row in included],
        reasons=[row.reason for row in included],
        people=[row.person for row in included],
        id=batch_id,
        at=at,
    )
