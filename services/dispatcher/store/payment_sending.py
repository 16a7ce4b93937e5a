"""Table `payment` while it is sent: what may be sent now, and what must not be sent again.

Functions named `lock_…` skip rows that another worker has locked.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.domain.protocol import ATTEMPTS_MAX
from services.dispatcher.store.due import has_come
from services.dispatcher.store.refused_sources import SOURCE_MAY_PAY


def lock_sendable(connection: Connection, paying: Collection[UUID], limit: int) -> list[Row[Any]]:
    """Lock new payments of these batches whose accounts exist and are exactly the approved ones.

    `source` and `destination` are the provider's ids. Nothing else can be sent. What the gate
    would refuse for its source is left out here: it must not use up the limit of other batches.
    The batches are read in the order of an index and the accounts looked up for each payment:
    joined at once, tables without statistics were read whole.
    """
    return list(
        run(
            connection,
            f"""
            SELECT p.*
            FROM unnest(CAST(:paying AS uuid[])) AS b(batch_id)
            CROSS JOIN LATERAL (
                SELECT q.*, x.source, x.destination
                FROM payment q
                CROSS JOIN LATERAL (
                    SELECT s.provider_id AS source, d.provider_id AS destination
                    FROM batch a
                    JOIN object s
                        ON s.object_id = q.source_object
                        AND s.kind = 'ach'
                        AND s.status = 'pending'
                        AND s.number_index = q.account_index
                    JOIN object d
                        ON d.object_id = q.destination_object
                        AND d.kind = 'liability'
                        AND d.status = 'pending'
                        AND d.number_index = q.loan_index
                        AND d.merchant_id = q.merchant_id
                    JOIN object h
                        ON h.object_id = d.holder_id
                        AND h.employee_id = q.employee_id
                        AND h.person_index = q.person_index
                    WHERE a.batch_id = q.batch_id AND a.digest = q.digest
                    OFFSET 0
                ) x
                WHERE q.batch_id = b.batch_id
                    AND q.status = 'unprocessed'
                    AND q.ready
                    AND q.attempts < {ATTEMPTS_MAX}
                    AND {has_come("q.due_at")}
                    AND {SOURCE_MAY_PAY.format("q")}
                ORDER BY q.payment_id
                LIMIT :limit
                FOR UPDATE OF q SKIP LOCKED
            ) p
            LIMIT :limit""",  # noqa: S608 - a condition of our own
            paying=[str(batch_id) for batch_id in paying],
            limit=limit,
        )
    )


def lock_due_resends(
    connection: Connection, paying: Collection[UUID], limit: int
) -> list[Row[Any]]:
    """Lock payments whose open attempt is due to be sent again, with its key, path and body.

    `unanswered` is how many of its sends have no answer that says they did not run. `provider_date`
    is the provider's clock before the first send.
    """
    return list(
        run(
            connection,
            f"""
            SELECT p.*, a.idempotency_key, a.path, a.body, a.sends - a.answered AS unanswered,
                   a.sends, a.provider_date
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            WHERE p.status IN ('sending', 'in_doubt')
                AND p.step = 'resend'
                AND {has_come("p.due_at")}
                AND {has_come("p.lease_until")}
                AND a.outcome = 'open'
                AND p.batch_id = ANY(CAST(:paying AS uuid[]))
                AND {SOURCE_MAY_PAY.format("p")}
            ORDER BY p.due_at
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED""",  # noqa: S608 - conditions of our own
            paying=[str(batch_id) for batch_id in paying],
            limit=limit,
        )
    )


def lock_exhausted(connection: Connection, limit: int) -> list[Row[Any]]:
    """Lock payments that would be tried again, but were tried as often as is allowed."""
    return list(
        run(
            connection,
            """
            SELECT *
            FROM payment
            WHERE status = 'unprocessed' AND ready AND attempts >= :most
            ORDER BY payment_id
            LIMIT :limit
            FOR UPDATE SKIP LOCKED""",
            most=ATTEMPTS_MAX,
            limit=limit,
        )
    )


def list_resending(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return payments whose open attempt would be sent again: of cancelled batches, then oldest.

    `provider_date` is the provider's clock before the first send, `state` the batch's.
    """
    return list(
        run(
            connection,
            f"""
            SELECT p.payment_id, p.attempts, p.fence, a.provider_date, b.state
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            JOIN batch b USING (batch_id)
            WHERE p.status IN ('sending', 'in_doubt')
                AND p.step = 'resend'
                AND {has_come("p.lease_until")}
            ORDER BY b.state <> 'cancelled', a.provider_date NULLS FIRST, p.payment_id
            LIMIT :limit""",  # noqa: S608 - a condition of our own
            limit=limit,
        )
    )


def lock_at_fences(connection: Connection, fences: Mapping[UUID, int]) -> list[Row[Any]]:
    """Lock payments that still have these fences; one that another worker holds is left out."""
    return list(
        run(
            connection,
            """
            SELECT p.*
            FROM payment p
            JOIN unnest(CAST(:ids AS uuid[]), CAST(:fences AS bigint[])) AS x(payment_id, fence)
                USING (payment_id)
            WHERE p.fence = x.fence AND p.status IN ('sending', 'in_doubt')
            ORDER BY p.payment_id
            FOR UPDATE OF p SKIP LOCKED""",
            ids=[str(payment_id) for payment_id in fences],
            fences=list(fences.values()),
        )
    )
