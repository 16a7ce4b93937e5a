"""The table `source_available`, and what batches still need from each source account."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from services.ledger.domain.money_needed import Available
from services.ledger.store.source_movements import movements_of

#: An approved batch in one of these takes money until its payments have ended.
PAYING = ("approved", "paying", "paused")
#: A batch in one of these takes none any more.
ENDED = (
    *("rejected", "discarded", "expired", "cancelled"),
    *("completed", "completed_with_failures", "archived"),
)


def insert_available(
    connection: Connection, source_account_id: str, cents: int, as_of: datetime, person: str
) -> None:
    """Keep what a person says is in an account; the newest word counts."""
    run(
        connection,
        """
        INSERT INTO source_available (source_account_id, available_cents, as_of, said_by)
        VALUES (:source, :cents, :as_of, :person)""",
        source=source_account_id,
        cents=cents,
        as_of=as_of,
        person=person,
    )


def sum_needs(connection: Connection, batch_id: UUID) -> dict[str, tuple[int, int]]:
    """For each source account of a batch: cents that it needs, and that other batches do.

    A batch needs what is payable in it, less its payments that have ended.
    """
    found = run(
        connection,
        """
        WITH own AS (
            SELECT key AS source
            FROM batch
            CROSS JOIN LATERAL jsonb_each(payable_by_source)
            WHERE batch_id = :id
        ),
        wanted AS (
            SELECT b.batch_id, s.key AS source, CAST(s.value ->> 1 AS bigint) AS cents
            FROM batch b
            CROSS JOIN LATERAL jsonb_each(b.payable_by_source) AS s
            JOIN own ON own.source = s.key
            WHERE (b.batch_id = :id AND b.status <> ALL(CAST(:ended AS text[])))
                OR b.status = ANY(CAST(:paying AS text[]))
        ),
        ended AS (
            SELECT batch_id, source_account_id AS source, sum(amount_cents) AS cents
            FROM payment
            WHERE batch_id IN (SELECT batch_id FROM wanted)
                AND status = ANY(CAST(:final AS text[]))
            GROUP BY 1, 2
        ),
        needed AS (
            SELECT batch_id, source, w.cents - coalesce(e.cents, 0) AS cents
            FROM wanted w
            LEFT JOIN ended e USING (batch_id, source)
        )
        SELECT source,
            CAST(coalesce(sum(n.cents) FILTER (WHERE n.batch_id = :id), 0) AS bigint) AS needed,
            CAST(coalesce(sum(n.cents) FILTER (WHERE n.batch_id <> :id), 0) AS bigint) AS reserved
        FROM own
        LEFT JOIN needed n USING (source)
        GROUP BY source
        ORDER BY source COLLATE "C" """,
        id=batch_id,
        ended=list(ENDED),
        paying=list(PAYING),
        final=sorted(FINAL_PAYMENTS),
    )
    return {row.source: (row.needed, row.reserved) for row in found}


_DAYS: Final = """BETWEEN (CAST(:from_day AS timestamp) AT TIME ZONE 'UTC')
        AND (CAST(:after AS timestamp) AT TIME ZONE 'UTC')"""
_ACCOUNTS: Final = f"""
    WITH open AS (
        SELECT b.batch_id, b.status, s.key AS source, CAST(s.value ->> 1 AS bigint) AS cents
        FROM batch b
        CROSS JOIN LATERAL jsonb_each(b.payable_by_source) AS s
        WHERE b.status = 'ready' OR b.status = ANY(CAST(:paying AS text[]))
    ),
    ended AS (
        SELECT batch_id, source_account_id AS source, sum(amount_cents) AS cents
        FROM payment
        WHERE batch_id IN (SELECT batch_id FROM open)
            AND status = ANY(CAST(:final AS text[]))
        GROUP BY 1, 2
    ),
    part AS (
        SELECT source, 'approved' AS kind, o.cents - coalesce(e.cents, 0) AS cents
        FROM open o
        LEFT JOIN ended e USING (batch_id, source)
        WHERE o.status <> 'ready'
        UNION ALL
        SELECT source, 'waiting', cents
        FROM open
        WHERE status = 'ready'
        UNION ALL
        SELECT substr(account, 8), 'left', -amount_cents
        FROM ({movements_of("LIKE 'source:%'", _DAYS)}) m
        WHERE posted_at < CAST(:after AS timestamp) AT TIME ZONE 'UTC'
    )
    SELECT source,
        CAST(coalesce(sum(cents) FILTER (WHERE kind = 'left'), 0) AS bigint) AS left_cents,
        CAST(coalesce(sum(cents) FILTER (WHERE kind = 'approved'), 0) AS bigint) AS approved,
        CAST(coalesce(sum(cents) FILTER (WHERE kind = 'waiting'), 0) AS bigint) AS waiting
    FROM part
    GROUP BY source
    ORDER BY source COLLATE "C" """  # noqa: S608 - our own text


def sum_accounts(
    connection: Connection, from_day: date, to_day: date
) -> dict[str, tuple[int, int, int]]:
    """For each source account: cents that left on these days in UTC, that are approved, that wait.

    What came back is taken off what left. Approved is what approved batches have still to take;
    what waits is payable in batches that nobody has approved yet. Only accounts with any of it.
    """
    found = run(
        connection,
        _ACCOUNTS,
        paying=list(PAYING),
        final=sorted(FINAL_PAYMENTS),
        from_day=from_day,
        after=to_day + timedelta(days=1),
    )
    return {row.source: (row.left_cents, row.approved, row.waiting) for row in found}


def find_available(connection: Connection, sources: Collection[str]) -> dict[str, Available]:
    """The newest word about each of these accounts, and what left since: payments, corrections."""
    found = run(
        connection,
        f"""
        SELECT s.source_account_id, s.available_cents, s.as_of, s.said_by, s.said_at,
            CAST(coalesce((
                SELECT -sum(amount_cents)
                FROM ({movements_of("= 'source:' || s.source_account_id", "> s.as_of")}) m
            ), 0) AS bigint) AS left_cents
        FROM (
            SELECT DISTINCT ON (source_account_id) *
            FROM source_available
            WHERE source_account_id = ANY(CAST(:sources AS text[]))
            ORDER BY source_account_id, said_id DESC
        ) s""",  # noqa: S608 - our own text
        sources=list(sources),
    )
    return {
        row.source_account_id: Available(
            row.available_cents, row.as_of, row.said_by, row.said_at, row.left_cents
        )
        for row in found
    }
