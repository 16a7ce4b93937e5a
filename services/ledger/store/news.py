"""What is new since a moment: payments that came back, and breaks that were found. Reads only.

Each answer is a line for each batch and day, so that none is cut off however much happened.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run

Item = dict[str, Any]  # JSON


def returns_since(connection: Connection, since: datetime) -> list[Item]:
    """How many payments of each batch came back on each day (UTC): `count`, and the newest `at`."""
    rows = run(
        connection,
        """
        SELECT
            batch_id,
            count(*) AS count,
            max(posted_at) AS at
        FROM journal
        WHERE kind = 'reverse'
            AND posted_at >= :since
        GROUP BY batch_id, date_trunc('day', posted_at AT TIME ZONE 'UTC')
        ORDER BY at""",
        since=since,
    ).mappings()
    return [dict(row) for row in rows]


def breaks_since(connection: Connection, since: datetime) -> list[Item]:
    """How many open breaks of each batch were found, by day, or found again, by hour (UTC).

    A break that was closed and is found again is new at that moment: `again` is true. One that two
    people have acknowledged as it is does not count.
    """
    rows = run(
        connection,
        """
        SELECT
            batch_id, again,
            count(*) AS count,
            max(at) AS at
        FROM (
            SELECT
                b.batch_id,
                b.reopened_at IS NOT NULL AS again,
                coalesce(b.reopened_at, b.opened_at) AS at
            FROM reconciliation_break b
            WHERE b.closed_at IS NULL
                AND coalesce(b.reopened_at, b.opened_at) >= :since
                AND NOT EXISTS (SELECT FROM acknowledgement a WHERE a.evidence = b.evidence)
        ) AS found
        GROUP BY
            batch_id, again,
            date_trunc(CASE WHEN again THEN 'hour' ELSE 'day' END, at AT TIME ZONE 'UTC')
        ORDER BY at""",
        since=since,
    ).mappings()
    return [dict(row) for row in rows]
