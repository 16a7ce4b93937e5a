"""The table `consumer_offset`: where each consumer continues on each partition.

Offsets are rows of the service's own database and move in the transaction of the effects. Kafka's
own committed offsets only serve tools that show lag.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from libs.common.contracts.errors import Fatal
from libs.common.contracts.message import Message, is_uuid
from libs.common.database.engine import run


class StaleOwner(Exception):
    """Another consumer has moved an offset of this batch: it owns the partition now."""


@dataclass(frozen=True)
class TopicProgress:
    """What a database has read of a topic: the ids the topic had, and the number of messages."""

    topic_ids: frozenset[str] = frozenset()
    read: int = 0


class Offsets:
    """One consumer's offsets."""

    def __init__(self, engine: Engine, consumer: str) -> None:
        self.engine, self.consumer = engine, consumer

    def load(self, topic: str, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        """Where each partition continues. A partition never read before starts at 0.

        Raises:
            Fatal: the topic was deleted and created again since (its id is another), so the
                offsets mean nothing.
        """
        with self.engine.begin() as connection:
            _insert_missing(connection, self.consumer, topic, topic_id, partitions)
            rows = run(
                connection,
                """
                SELECT partition, next_offset, topic_id
                FROM consumer_offset
                WHERE consumer = :consumer
                  AND topic = :topic
                  AND partition = ANY(CAST(:partitions AS int[]))""",
                consumer=self.consumer,
                topic=topic,
                partitions=list(partitions),
            ).all()
        if any(row.topic_id != topic_id for row in rows):
            raise Fatal(
                f"topic {topic} is not the one {self.consumer} was reading: "
                "it was deleted and made again",
                "kafka.topic-replaced",
            )
        return {row.partition: row.next_offset for row in rows}

    def has_taken_in(self, message: Message) -> bool:
        """Whether this consumer has this message: as an event, or as a dead letter at its place."""
        with self.engine.connect() as connection:
            found = run(
                connection,
                """
                SELECT EXISTS (
                    SELECT
                    FROM inbox
                    WHERE consumer = :consumer
                      AND event_id = CAST(:event_id AS uuid)
                ) OR EXISTS (
                    SELECT
                    FROM dead_letter
                    WHERE consumer = :consumer
                      AND topic = :topic
                      AND partition = :partition
                      AND message_offset = :offset
                      AND body = :body
                )""",
                consumer=self.consumer,
                event_id=message.event_id if is_uuid(message.event_id) else None,
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                body=message.body,
            )
            return bool(found.scalar())


def _insert_missing(
    connection: Connection, consumer: str, topic: str, topic_id: str, partitions: Sequence[int]
) -> None:
    run(
        connection,
        """
        INSERT INTO consumer_offset
            (consumer, topic, partition, next_offset, topic_id)
        SELECT :consumer, :topic, p, 0, :topic_id
        FROM unnest(CAST(:partitions AS int[])) AS p
        ORDER BY p
        ON CONFLICT DO NOTHING""",
        consumer=consumer,
        topic=topic,
        topic_id=topic_id,
        partitions=list(partitions),
    )


def advance(connection: Connection, consumer: str, batch: Sequence[Message]) -> None:
    """Move the offsets over a batch of one topic, if they are where the batch begins.

    Rows are locked in the order of their partition, so two owners never wait for each other. A
    second call with the same batch raises.

    Raises:
        StaleOwner: at least one offset is elsewhere.
    """
    spans: dict[int, tuple[int, int]] = {}
    for message in batch:
        first, _ = spans.get(message.partition, (message.offset, 0))
        spans[message.partition] = (first, message.offset + 1)
    moved = run(
        connection,
        """
        WITH span AS (
            SELECT *
            FROM unnest(
                CAST(:partitions AS int[]), CAST(:olds AS bigint[]), CAST(:news AS bigint[])
            ) AS s(partition, old, new)
        ),
        mine AS (
            SELECT o.partition
            FROM consumer_offset o
            JOIN span USING (partition)
            WHERE o.consumer = :consumer
              AND o.topic = :topic
              AND o.next_offset = span.old
            ORDER BY o.partition
            FOR UPDATE OF o
        )
        UPDATE consumer_offset o
        SET next_offset = span.new
        FROM span
        JOIN mine USING (partition)
        WHERE o.consumer = :consumer
          AND o.topic = :topic
          AND o.partition = span.partition""",
        partitions=list(spans),
        olds=[old for old, _ in spans.values()],
        news=[new for _, new in spans.values()],
        consumer=consumer,
        topic=batch[0].topic,
    )
    if moved.rowcount != len(spans):
        raise StaleOwner


def find(connection: Connection, consumer: str, topic: str) -> dict[int, int]:
    """The next offset of each partition a consumer has read of a topic; empty if none."""
    rows = run(
        connection,
        """
        SELECT partition, next_offset
        FROM consumer_offset
        WHERE consumer = :consumer
          AND topic = :topic""",
        consumer=consumer,
        topic=topic,
    )
    return {row.partition: row.next_offset for row in rows}


def find_by_consumer(connection: Connection) -> dict[tuple[str, str], dict[int, int]]:
    """The next offset of each partition, by (consumer, topic)."""
    rows = run(connection, "SELECT consumer, topic, partition, next_offset FROM consumer_offset")
    found: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows:
        found.setdefault((row.consumer, row.topic), {})[row.partition] = row.next_offset
    return found


def find_all(connection: Connection) -> dict[tuple[str, int], int]:
    """The next offset by (topic, partition), of a service with one consumer for each topic."""
    rows = run(connection, "SELECT topic, partition, next_offset FROM consumer_offset")
    return {(row.topic, row.partition): row.next_offset for row in rows}


def progress(connection: Connection, topics: Sequence[str]) -> dict[str, TopicProgress]:
    """What was read of each topic, by the consumer that is furthest; only of topics read."""
    rows = run(
        connection,
        """
        SELECT topic,
               array_agg(DISTINCT topic_id) AS ids,
               CAST(max(total) AS bigint) AS read
        FROM (
            SELECT topic, topic_id,
                   sum(next_offset) OVER (PARTITION BY consumer, topic) AS total
            FROM consumer_offset
            WHERE topic = ANY(CAST(:topics AS text[]))
        ) AS o
        GROUP BY topic""",
        topics=list(topics),
    )
    return {row.topic: TopicProgress(frozenset(row.ids), row.read) for row in rows}


def delete(connection: Connection, topics: Sequence[str]) -> int:
    """Forget the offsets of these topics; how many. A second call forgets none."""
    deleted = run(
        connection,
        "DELETE FROM consumer_offset WHERE topic = ANY(CAST(:topics AS text[]))",
        topics=list(topics),
    )
    return int(deleted.rowcount)
