"""Our own events in the outbox: written by normal work, and read back after a restore.

The messages of rows and payments are made by the database itself: fifty thousand of them in
Python took longer than all other work on a batch. Tests compare them with the event classes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.ingest import handlers
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import UnknownBatch
from services.ingest.store import (
    amendments,
    approval_requests,
    batches,
    decisions,
    first_approvals,
    rows,
    sources,
    totals,
)

PAGE_PAYMENTS: Final = 5_000
PAGE_ROWS: Final = 2_000


def publish_batch(connection: Connection, batch_id: UUID, now: datetime) -> Batch:
    """Publish the state of a batch as its next version; the batch as published.

    The caller has changed or inserted the batch in this transaction, so its row is locked.
    """
    batch = batches.find_batch(connection, batch_id)
    if batch is None:
        raise UnknownBatch(f"There is no batch {batch_id} here.")
    batches.set_version(connection, batch_id, batch.version + 1)
    batch = batches.get_batch(connection, batch_id)
    event = handlers.batch_changed(
        batch,
        sources.list_sources(connection, batch_id),
        totals.list_totals(connection, batch_id),
        rows.list_institutions(connection, batch_id),
        batches.list_contributors(connection, batch_id),
        now,
        decisions.list_decisions(connection, batch_id),
        approval_requests.list_requests(connection, batch_id),
        first_approvals.find_standing(connection, batch_id),
        amendments.list_amendments(connection, batch_id),
    )
    outbox.add(connection, [event])
    return batch


def publish_rows(
    connection: Connection, row_ids: Sequence[str], event_ids: Sequence[str], now: datetime
) -> None:
    """Publish these rows as they are.

    They were never published at this revision, so the outbox has none of these events.
    """
    run(
        connection,
        """
        INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
        SELECT e.event_id, :topic, e.row_id::text, :type, m.correlation, row_to_json(m)::text
        FROM unnest(CAST(:rows AS uuid[]), CAST(:events AS uuid[])) WITH ORDINALITY
            AS e(row_id, event_id, n),
        LATERAL (
            SELECT :type AS type, e.event_id, :now AS occurred_at,
                r.batch_id::text AS correlation,
                r.row_id, r.root_row_id, r.batch_id, r.revision, r.file_row,
                r.status, r.reason_code, r.reason, r.payment_id,
                r.employee_id, r.branch_id, r.source_account_id,
                coalesce(b.account_last4, '') AS source_last4,
                r.institution_id, r.merchant_id, r.loan_last4, r.loan_index, r.person_index,
                r.amount_text, r.amount_cents, r.redirect_of,
                s.first_name, s.last_name, s.dob, s.phone, s.loan
            FROM batch_row r
            JOIN row_seal s USING (row_id)
            LEFT JOIN batch_source b
                ON b.batch_id = r.batch_id AND b.source_account_id = r.source_account_id
            WHERE r.row_id = e.row_id) m
        ORDER BY e.n""",
        rows=list(row_ids),
        events=list(event_ids),
        topic=RowRead.topic.name,
        type=RowRead.name(),
        now=now.isoformat(),
    )
    run(connection, "SELECT pg_notify('outbox', '')")


def publish_payments(connection: Connection, batch: Batch, now: datetime) -> None:
    """Publish the payments of an approved batch. Those that were published change nothing."""
    ids: list[str] = (
        run(
            connection,
            """
            SELECT payment_id::text
            FROM payment
            WHERE batch_id = :id
            ORDER BY payment_id""",
            id=batch.batch_id,
        )
        .scalars()
        .all()
    )
    for start in range(0, len(ids), PAGE_PAYMENTS):
        _publish_payments(connection, batch, ids[start : start + PAGE_PAYMENTS], now)
    run(connection, "SELECT pg_notify('outbox', '')")


def _publish_payments(
    connection: Connection, batch: Batch, payment_ids: Sequence[str], now: datetime
) -> None:
    run(
        connection,
        """
        INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
        SELECT m.event_id, :topic, m.payment_id::text, :type, m.correlation,
            row_to_json(m)::text
        FROM (
            SELECT :type AS type, e.event_id, :now AS occurred_at,
                CAST(:id AS text) AS correlation,
                r.payment_id, CAST(:id AS text) AS batch_id, :digest AS digest,
                :period AS period, sum(r.amount_cents) AS amount_cents,
                json_agg(
                    json_build_object(
                        'row_id', r.row_id, 'root_row_id', r.root_row_id,
                        'file_row', r.file_row, 'branch_id', r.branch_id,
                        'amount_cents', r.amount_cents)
                    ORDER BY r.file_row) AS rows,
                r.source_account_id, s.account_index,
                s.aba_routing AS source_routing, s.account_last4 AS source_last4,
                r.employee_id,
                (array_agg(r.person_index ORDER BY r.file_row))[1] AS person_index,
                min(r.institution_id) AS institution_id, min(r.merchant_id) AS merchant_id,
                min(r.loan_last4) AS loan_last4, r.loan_index,
                :by AS approved_by, :at AS approved_at
            FROM unnest(CAST(:payments AS uuid[]), CAST(:events AS uuid[]))
                AS e(payment_id, event_id)
            JOIN payment_row p USING (payment_id)
            JOIN batch_row r USING (row_id)
            JOIN batch_source s
                ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
            GROUP BY e.event_id, r.payment_id, r.source_account_id, s.account_index,
                s.aba_routing, s.account_last4, r.employee_id, r.loan_index) m
        ORDER BY m.payment_id
        ON CONFLICT (event_id) DO NOTHING""",
        id=str(batch.batch_id),
        payments=list(payment_ids),
        events=handlers.event_ids(payment_ids, "approved"),
        topic=PaymentApproved.topic.name,
        type=PaymentApproved.name(),
        now=now.isoformat(),
        digest=batch.digest,
        period=batch.period.isoformat(),
        by=batch.approved_by,
        at=batch.approved_at.isoformat() if batch.approved_at else None,
    )


def pages_of_newest_rows(
    connection: Connection, batch_id: UUID, first: int
) -> Iterator[list[RowRead]]:
    """The newest published state of each row of a batch, in pages; `first` as above."""
    found = run(
        connection,
        """
        SELECT DISTINCT ON (message_key) body
        FROM outbox
        WHERE id > :first AND topic = :topic AND correlation = :id
        ORDER BY message_key, CAST(CAST(body AS jsonb) ->> 'revision' AS int) DESC""",
        first=first,
        topic=RowRead.topic.name,
        id=str(batch_id),
    )
    bodies: list[str] = found.scalars().all()
    for start in range(0, len(bodies), PAGE_ROWS):
        yield [RowRead.model_validate_json(body) for body in bodies[start : start + PAGE_ROWS]]


def count_row_messages(connection: Connection, batch_id: UUID) -> int:
    """Count the published messages of a batch's rows, of all revisions."""
    number: int = run(
        connection,
        "SELECT count(*) FROM outbox WHERE topic = :topic AND correlation = :id",
        topic=RowRead.topic.name,
        id=str(batch_id),
    ).scalar_one()
    return number


def lock_behind_rows(connection: Connection, first: int) -> list[tuple[UUID, int]]:
    """Lock the unapproved batches that are behind their published rows; `first` as above.

    Returns:
        Each batch with the newest revision of its published rows, which is not below its own.
    """
    found = run(
        connection,
        """
        SELECT b.batch_id, s.revision
        FROM batch b
        JOIN (
            SELECT correlation, max(CAST(CAST(body AS jsonb) ->> 'revision' AS int)) AS revision
            FROM outbox
            WHERE id > :first AND topic = :topic
            GROUP BY correlation) s ON s.correlation = CAST(b.batch_id AS text)
        WHERE b.status IN ('checking', 'ready') AND s.revision >= b.revision
        ORDER BY b.batch_id
        FOR UPDATE OF b""",
        first=first,
        topic=RowRead.topic.name,
    )
    return [(row.batch_id, row.revision) for row in found]
