"""The table `outbox`: events leave a database in the transaction that made them true.

The relay (relay.py) sends them to Kafka. Rows are marked as published and never deleted, so a
broker that lost its topics can be filled again from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row

from libs.common.contracts.envelope import Event
from libs.common.contracts.message import Message
from libs.common.database.engine import run


@dataclass(frozen=True)
class Backlog:
    """Events that wait to be published: how many, and the age of the oldest in seconds."""

    waiting: int
    age_s: float


@dataclass(frozen=True)
class TopicCounts:
    """How many events of a topic were published, and how many wait."""

    published: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Reinserted:
    """What `insert_published` did.

    Args:
        missing: events that the outbox did not have.
        different: unpublished events whose content is not that of the published message.
    """

    missing: int
    different: int


def add(connection: Connection, events: Sequence[Event]) -> None:
    """Write events in this order, and wake up the relay.

    An event_id that is there already is left as it is, so a second call changes nothing.
    """
    if not events:
        return
    run(
        connection,
        """
        WITH added AS (
            INSERT INTO outbox
                (event_id, topic, message_key, message_type, correlation, body)
            SELECT *
            FROM unnest(
                CAST(:ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS text[]),
                CAST(:types AS text[]), CAST(:correlations AS text[]), CAST(:bodies AS text[])
            )
            ON CONFLICT (event_id) DO NOTHING
        )
        SELECT pg_notify('outbox', '')""",
        ids=[str(event.event_id) for event in events],
        topics=[event.topic.name for event in events],
        keys=[event.key() for event in events],
        types=[event.type for event in events],
        correlations=[event.correlation for event in events],
        bodies=[event.model_dump_json() for event in events],
    )


def wake_relay(connection: Connection) -> None:
    """Have the relay look at the outbox when this transaction is committed."""
    run(connection, "SELECT pg_notify('outbox', '')")


def find_unpublished(connection: Connection, limit: int) -> Sequence[Row[tuple[object, ...]]]:
    """The oldest events that are not published, in order; their ids as text, as they are sent."""
    rows: Sequence[Row[tuple[object, ...]]] = run(
        connection,
        """
        SELECT id, CAST(event_id AS text) AS event_id, topic, message_key, message_type,
               correlation, body
        FROM outbox
        WHERE published_at IS NULL
        ORDER BY id
        LIMIT :limit""",
        limit=limit,
    ).all()
    return rows


def find_newest_published(
    connection: Connection, topic: str, limit: int
) -> Sequence[Row[tuple[object, ...]]]:
    """The events of a topic that were published last, the newest first."""
    rows: Sequence[Row[tuple[object, ...]]] = run(
        connection,
        """
        SELECT event_id, message_key
        FROM outbox
        WHERE topic = :topic
          AND published_at IS NOT NULL
        ORDER BY id DESC
        LIMIT :limit""",
        topic=topic,
        limit=limit,
    ).all()
    return rows


def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    """Mark rows as published now. A second call moves the time."""
    run(
        connection,
        """
        UPDATE outbox
        SET published_at = now()
        WHERE id = ANY(CAST(:ids AS bigint[]))""",
        ids=list(ids),
    )


def move_to_dead_letters(
    connection: Connection, row_id: int, consumer: str, code: str, reason: str
) -> None:
    """Move an event that Kafka can never take out of the queue, to the dead letters.

    It was never published, so no reader misses it in an outbox that is otherwise complete. In one
    statement, because the relay's connection has no transaction. A second call moves nothing.
    """
    run(
        connection,
        """
        WITH refused AS (
            DELETE FROM outbox
            WHERE id = :id
              AND published_at IS NULL
            RETURNING *
        )
        INSERT INTO dead_letter
            (consumer, topic, partition, message_offset,
             event_id, message_key, message_type, correlation, body,
             code, reason)
        SELECT :consumer, topic, -1, id,
               event_id, message_key, message_type, correlation, convert_to(body, 'UTF8'),
               :code, :reason
        FROM refused
        ON CONFLICT DO NOTHING""",
        id=row_id,
        consumer=consumer,
        code=code,
        reason=reason,
    )


def backlog(connection: Connection) -> Backlog:
    """How many events wait, and how long the oldest has been waiting (0 if none does)."""
    row = run(
        connection,
        """
        SELECT count(*) AS waiting,
               coalesce(extract(epoch FROM now() - min(created_at)), 0) AS age_s
        FROM outbox
        WHERE published_at IS NULL""",
    ).one()
    return Backlog(row.waiting, float(row.age_s))


def last_id(connection: Connection) -> int:
    """The largest id in the outbox; 0 if it is empty."""
    return int(run(connection, "SELECT coalesce(max(id), 0) FROM outbox").scalar())


def find_ids(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Those of these events that are in the outbox."""
    rows = run(
        connection,
        """
        SELECT CAST(event_id AS text)
        FROM outbox
        WHERE event_id = ANY(CAST(:ids AS uuid[]))""",
        ids=list(event_ids),
    )
    return set(rows.scalars())


def find_published_ids(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Those of these events that are in the outbox, as published."""
    rows = run(
        connection,
        """
        SELECT CAST(event_id AS text)
        FROM outbox
        WHERE event_id = ANY(CAST(:ids AS uuid[]))
          AND published_at IS NOT NULL""",
        ids=list(event_ids),
    )
    return set(rows.scalars())


def topic_counts(connection: Connection, topics: Sequence[str]) -> dict[str, TopicCounts]:
    """Published and waiting events of each topic; only of topics that have any."""
    rows = run(
        connection,
        """
        SELECT topic,
               count(published_at) AS published,
               count(*) - count(published_at) AS waiting
        FROM outbox
        WHERE topic = ANY(CAST(:topics AS text[]))
        GROUP BY topic""",
        topics=list(topics),
    )
    return {row.topic: TopicCounts(row.published, row.waiting) for row in rows}


def mark_unpublished(connection: Connection, topics: Sequence[str]) -> int:
    """Have all events of these topics sent again; how many. A second call marks none."""
    marked = run(
        connection,
        """
        UPDATE outbox
        SET published_at = NULL
        WHERE topic = ANY(CAST(:topics AS text[]))
          AND published_at IS NOT NULL""",
        topics=list(topics),
    )
    wake_relay(connection)
    return int(marked.rowcount)


def insert_published(connection: Connection, messages: Sequence[Message]) -> Reinserted:
    """Bring published messages back into the outbox, in this order, as published.

    One that is there and not yet published is marked as published. A second call finds nothing
    missing.
    """
    row = run(
        connection,
        """
        WITH given AS (
            SELECT *
            FROM unnest(
                CAST(:ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS text[]),
                CAST(:types AS text[]), CAST(:correlations AS text[]), CAST(:bodies AS text[])
            ) WITH ORDINALITY
            AS g(event_id, topic, message_key, message_type, correlation, body, n)
        ),
        marked AS (
            UPDATE outbox o
            SET published_at = now()
            FROM given g
            WHERE o.event_id = g.event_id
              AND o.published_at IS NULL
            RETURNING o.body <> g.body AS different
        ),
        missing AS (
            INSERT INTO outbox
                (event_id, topic, message_key, message_type, correlation, body, published_at)
            SELECT event_id, topic, message_key, message_type, correlation, body, now()
            FROM given
            ORDER BY n
            ON CONFLICT (event_id) DO NOTHING
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM missing) AS missing,
               (SELECT count(*) FROM marked WHERE different) AS different""",
        ids=[message.event_id for message in messages],
        topics=[message.topic for message in messages],
        keys=[message.key for message in messages],
        types=[message.type for message in messages],
        correlations=[message.correlation for message in messages],
        bodies=[message.body.decode() for message in messages],
    ).one()
    return Reinserted(row.missing, row.different)
