"""Batches that wait for ingest itself, to be read or to be made ready."""

from sqlalchemy import Connection

from libs.common.database.engine import run


def read_oldest_wait_s(connection: Connection) -> float:
    """For how long the oldest one has waited, in seconds; 0 if none does.

    A file waits from its upload on. A checked batch waits from the answer of its preflight on, by
    the dispatcher's clock; before that it waits for the dispatcher, which has a figure of its own.
    """
    waited: float = run(
        connection,
        """
        SELECT coalesce(max(extract(epoch FROM now() - since)), 0)::float8
        FROM (
            SELECT uploaded_at AS since
            FROM batch
            WHERE status = 'reading'
            UNION ALL
            SELECT CAST(p.body ->> 'occurred_at' AS timestamptz)
            FROM batch b
            JOIN preflight p USING (batch_id, revision)
            WHERE b.status = 'checking'
        ) AS waiting""",
    ).scalar_one()
    return waited
