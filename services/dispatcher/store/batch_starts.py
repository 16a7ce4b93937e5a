"""Table `batch` when a batch begins to be paid: what it must show, and who waits for whom."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.store.batches import HAS_OPEN_PAYMENTS

#: Advisory locks: who stores payments of a batch, or compares them, by the batch's id.
PAYMENTS_LOCK = 7_030_104


def lock_arriving(connection: Connection, batch_ids: Collection[str]) -> None:
    """Let none of these batches begin until the end of the transaction: payments are stored.

    It waits for those that are beginning (`lock_payments`).
    """
    run(
        connection,
        """
        SELECT pg_advisory_xact_lock_shared(:lock, hashtext(id))
        FROM (SELECT id FROM unnest(CAST(:ids AS text[])) AS u(id) ORDER BY id) i""",
        lock=PAYMENTS_LOCK,
        ids=sorted(batch_ids),
    )


def lock_payments(connection: Connection, batch_id: UUID) -> bool:
    """Keep the payments of a batch as they are until the end of the transaction.

    Returns:
        False: some are being stored at this moment. Nothing is locked then.
    """
    is_locked: bool = run(
        connection,
        "SELECT pg_try_advisory_xact_lock(:lock, hashtext(:id))",
        lock=PAYMENTS_LOCK,
        id=str(batch_id),
    ).scalar_one()
    return is_locked


#: What a batch `b` must show before anything of it is paid.
PROOF = """
                b.batch_id, b.version, b.state_by, b.state_reason, b.digest, b.barred,
                b.approved_by, b.approved_at, b.seen_digest, b.approval, b.contents_digest,
                b.proved_digest, b.proved_payments, b.start_at, now() AS our_now"""


def lock_paying(connection: Connection) -> list[Row[Any]]:
    """Lock the batches that are being paid and have open payments."""
    return list(
        run(
            connection,
            f"""
            SELECT {PROOF}
            FROM batch b
            WHERE b.state = 'paying'
                AND b.status IN ('approved', 'paying', 'paused')
                AND {HAS_OPEN_PAYMENTS}
            ORDER BY b.batch_id
            FOR UPDATE OF b""",  # noqa: S608 - columns and a condition of our own
        )
    )


def lock_startable(connection: Connection) -> list[Row[Any]]:
    """Lock the batches that may begin: their rows and payments are all here, with the right sum.

    By then ingest may have published `paying` or `paused` of them, because we did.
    """
    return list(
        run(
            connection,
            f"""
            SELECT {PROOF}
            FROM batch b
            JOIN row_count c USING (batch_id)
            WHERE b.state = 'waiting'
                AND b.status IN ('approved', 'paying', 'paused')
                AND c.messages >= b.row_messages
                AND (b.payments, b.payments_cents) = (
                    SELECT count(*), coalesce(sum(p.amount_cents), 0)
                    FROM payment p
                    WHERE p.batch_id = b.batch_id AND p.digest = b.digest
                )
            FOR UPDATE OF b SKIP LOCKED""",  # noqa: S608 - columns of our own
        )
    )


def let_wait(connection: Connection, batch_id: UUID) -> None:
    """Let a locked batch that is being paid wait until it can begin. Nothing is published."""
    run(connection, "UPDATE batch SET state = 'waiting' WHERE batch_id = :id", id=batch_id)
