"""The table `batch`: the newest version of each batch, as ingest published it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from services.ledger.domain.outcomes import DeclaredBatch, Tally
from services.ledger.handlers import Conflict, content_digest


@dataclass(frozen=True, slots=True)
class MissingPayments:
    """A batch that has fewer approved payments here than it declares."""

    batch_id: UUID
    declared: int
    present: int


def lock_batches(connection: Connection, batch_ids: Iterable[UUID]) -> None:
    """Lock these batches against other transactions until this one ends. Waits for the locks.

    The approval and a status of one payment come by different topics. Without the lock each
    transaction could miss the other's row, and the status would wait for ever. The transactions of
    a batch exclude each other anyway, by the balance row of its source. A second call in the same
    transaction changes nothing.
    """
    keys = sorted({int.from_bytes(batch_id.bytes[:8], signed=True) for batch_id in batch_ids})
    run(
        connection,
        """
        SELECT pg_advisory_xact_lock(key)
        FROM unnest(CAST(:keys AS bigint[])) AS key""",
        keys=keys,
    )


def upsert_batches(connection: Connection, events: Sequence[BatchChanged]) -> None:
    """Store the newest version of each batch. Older versions and repetitions change nothing.

    Raises:
        Conflict: the stored version came again with other content.
    """
    newest: dict[UUID, BatchChanged] = {}
    for event in events:
        if event.batch_id not in newest or newest[event.batch_id].version < event.version:
            newest[event.batch_id] = event
    for event in newest.values():  # a handful: one per batch
        digest = content_digest(event)
        _upsert_batch(connection, event, digest)
        stored = run(
            connection,
            "SELECT version, content FROM batch WHERE batch_id = :id",
            id=event.batch_id,
        ).one()
        if stored.version == event.version and stored.content != digest:
            raise Conflict(f"batch {event.batch_id} has two different versions {event.version}")


def _upsert_batch(connection: Connection, event: BatchChanged, digest: str) -> None:
    run(
        connection,
        """
        INSERT INTO batch (
            batch_id, version, status, content, changed_at,
            payments, payments_cents,
            row_counts, amounts_cents,
            payable_by_source, payable_by_branch,
            barred
        )
        VALUES (
            :batch_id, :version, :status, :content, :changed_at,
            :payments, :payments_cents,
            CAST(:row_counts AS jsonb), CAST(:amounts_cents AS jsonb),
            CAST(:sources AS jsonb), CAST(:branches AS jsonb),
            CAST(:barred AS text[])
        )
        ON CONFLICT (batch_id) DO UPDATE
        SET version = excluded.version,
            status = excluded.status,
            content = excluded.content,
            changed_at = excluded.changed_at,
            payments = excluded.payments,
            payments_cents = excluded.payments_cents,
            row_counts = excluded.row_counts,
            amounts_cents = excluded.amounts_cents,
            payable_by_source = excluded.payable_by_source,
            payable_by_branch = excluded.payable_by_branch,
            barred = excluded.barred
        WHERE batch.version < excluded.version""",
        batch_id=event.batch_id,
        version=event.version,
        status=event.status,
        content=digest,
        changed_at=event.occurred_at,
        payments=event.payments,
        payments_cents=event.payments_cents,
        row_counts=event.rows.model_dump_json(),
        amounts_cents=event.amount_cents.model_dump_json(),
        sources=_payable_json(
            (s.source_account_id, s.rows.payable, s.amount_cents.payable) for s in event.sources
        ),
        branches=_payable_json(
            (b.branch_id, b.rows.payable, b.amount_cents.payable) for b in event.branches
        ),
        barred=list(event.barred),
    )


def _payable_json(parts: Iterable[tuple[str, int, int]]) -> str:
    """JSON of what is payable: an object of id to [rows, cents], without ids of no payable row."""
    return json.dumps({part_id: [rows, cents] for part_id, rows, cents in parts if rows})


def find_batch(connection: Connection, batch_id: UUID) -> DeclaredBatch | None:
    """The newest version of a batch; None if the batch is unknown."""
    row = run(
        connection,
        """
        SELECT
            batch_id, status, changed_at,
            payments, payments_cents,
            row_counts, amounts_cents,
            payable_by_source, payable_by_branch
        FROM batch
        WHERE batch_id = :id""",
        id=batch_id,
    ).first()
    if row is None:
        return None
    return DeclaredBatch(
        batch_id=row.batch_id,
        status=row.status,
        changed_at=row.changed_at,
        payments=Tally(row.payments, row.payments_cents),
        rows={
            name: Tally(row.row_counts[name], row.amounts_cents[name]) for name in row.row_counts
        },
        payable_by_source=_payable_tallies(row.payable_by_source),
        payable_by_branch=_payable_tallies(row.payable_by_branch),
    )


def _payable_tallies(stored: Mapping[str, Sequence[int]]) -> dict[str, Tally]:
    return {part_id: Tally(rows, cents) for part_id, (rows, cents) in stored.items()}


def find_batches_missing_payments(
    connection: Connection, older_than_s: int
) -> list[MissingPayments]:
    """The batches in payment, unchanged for so many seconds, whose payments are not all here."""
    rows = run(
        connection,
        """
        SELECT b.batch_id, b.payments, p.present
        FROM batch b
        CROSS JOIN LATERAL (
            SELECT count(*) AS present
            FROM payment p
            WHERE p.batch_id = b.batch_id
        ) p
        WHERE b.status IN ('approved', 'paying', 'paused')
            AND b.changed_at < now() - make_interval(secs => :age)
            AND p.present < b.payments""",
        age=older_than_s,
    )
    return [MissingPayments(row.batch_id, row.payments, row.present) for row in rows]
