"""Columns of `batch`: whether one waits for its start, and whether it should have begun."""

from sqlalchemy import Connection

from libs.common.database.engine import run


def read_overdue_s(connection: Connection) -> float:
    """By how many seconds the oldest start has passed of a batch that has not begun; 0: none.

    Paused and cancelled batches wait for a person, and those whose approval is not proved have an
    alert of their own.
    """
    return float(
        run(
            connection,
            """
            SELECT coalesce(max(extract(epoch FROM now() - start_at)) FILTER (
                WHERE start_at < now()), 0)
            FROM batch
            WHERE state = 'waiting' AND status IN ('approved', 'paying', 'paused')
                AND approval_problem = ''""",
        ).scalar_one()
    )


def count_waiting(connection: Connection) -> int:
    """Count the approved batches whose start lies ahead."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM batch
        WHERE state = 'waiting' AND status IN ('approved', 'paying', 'paused')
            AND start_at > now()""",
    ).scalar_one()
    return count
