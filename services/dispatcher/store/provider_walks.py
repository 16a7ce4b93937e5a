"""Which batches need a walk through the provider's list, and table `unknown_payment`."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.dispatcher.domain.provider_walk import Listed
from services.dispatcher.store.batches import HAS_OPEN_PAYMENTS

# When the payments of a batch were approved; NULL if that is not known of one of them.
APPROVED_AT = """
    SELECT CASE WHEN bool_and(p.approved_at IS NOT NULL) THEN min(p.approved_at) END
    FROM payment p
    WHERE p.batch_id = b.batch_id"""


def list_unwalked(connection: Connection, walked: Collection[UUID]) -> list[Row[Any]]:
    """Return the batches that pay and were not walked, when they were approved, and `our_now`.

    Those of which nothing can be sent any more need no walk.
    """
    return list(
        run(
            connection,
            f"""
            SELECT b.batch_id, now() AS our_now, ({APPROVED_AT}) AS approved_at
            FROM batch b
            WHERE b.state = 'paying' AND b.batch_id <> ALL(CAST(:walked AS uuid[]))
                AND {HAS_OPEN_PAYMENTS}
            ORDER BY b.batch_id""",  # noqa: S608 - constants of ours
            walked=[str(batch_id) for batch_id in walked],
        )
    )


def insert_unknown(connection: Connection, listed: Sequence[Listed]) -> int:
    """Record which of these payments at the provider this database does not know; how many are new.

    A payment is known if we have its attempt, or are bound to it. A second call finds none.
    """
    count: int = run(
        connection,
        """
        INSERT INTO unknown_payment (provider_id, batch_id, payment_id, attempt, amount_cents)
        SELECT x.*
        FROM unnest(
            CAST(:provider_ids AS text[]), CAST(:batch_ids AS uuid[]),
            CAST(:payment_ids AS uuid[]), CAST(:attempts AS int[]), CAST(:amounts AS bigint[])
        ) AS x(provider_id, batch_id, payment_id, attempt, amount_cents)
        WHERE NOT EXISTS (
                SELECT FROM attempt a WHERE a.subject_id = x.payment_id AND a.n = x.attempt
            )
            AND NOT EXISTS (SELECT FROM payment p WHERE p.provider_id = x.provider_id)
        ON CONFLICT DO NOTHING""",
        provider_ids=[one.provider_id for one in listed],
        batch_ids=[str(one.batch_id) for one in listed],
        payment_ids=[str(one.payment_id) for one in listed],
        attempts=[one.attempt for one in listed],
        amounts=[one.amount_cents for one in listed],
    ).rowcount
    return count


def lock_unanswered(connection: Connection, batch_id: UUID) -> list[Row[Any]]:
    """Lock the payments of a batch that have an attempt without a known outcome and no lease.

    `source` and `destination` are the provider's ids of their accounts.
    """
    return list(
        run(
            connection,
            """
            SELECT p.*, s.provider_id AS source, d.provider_id AS destination
            FROM payment p
            LEFT JOIN object s ON s.object_id = p.source_object
            LEFT JOIN object d ON d.object_id = p.destination_object
            WHERE p.batch_id = :batch_id
                AND p.status IN ('sending', 'in_doubt')
                AND p.lease_until <= now()
            ORDER BY p.payment_id
            FOR UPDATE OF p""",
            batch_id=batch_id,
        )
    )
