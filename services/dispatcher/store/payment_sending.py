"""Table `payment` while it is sent: what may be sent now, and what must not be sent again.

Functions named `lock_…` skip rows that another worker has locked.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.domain.protocol import Timing


def lock_sendable(connection: Connection, paying: Collection[UUID], limit: int) -> list[Row[Any]]:
    """Lock new payments of these batches whose accounts exist and are exactly the approved ones.

    `source` and `destination` are the provider's ids. Nothing else can be sent. The batches are
    read in the order of an index and the accounts looked up for each payment: joined at once,
    tables without statistics were read whole.
    """
    return list(
        run(
            connection,
            """
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
                    AND q.due_at <= now()
                    AND q.account_index NOT IN (SELECT account_index FROM source_stop)
                ORDER BY q.payment_id
                LIMIT :limit
                FOR UPDATE OF q SKIP LOCKED
            ) p
            LIMIT :limit""",
            paying=[str(batch_id) for batch_id in paying],
            limit=limit,
        )
    )


def lock_due_resends(
    connection: Connection, paying: Collection[UUID], limit: int, timing: Timing
) -> list[Row[Any]]:
    """Lock payments whose open attempt is due to be sent again, with its key, path and body.

    `unanswered` is how many of its sends have no answer that says they did not run.
    """
    return list(
        run(
            connection,
            """
            SELECT p.*, a.idempotency_key, a.path, a.body, a.sends - a.answered AS unanswered
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            WHERE p.status IN ('sending', 'in_doubt')
                AND p.step = 'resend'
                AND p.due_at <= now()
                AND p.lease_until <= now()
                AND a.outcome = 'open'
                AND a.first_sent_at > now() - make_interval(secs => :until_s)
                AND p.batch_id = ANY(CAST(:paying AS uuid[]))
                AND p.account_index NOT IN (SELECT account_index FROM source_stop)
            ORDER BY p.due_at
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED""",
            paying=[str(batch_id) for batch_id in paying],
            limit=limit,
            until_s=timing.resend_until_s,
        )
    )


def lock_past_resending(connection: Connection, timing: Timing, limit: int) -> list[Row[Any]]:
    """Lock payments whose open attempt may not be sent again, and how long their grace is yet.

    The provider may have forgotten the key, or the batch was cancelled. `wait_s` is seconds until
    a look-up may begin.
    """
    return list(
        run(
            connection,
            """
            SELECT p.*,
                   greatest(
                       0,
                       extract(
                           epoch FROM a.last_sent_at + make_interval(secs => :grace_s) - now()
                       )
                   )::float8 AS wait_s
            FROM payment p
            JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
            JOIN batch b USING (batch_id)
            WHERE p.status IN ('sending', 'in_doubt')
                AND p.step = 'resend'
                AND p.lease_until <= now()
                AND (
                    b.state = 'cancelled'
                    OR a.first_sent_at <= now() - make_interval(secs => :until_s)
                )
            ORDER BY p.payment_id
            LIMIT :limit
            FOR UPDATE OF p SKIP LOCKED""",
            grace_s=timing.grace_s,
            until_s=timing.resend_until_s,
            limit=limit,
        )
    )
