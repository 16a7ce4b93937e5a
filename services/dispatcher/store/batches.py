"""Table `batch`: ingest's newest message about a batch, and our own state of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.events.batches import BatchChanged
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.dispatcher import handlers
from services.dispatcher.store import sources
from services.dispatcher.store.transaction import now


def upsert_batch(connection: Connection, event: BatchChanged) -> bool:
    """Store the newest version of a batch; whether this one is newer.

    An older or repeated version changes nothing.
    """
    newer = run(
        connection,
        """
        INSERT INTO batch (
            batch_id, version, status, revision, digest, period,
            row_messages, payments, payments_cents,
            institutions, barred,
            approved_by, approved_at, seen_digest, approval, start_at, contents_digest
        )
        VALUES (
            :batch_id, :version, :status, :revision, :digest, :period,
            :row_messages, :payments, :payments_cents,
            CAST(:institutions AS text[]), CAST(:barred AS text[]),
            :approved_by, :approved_at, :seen_digest, :approval, :start_at, :contents_digest
        )
        ON CONFLICT (batch_id) DO UPDATE
        SET version = excluded.version, status = excluded.status, revision = excluded.revision,
            digest = excluded.digest,
            row_messages = excluded.row_messages, payments = excluded.payments,
            payments_cents = excluded.payments_cents,
            institutions = excluded.institutions, barred = excluded.barred,
            approved_by = excluded.approved_by, approved_at = excluded.approved_at,
            seen_digest = excluded.seen_digest, approval = excluded.approval,
            start_at = excluded.start_at, contents_digest = excluded.contents_digest,
            -- another digest or start is proved anew before anything of it is sent
            proved_digest = CASE
                WHEN batch.start_at IS DISTINCT FROM excluded.start_at THEN ''
                ELSE batch.proved_digest
            END,
            state = CASE
                WHEN batch.state = 'paying'
                    AND (batch.digest, batch.start_at)
                        IS DISTINCT FROM (excluded.digest, excluded.start_at)
                THEN 'waiting'
                ELSE batch.state
            END,
            changed_at = now(),
            preflight_since = CASE
                WHEN batch.revision < excluded.revision THEN NULL
                ELSE batch.preflight_since
            END
        WHERE batch.version < excluded.version
        RETURNING 1""",
        **_values(event),
    ).first()
    return newer is not None


def _values(event: BatchChanged) -> dict[str, Any]:
    return {
        "batch_id": event.batch_id,
        "version": event.version,
        "status": event.status,
        "revision": event.revision,
        "digest": event.digest,
        "period": event.period,
        "row_messages": event.row_messages,
        "payments": event.payments,
        "payments_cents": event.payments_cents,
        "institutions": list(event.institutions),
        "barred": [] if event.one_person else list(event.barred),
        "approved_by": event.approved_by or "",
        "approved_at": event.approved_at,
        "seen_digest": event.seen_digest,
        "approval": event.approval.model_dump_json() if event.approval else "",
        "start_at": event.start_at,
        "contents_digest": event.contents_digest,
    }


def find_batch(connection: Connection, batch_id: UUID) -> dict[str, Any] | None:
    """Return our state of a batch; None if it is not known here."""
    row = (
        run(
            connection,
            """
            SELECT batch_id, state, state_version AS version, state_by, state_reason
            FROM batch
            WHERE batch_id = :id""",
            id=batch_id,
        )
        .mappings()
        .first()
    )
    return None if row is None else dict(row)


def lock_batch(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """Lock a batch until the end of the transaction; None if it is not known here.

    It waits for every gate that holds the batch.
    """
    found: Row[Any] | None = run(
        connection,
        """
        SELECT batch_id, status, state, state_version, state_by, state_reason
        FROM batch
        WHERE batch_id = :id
        FOR UPDATE""",
        id=batch_id,
    ).first()
    return found


def is_any_paying(connection: Connection, batch_ids: Collection[str]) -> bool:
    """Whether one of these batches is being paid."""
    found = run(
        connection,
        """
        SELECT 1
        FROM batch
        WHERE batch_id = ANY(CAST(:ids AS uuid[])) AND state = 'paying'
        LIMIT 1""",
        ids=sorted(batch_ids),
    ).first()
    return found is not None


def list_batch_ids(connection: Connection) -> set[str]:
    """Return the ids of all batches, as text."""
    return {str(batch_id) for batch_id in run(connection, "SELECT batch_id FROM batch").scalars()}


def list_barred_people(connection: Connection, batch_id: str) -> frozenset[str]:
    """Return who had a hand in a batch, by its id as text; nobody for an id not known here."""
    people = run(
        connection, "SELECT unnest(barred) FROM batch WHERE batch_id::text = :id", id=batch_id
    )
    return frozenset(people.scalars())


#: Payments of batch `b` may still be sent. A batch whose payments have all ended keeps its state.
HAS_OPEN_PAYMENTS = """EXISTS (
            SELECT FROM payment p
            WHERE p.batch_id = b.batch_id AND p.status IN ('unprocessed', 'sending', 'in_doubt')
        )"""


def count_paying(connection: Connection) -> int:
    """Count the batches that are being paid, here and by ingest's account."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM batch
        WHERE status IN ('approved', 'paying') AND state = 'paying'""",
    ).scalar_one()
    return count


@dataclass(frozen=True)
class BatchState:
    """Our state of a batch at a version, who caused it, and why."""

    batch_id: UUID
    version: int
    state: str
    by: str
    reason: str


def write_states(connection: Connection, states: Sequence[BatchState]) -> None:
    """Write states of batches; one that is not newer than the stored one changes nothing."""
    run(
        connection,
        """
        UPDATE batch b
        SET state = x.state, state_version = x.version, state_by = x.by, state_reason = x.reason,
            changed_at = now()
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:states AS text[]),
            CAST(:bys AS text[]), CAST(:reasons AS text[])
        ) AS x(batch_id, version, state, by, reason)
        WHERE b.batch_id = x.batch_id AND b.state_version < x.version""",
        ids=[str(s.batch_id) for s in states],
        versions=[s.version for s in states],
        states=[s.state for s in states],
        bys=[s.by for s in states],
        reasons=[s.reason for s in states],
    )


def change_state(connection: Connection, batch_id: UUID, state: str, by: str, reason: str) -> None:
    """Move a batch to another state and publish it. Each call publishes the next version."""
    batch = _lock_known(connection, batch_id)
    _publish(connection, BatchState(batch_id, batch.state_version + 1, state, by, reason))


def announce(connection: Connection, batch_id: UUID) -> None:
    """Publish a batch's state again, because its stopped sources have changed."""
    batch = _lock_known(connection, batch_id)
    version = batch.state_version + 1
    state = BatchState(batch_id, version, batch.state, batch.state_by, batch.state_reason)
    _publish(connection, state)


def _lock_known(connection: Connection, batch_id: UUID) -> Row[Any]:
    batch = lock_batch(connection, batch_id)
    assert batch is not None, "only batches that are known here change their state"
    return batch


def _publish(connection: Connection, state: BatchState) -> None:
    write_states(connection, [state])
    event = handlers.dispatch_changed(
        state.batch_id,
        state.version,
        state.state,  # type: ignore[arg-type]  # the table's CHECK is the same list
        state.by,
        state.reason,
        sources.list_stopped(connection, state.batch_id),
        now(connection),
    )
    outbox.add(connection, [event])


def return_to_waiting(connection: Connection, batch_id: UUID, by: str, reason: str) -> None:
    """Let a paused batch begin again when all that was announced is here. Nothing is published.

    The start publishes it, with this person and reason.
    """
    run(
        connection,
        """
        UPDATE batch
        SET state = 'waiting', state_by = :by, state_reason = :reason
        WHERE batch_id = :id""",
        id=batch_id,
        by=by,
        reason=reason,
    )


# --- preparation -------------------------------------------------------------------------------


def list_due_preflights(connection: Connection) -> list[Row[Any]]:
    """Return the batches whose newest revision waits for its preflight, and how long (`age_s`).

    The first call for a revision starts its clock.
    """
    run(
        connection,
        """
        UPDATE batch
        SET preflight_since = now()
        WHERE status = 'checking' AND preflight_revision < revision AND preflight_since IS NULL""",
    )
    return list(
        run(
            connection,
            """
            SELECT batch_id, revision, institutions,
                   extract(epoch FROM now() - preflight_since)::float8 AS age_s
            FROM batch
            WHERE status = 'checking' AND preflight_revision < revision
            ORDER BY batch_id""",
        )
    )


def read_oldest_preflight_s(connection: Connection) -> float:
    """For how long the oldest batch has waited for its preflight, in seconds; 0 if none does."""
    return float(
        run(
            connection,
            """
            SELECT coalesce(max(extract(epoch FROM now() - preflight_since)), 0)
            FROM batch
            WHERE status = 'checking' AND preflight_revision < revision""",
        ).scalar_one()
    )


def record_preflights(connection: Connection, revisions: Sequence[tuple[UUID, int]]) -> None:
    """Note the newest revision of each batch whose preflight was published. Older ones are kept."""
    run(
        connection,
        """
        UPDATE batch b
        SET preflight_revision = x.revision
        FROM unnest(CAST(:ids AS uuid[]), CAST(:revisions AS int[])) AS x(batch_id, revision)
        WHERE b.batch_id = x.batch_id AND b.preflight_revision < x.revision""",
        ids=[str(batch_id) for batch_id, _ in revisions],
        revisions=[revision for _, revision in revisions],
    )


def list_unprepared(connection: Connection, *, every: bool) -> list[Row[Any]]:
    """Return the batches of which payable rows have no provider objects yet.

    Only those that people look at or have approved, once all their rows are here. With `every`
    also those that have ended and have payments.
    """
    return list(
        run(
            connection,
            """
            SELECT b.batch_id, b.institutions
            FROM batch b
            JOIN row_count c USING (batch_id)
            WHERE (
                    b.status IN ('ready', 'approved', 'paying', 'paused')
                    AND b.state <> 'cancelled'
                    OR (
                        :every
                        AND EXISTS (SELECT FROM payment p WHERE p.batch_id = b.batch_id)
                    )
                )
                AND c.messages >= b.row_messages
                AND EXISTS (
                    SELECT 1
                    FROM batch_row r
                    WHERE r.batch_id = b.batch_id AND NOT r.prepared AND r.status = 'payable'
                )""",
            every=every,
        )
    )
