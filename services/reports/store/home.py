"""What the home page shows: the last pay periods, and what a person has put away (`put_away`)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def sum_periods(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The last pay periods with approved batches, the oldest first.

    Of each: its batches, its people, and rows and cents that were paid, are pending, failed and
    were returned. A batch that was cancelled whole counts with what it paid.
    """
    found = run(
        connection,
        """
            WITH last AS (
                SELECT period
                FROM batch
                WHERE approved_at IS NOT NULL
                GROUP BY period
                ORDER BY period DESC
                LIMIT :limit
            )
            SELECT b.period, count(DISTINCT b.batch_id) AS batches,
                array_agg(DISTINCT CAST(b.batch_id AS text)) AS batch_ids,
                count(DISTINCT l.employee_id) FILTER (WHERE l.outcome = 'paid') AS people,
                count(*) FILTER (WHERE l.outcome = 'paid') AS paid_count,
                count(*) FILTER (WHERE l.outcome = 'pending') AS pending_count,
                count(*) FILTER (WHERE l.outcome = 'failed') AS failed_count,
                count(*) FILTER (WHERE l.outcome = 'reversed') AS returned_count,
                CAST(coalesce(sum(l.amount_cents) FILTER (WHERE l.outcome = 'paid'), 0) AS bigint)
                    AS paid_cents,
                CAST(coalesce(sum(l.amount_cents) FILTER (WHERE l.outcome = 'pending'), 0)
                    AS bigint) AS pending_cents,
                CAST(coalesce(sum(l.amount_cents) FILTER (WHERE l.outcome = 'failed'), 0) AS bigint)
                    AS failed_cents,
                CAST(coalesce(sum(l.amount_cents) FILTER (WHERE l.outcome = 'reversed'), 0)
                    AS bigint) AS returned_cents
            FROM last
            JOIN batch b USING (period)
            JOIN report_line l ON l.batch_id = b.batch_id
            WHERE b.approved_at IS NOT NULL
            GROUP BY b.period
            ORDER BY b.period""",
        limit=limit,
    )
    return [dict(row) for row in found.mappings()]


def put_away(connection: Connection, person: str, batch_id: UUID, status: str) -> None:
    """Put a batch away for a person, as it is now. A second call keeps the newer status."""
    run(
        connection,
        """
        INSERT INTO put_away (person, batch_id, status)
        VALUES (:person, :batch_id, :status)
        ON CONFLICT (person, batch_id) DO UPDATE
        SET status = excluded.status, put_at = now()
        WHERE put_away.status <> excluded.status""",
        person=person,
        batch_id=batch_id,
        status=status,
    )


def bring_back(connection: Connection, person: str, batch_id: UUID) -> None:
    """Show a batch again that a person has put away; nothing happens if it is not."""
    run(
        connection,
        "DELETE FROM put_away WHERE person = :person AND batch_id = :batch_id",
        person=person,
        batch_id=batch_id,
    )


def list_put_away(connection: Connection, person: str, limit: int) -> list[dict[str, Any]]:
    """What a person has put away, newest first: batch, the status that it had, and when."""
    found = run(
        connection,
        """
            SELECT CAST(batch_id AS text) AS batch_id, status, put_at
            FROM put_away
            WHERE person = :person
            ORDER BY put_at DESC, batch_id
            LIMIT :limit""",
        person=person,
        limit=limit,
    )
    return [dict(row) for row in found.mappings()]
