"""The table `inbox`: the ids of all events a consumer has taken in, so none is applied twice."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.message import Message
from libs.common.database.engine import run


def insert_new(connection: Connection, consumer: str, batch: Sequence[Message]) -> list[Message]:
    """Note the messages of a batch; those that were never noted before, each once.

    A second call with the same batch returns none.
    """
    rows = run(
        connection,
        """
        INSERT INTO inbox (consumer, event_id)
        SELECT :consumer, id
        FROM unnest(CAST(:ids AS uuid[])) AS id
        ORDER BY id
        ON CONFLICT DO NOTHING
        RETURNING CAST(event_id AS text)""",
        consumer=consumer,
        ids=list({message.event_id for message in batch}),
    )
    new = set(rows.scalars())
    found = []
    for message in batch:
        if message.event_id in new:
            new.discard(message.event_id)
            found.append(message)
    return found


def counts(connection: Connection, consumers: Sequence[str]) -> dict[str, int]:
    """How many events each of these consumers has taken in; only of those that have any."""
    rows = run(
        connection,
        """
        SELECT consumer, count(*) AS n
        FROM inbox
        WHERE consumer = ANY(CAST(:consumers AS text[]))
        GROUP BY consumer""",
        consumers=list(consumers),
    )
    return {row.consumer: row.n for row in rows}
