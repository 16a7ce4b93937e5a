"""Table `batch`: one row per uploaded file or child batch, and its status.

A function here changes the row alone. Its caller publishes the batch in the same transaction
(`published_events.publish_batch`).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from services.ingest.domain.batch import NOT_LIVE, Batch
from services.ingest.domain.errors import RequestError
from services.ingest.store import mended_rows
from services.ingest.store.certificates import NEWEST_OUTCOMES

#: A batch with its approval, from `batch b LEFT JOIN approval a`.
COLUMNS = """
    b.batch_id, b.family_id, b.parent_batch_id, b.status, b.filename, b.period,
    b.uploaded_by, b.uploaded_at, b.version, b.revision,
    coalesce(b.content_sha256, (
        SELECT m.content_sha256 FROM mended_file m WHERE m.batch_id = b.batch_id
    )) AS content_sha256,
    b.digest, coalesce(b.contents_digest, '') AS contents_digest, b.row_messages,
    b.reason, b.error_code, b.error_message, b.error_line,
    b.dispatch_version, a.approved_by, a.approved_at, a.seen_digest,
    coalesce(a.assertion, '') AS assertion, coalesce(a.rules_version, 0) AS rules_version,
    a.start_at,
    coalesce(a.acknowledged, '{}') AS acknowledged,
    coalesce(a.one_person, false) AS one_person,
    coalesce(a.payments, 0) AS payments,
    coalesce(a.payments_cents, 0) AS payments_cents,
    b.period_end, b.other_period, b.ready_at"""


def to_batch(found: Any) -> Batch:
    """A Batch from a row with COLUMNS."""
    values = {name: getattr(found, name) for name in Batch.__dataclass_fields__}
    return Batch(**{**values, "acknowledged": tuple(found.acknowledged)})


def find_batch(connection: Connection, batch_id: UUID, lock: bool = False) -> Batch | None:
    """Find a batch. With `lock` no other transaction can change it until this one ends."""
    if lock:
        # A statement of its own: the next one then sees what a transaction before us approved.
        run(connection, "SELECT 1 FROM batch WHERE batch_id = :id FOR UPDATE", id=batch_id)
    found = run(
        connection,
        f"""
        SELECT {COLUMNS}
        FROM batch b
        LEFT JOIN approval a USING (batch_id)
        WHERE b.batch_id = :id""",  # noqa: S608 - our own text
        id=batch_id,
    ).first()
    return None if found is None else to_batch(found)


def get_batch(connection: Connection, batch_id: UUID, lock: bool = False) -> Batch:
    """Find a batch that a person asks for.

    Raises:
        RequestError: there is no such batch.
    """
    batch = find_batch(connection, batch_id, lock)
    if batch is None:
        raise RequestError(
            "not_found", "batch.unknown", "There is no such batch.", "Look at the list of batches."
        )
    return batch


def find_live_batch(connection: Connection, content_sha256: str) -> UUID | None:
    """Find the oldest live batch with these very bytes."""
    found = run(
        connection,
        """
        SELECT batch_id
        FROM batch
        WHERE content_sha256 = :sha256 AND status <> ALL(:not_live)
        ORDER BY uploaded_at
        LIMIT 1""",
        sha256=content_sha256,
        not_live=list(NOT_LIVE),
    ).scalar()
    return found if isinstance(found, UUID) else None


def insert_batch(connection: Connection, batch: Batch, made_because: str = "") -> bool:
    """Insert a batch.

    Args:
        made_because: why the same bytes (or, in a child batch, the same rows) are used again on
            purpose; empty for an ordinary upload.

    Returns:
        False when a live batch with the same bytes exists; nothing was inserted then.
    """
    is_child = batch.parent_batch_id is not None
    inserted = bool(
        run(
            connection,
            """
            INSERT INTO batch (
                batch_id, family_id, parent_batch_id, status, version, revision,
                filename, period, content_sha256, made_because,
                uploaded_by, uploaded_at, reason, digest, row_messages,
                period_end, other_period)
            VALUES (
                :batch_id, :family_id, :parent_batch_id, :status, :version, :revision,
                :filename, :period, :content_sha256, :made_because,
                :uploaded_by, :uploaded_at, :reason, :digest, :row_messages,
                :period_end, :other_period)
            ON CONFLICT (content_sha256)
                WHERE made_because = ''
                    AND status NOT IN ('rejected', 'discarded', 'expired', 'cancelled')
            DO NOTHING""",
            batch_id=batch.batch_id,
            family_id=batch.family_id,
            parent_batch_id=batch.parent_batch_id,
            status=batch.status,
            version=batch.version,
            revision=batch.revision,
            filename=batch.filename,
            period=batch.period,
            content_sha256=None if is_child else batch.content_sha256,
            made_because=made_because,
            uploaded_by=batch.uploaded_by,
            uploaded_at=batch.uploaded_at,
            reason=batch.reason,
            digest=batch.digest,
            row_messages=batch.row_messages,
            period_end=batch.period_end,
            other_period=batch.other_period,
        ).rowcount
    )
    if inserted and is_child and batch.content_sha256:
        mended_rows.insert_mended_file(connection, batch.batch_id, batch.content_sha256)
    return inserted


def list_contributors(connection: Connection, batch_id: UUID | str) -> frozenset[str]:
    """List who uploaded, corrected or derived a batch or one of its ancestors.

    Nobody for a text that is no batch's id.
    """
    return frozenset(
        run(
            connection,
            """
            SELECT barred(batch_id)
            FROM batch
            WHERE batch_id::text = :id""",
            id=str(batch_id),
        ).scalars()
    )


def lock_next_unread(connection: Connection) -> Batch | None:
    """Lock the oldest batch whose file nobody reads.

    The lock ends with the transaction: when a reader dies, another one can begin at once.
    """
    return _locked(
        connection,
        """
        SELECT batch_id
        FROM batch
        WHERE status = 'reading'
        ORDER BY uploaded_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED""",
    )


def lock_next_checked(connection: Connection) -> Batch | None:
    """Lock the oldest batch in `checking` whose preflight has arrived, as above."""
    return _locked(
        connection,
        """
        SELECT b.batch_id
        FROM batch b
        JOIN preflight p USING (batch_id, revision)
        WHERE b.status = 'checking'
        ORDER BY b.uploaded_at
        LIMIT 1
        FOR UPDATE OF b SKIP LOCKED""",
    )


def _locked(connection: Connection, sql: str) -> Batch | None:
    batch_id = run(connection, sql).scalar()
    return None if batch_id is None else find_batch(connection, batch_id)


def lock_overdue(connection: Connection, ready_before: datetime) -> list[UUID]:
    """Lock the batches that have been ready since before then and that nobody has approved."""
    return list(
        run(
            connection,
            """
            SELECT batch_id
            FROM batch
            WHERE status = 'ready' AND ready_at < :before
            ORDER BY batch_id
            FOR UPDATE""",
            before=ready_before,
        ).scalars()
    )


def lock_archivable(connection: Connection, ended_before: datetime) -> list[UUID]:
    """Lock the batches that were completed before then."""
    return list(
        run(
            connection,
            """
            SELECT batch_id
            FROM batch
            WHERE status IN ('completed', 'completed_with_failures') AND ended_at < :before
            ORDER BY batch_id
            FOR UPDATE""",
            before=ended_before,
        ).scalars()
    )


def set_version(connection: Connection, batch_id: UUID, version: int) -> None:
    """Set the version of the newest published state."""
    run(
        connection,
        "UPDATE batch SET version = :version WHERE batch_id = :id",
        id=batch_id,
        version=version,
    )


def set_revision(connection: Connection, batch_id: UUID, revision: int) -> None:
    """Set the revision to which rows and digest belong."""
    run(
        connection,
        "UPDATE batch SET revision = :revision WHERE batch_id = :id",
        id=batch_id,
        revision=revision,
    )


def set_status(
    connection: Connection,
    batch_id: UUID,
    status: str,
    expected: Collection[str],
    reason: str | None = None,
) -> bool:
    """Change the status, and with `reason` the reason.

    Returns:
        False when the status is not one of `expected`; nothing was changed then.
    """
    return bool(
        run(
            connection,
            """
            UPDATE batch
            SET status = :status, reason = coalesce(:reason, reason)
            WHERE batch_id = :id AND status = ANY(:expected)""",
            id=batch_id,
            status=status,
            expected=list(expected),
            reason=reason,
        ).rowcount
    )


def set_dispatch_version(connection: Connection, batch_id: UUID, version: int) -> None:
    """Set the version of the newest state that the dispatcher reported."""
    run(
        connection,
        "UPDATE batch SET dispatch_version = :version WHERE batch_id = :id",
        id=batch_id,
        version=version,
    )


def reject(
    connection: Connection, batch_id: UUID, code: str, message: str, line: int | None
) -> bool:
    """Reject a batch because of its file. False: it is not being read; nothing was changed."""
    return bool(
        run(
            connection,
            """
            UPDATE batch
            SET status = 'rejected', reason = :message,
                error_code = :code, error_message = :message, error_line = :line
            WHERE batch_id = :id AND status = 'reading'""",
            id=batch_id,
            code=code,
            message=message,
            line=line,
        ).rowcount
    )


def start_check(connection: Connection, batch_id: UUID, revision: int) -> bool:
    """Send a batch to the provider's preflight, under a revision that has no digest yet.

    Returns:
        False when it is neither read, checked nor ready; nothing was changed then.
    """
    return bool(
        run(
            connection,
            """
            UPDATE batch
            SET status = 'checking', revision = :revision, digest = NULL, contents_digest = NULL,
                ready_at = NULL
            WHERE batch_id = :id AND status IN ('reading', 'checking', 'ready')""",
            id=batch_id,
            revision=revision,
        ).rowcount
    )


def mark_approved(connection: Connection, batch_id: UUID, digest: str) -> bool:
    """Approve a batch that is ready and still has this digest. False: nothing was changed."""
    return bool(
        run(
            connection,
            """
            UPDATE batch
            SET status = 'approved'
            WHERE batch_id = :id AND status = 'ready' AND digest = :digest""",
            id=batch_id,
            digest=digest,
        ).rowcount
    )


def set_row_messages(connection: Connection, batch_id: UUID, row_messages: int) -> None:
    """Set how many row messages were published. Other services wait until all have arrived."""
    run(
        connection,
        "UPDATE batch SET row_messages = :row_messages WHERE batch_id = :id",
        id=batch_id,
        row_messages=row_messages,
    )


def complete(connection: Connection, batch_id: UUID, now: datetime) -> bool:
    """End a batch as its newest certificate says.

    Returns:
        False when a rejected message about the batch has not been redriven; nothing was changed.
        One that was refused for its signature does not count: anybody may have written it.
    """
    return bool(
        run(
            connection,
            f"""
            UPDATE batch b
            SET status = c.outcome, ended_at = :now, ended_by_version = c.version
            FROM ({NEWEST_OUTCOMES}) c
            WHERE b.batch_id = :id AND c.batch_id = b.batch_id
                AND NOT EXISTS (
                    SELECT
                    FROM dead_letter d
                    WHERE d.correlation = CAST(b.batch_id AS text) AND d.redriven_at IS NULL
                        AND d.code <> ALL(CAST(:refused AS text[])))""",  # noqa: S608 - our own text
            id=batch_id,
            refused=list(message_signatures.CODES),
            now=now,
        ).rowcount
    )
