"""Kafka as this system uses it: settings pinned in one place, offsets from our own database, gaps never passed over."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka import Message as Record
from confluent_kafka.admin import (  # type: ignore[attr-defined] # its __init__ re-exports without __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicDescription,
)
from sqlalchemy import Engine

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message
from libs.common.contracts.topics import CONFIG, PARTITIONS, Topic
from libs.common.database.engine import run
from libs.common.messaging.address import client_settings
from libs.common.observability.logs import log
from libs.common.observability.tracing import is_on

MESSAGE_MAX_BYTES = 16_777_216
WATCH_S = 5.0
#: These come and go while a broker restarts or a group is rebalanced; librdkafka recovers by itself.
TRANSIENT_ERRORS = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._PARTITION_EOF,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
}


def text(raw: bytes | str | None) -> str:
    """A key or header as text; what is no UTF-8 becomes a message that is buried, not a partition that stands still."""
    return str(raw, "utf-8", "replace") if isinstance(raw, bytes) else raw or ""


def producer(bootstrap: str) -> Producer:
    """An idempotent producer; a message is delivered or reported as failed within 30 s."""
    return Producer(
        {
            **client_settings(bootstrap),
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "compression.type": "lz4",
            "delivery.timeout.ms": 30_000,
            "message.max.bytes": MESSAGE_MAX_BYTES,
            "queue.buffering.max.kbytes": 262_144,
            "reconnect.backoff.max.ms": 2_000,
            "log_level": 2,
        }
    )


def consumer_config(bootstrap: str, group: str, session_timeout_ms: int) -> dict[str, Any]:
    """Every setting that decides whether a message can be lost or applied by two; librdkafka's defaults are not trusted."""
    return {
        **client_settings(bootstrap),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session_timeout_ms,
        "heartbeat.interval.ms": session_timeout_ms // 6,
        "max.poll.interval.ms": 60_000,
        "fetch.wait.max.ms": 100,
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "fetch.message.max.bytes": MESSAGE_MAX_BYTES,
        "queued.max.messages.kbytes": 65_536,
        "reconnect.backoff.max.ms": 2_000,
        "log_level": 2,
    }


class Offsets:
    """A consumer's offsets in its own database."""

    def __init__(self, engine: Engine, consumer: str) -> None:
        self.engine, self.consumer = engine, consumer

    def load(self, topic: str, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        """Where each partition continues; a partition never seen before starts at 0.

        Raises:
            Fatal: the topic was deleted and made again since (its id is another), so the offsets mean nothing.
        """
        with self.engine.begin() as connection:
            run(
                connection,
                """
                INSERT INTO consumer_offset (consumer, topic, partition, next_offset, topic_id)
                SELECT :consumer, :topic, p, 0, :topic_id FROM unnest(CAST(:partitions AS int[])) AS p ORDER BY p ON CONFLICT DO NOTHING""",
                consumer=self.consumer,
                topic=topic,
                topic_id=topic_id,
                partitions=list(partitions),
            )
            rows = run(
                connection,
                """
                SELECT partition, next_offset, topic_id FROM consumer_offset
                WHERE consumer = :consumer AND topic = :topic AND partition = ANY(CAST(:partitions AS int[]))""",
                consumer=self.consumer,
                topic=topic,
                partitions=list(partitions),
            ).all()
        other = [row.partition for row in rows if row.topic_id != topic_id]
        if other:
            raise Fatal(
                f"topic {topic} is not the one {self.consumer} was reading: it was deleted and made again",
                "kafka.topic-replaced",
            )
        return {row.partition: row.next_offset for row in rows}


class KafkaSource:
    """One topic read by one group; each partition continues at the offset stored in the database."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        load: Callable[[str, str, Sequence[int]], dict[int, int]],
        batch_max: int = 500,
        session_timeout_ms: int = 3_000,
    ) -> None:
        self.topic, self.batch_max, self.load = topic, batch_max, load
        self.expected: dict[int, int] = {}
        self.joined = False
        self.failure: Exception | None = None
        self.topic_id, self.ask_at = "", 0.0
        self.answer: Future[TopicDescription] | None = None
        self.admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
        self.consumer = Consumer(consumer_config(bootstrap, group, session_timeout_ms))
        self.consumer.subscribe(
            [topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def poll(self) -> list[Message]:
        """Up to `batch_max` messages; empty after half a second without any.

        Raises:
            Fatal: a gap, a stored offset the topic no longer has, or a topic that is not the one it was; end the process.
            Retry, or an error of the database: an assignment could not be made now; close this source and open another.
        """
        first = self.consumer.poll(0.5)  # consume(500, t) would wait out its time-out
        if self.failure is not None:
            raise self.failure
        self._watch()
        records = [] if first is None else [first, *self.consumer.consume(self.batch_max - 1, 0)]
        return [message for record in records if (message := self._checked(record)) is not None]

    def commit(self, messages: list[Message]) -> None:
        """For lag tools only; a failure is of no consequence."""
        ends = {m.partition: m.offset + 1 for m in messages}
        try:
            self.consumer.commit(
                offsets=[
                    TopicPartition(self.topic, p, o) for p, o in ends.items() if p in self.expected
                ],
                asynchronous=True,
            )
        except KafkaException as error:
            log.info("commit_for_lag_failed", topic=self.topic, error=str(error))

    def rewind(self) -> None:
        """Seek every owned partition to its stored offset; without this the next batch would skip messages.

        Raises:
            Retry, or an error of the database: not now; close this source and open another.
        """
        if self.expected:
            self.expected = self._stored(list(self.expected))
            try:
                for partition, offset in self.expected.items():
                    self.consumer.seek(TopicPartition(self.topic, partition, offset))
            except KafkaException as error:
                raise Retry(f"{self.topic}: {error.args[0].str()}", "kafka.away") from error

    def lag(self) -> int:
        """How many messages of the owned partitions are still to be read, as far as the broker has told with what it sent last."""
        ends = {
            p: self.consumer.get_watermark_offsets(TopicPartition(self.topic, p), cached=True)
            for p in self.expected
        }
        return sum(max(0, end[1] - self.expected[p]) for p, end in ends.items() if end is not None)

    def close(self) -> None:
        """Leave the group at once, so that the partitions are taken over without waiting."""
        self.consumer.close()

    def _checked(self, record: Record) -> Message | None:
        error = record.error()
        if error is not None:
            if error.code() in TRANSIENT_ERRORS and not error.fatal():
                return None
            raise Fatal(f"{self.topic}: {error.str()}", "kafka.consumer")
        partition, offset = record.partition(), record.offset()
        expected = self.expected.get(partition or 0)
        if partition is None or offset is None or expected is None or offset < expected:
            return None  # of a partition that was revoked meanwhile, or seen before a seek
        if offset > expected:
            raise Fatal(
                f"{self.topic}/{partition}: offset {offset} follows {expected - 1}: messages are missing",
                "kafka.gap",
            )
        self.expected[partition] = offset + 1
        headers = dict(record.headers() or [])
        return Message(
            self.topic,
            partition,
            offset,
            text(record.key()),
            text(headers.get("type")),
            text(headers.get("event_id")),
            record.value() or b"",
            text(headers.get("correlation")),
            "",
            text(headers.get("traceparent")) if is_on() else "",
        )

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            numbers = [p.partition for p in partitions]
            stored = self._stored(numbers) if numbers else {}
            consumer.incremental_assign([TopicPartition(self.topic, n, stored[n]) for n in numbers])
            self.expected.update(stored)
            self.joined = True
        except KafkaException as error:  # the group has moved on meanwhile
            self.failure = Retry(f"{self.topic}: {error.args[0].str()}", "kafka.away")
        except Exception as error:  # noqa: BLE001 - raising in the callback would leave librdkafka's own assignment in place
            self.failure = error

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self.expected.pop(partition.partition, None)
        try:
            consumer.incremental_unassign(partitions)
        except KafkaException as error:
            log.info("unassign", topic=self.topic, error=str(error))

    def _stored(self, partitions: Sequence[int]) -> dict[int, int]:
        try:
            self.topic_id = str(self._described().result(12.0).topic_id)
        except (KafkaException, TimeoutError) as error:  # the broker is being restarted
            raise Retry(
                f"{self.topic}: the broker does not say which topic this is: {error}", "kafka.away"
            ) from error
        return self.load(self.topic, self.topic_id, partitions)

    def _watch(self) -> None:
        """Ask now and then, without waiting, whether the topic is still the same: librdkafka reads a new one of that name on from the old offset."""
        if self.answer is None:
            if self.topic_id and time.monotonic() >= self.ask_at:
                self.answer = self._described()
        elif self.answer.done():
            error, answer = self.answer.exception(), self.answer
            self.answer, self.ask_at = None, time.monotonic() + WATCH_S
            if error is None and str(answer.result().topic_id) != self.topic_id:
                raise Fatal(
                    f"topic {self.topic} was deleted and made again while it was read",
                    "kafka.topic-replaced",
                )

    def _described(self) -> Future[TopicDescription]:
        return self.admin.describe_topics(TopicCollection([self.topic]), request_timeout=10.0)[
            self.topic
        ]


def create_topics(
    bootstrap: str, topics: Sequence[Topic], partitions: int = PARTITIONS, replication: int = 1
) -> list[str]:
    """Create the topics that are missing, and wait until they can be seen; their names. A second call creates nothing.

    Raises:
        Fatal: the broker cannot be reached, or a topic exists with another number of partitions (keys would move).
    """
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    try:
        existing = admin.list_topics(timeout=15).topics
    except KafkaException as error:
        raise Fatal(
            f"Kafka at {bootstrap} cannot be reached: {error.args[0].str()}", "kafka.unreachable"
        ) from None
    for topic in topics:
        found = existing.get(topic.name)
        if found is not None and len(found.partitions) != partitions:
            raise Fatal(
                f"topic {topic.name} has {len(found.partitions)} partitions, expected {partitions}",
                "kafka.partitions",
            )
    missing = [t for t in topics if t.name not in existing]
    if missing:
        made = admin.create_topics(
            [NewTopic(t.name, partitions, replication, config=CONFIG) for t in missing],
            operation_timeout=15,
        )
        for name, future in made.items():
            try:
                future.result(20)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise Fatal(
                        f"topic {name} cannot be created: {error.args[0].str()}", "kafka.topics"
                    ) from None
    for _ in range(
        100
    ):  # the controller answers before the broker knows: who asks at once would find no topic
        if all(t.name in admin.list_topics(timeout=15).topics for t in missing):
            break
        time.sleep(0.05)
    return [t.name for t in missing]


def effective_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """The settings a topic really has, for tests and for people."""
    admin = AdminClient(client_settings(bootstrap))
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(10)
    return {name: str(entry.value) for name, entry in entries.items()}
