"""A topic of Kafka as a Source: offsets come from our own database, and gaps stop the process."""

import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message
from libs.common.messaging.address import SESSION_TIMEOUT_MS
from libs.common.messaging.broker_client import BrokerClient, Descriptions
from libs.common.messaging.client_health import (
    STANDING_MAX_S,
    WITHOUT_BROKERS_MAX_S,
    ClientHealth,
)
from libs.common.messaging.client_log import ClientLog
from libs.common.messaging.kafka import TRANSIENT_ERRORS, consumer_config, signature, text
from libs.common.messaging.reported_offsets import ReportedOffsets
from libs.common.messaging.turns import Turns
from libs.common.observability.logs import log
from libs.common.observability.tracing import is_on

TOPIC_CHECK_S, DESCRIBED_MAX_S = 5.0, 12.0
#: For so long at most the loop does not see that it is to stop. A message is given at once.
WAIT_S = 1.0
#: Under load messages gather for so long; the first one after a pause is read at once.
TURN_S = 0.2
SESSION_HINT = (
    "Set SESSION_TIMEOUT_MS of this service to a value between the broker's "
    "group.min.session.timeout.ms and group.max.session.timeout.ms, or change these"
)
#: After these nobody knows what the broker is that answers next: it may be an older copy.
DISCONNECTED = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - its name there
    KafkaError._TRANSPORT,  # noqa: SLF001 - its name there
}
#: Gives the next offset of each partition: load(topic, topic_id, partitions).
LoadOffsets = Callable[[str, str, Sequence[int]], dict[int, int]]
#: Whether this consumer has taken in a message, as applied or as a dead letter.
HasTakenIn = Callable[[Message], bool]


class KafkaSource:
    """One topic read by one group. Each partition continues at the offset in the database.

    The message before that offset is read first, also after a lost connection: the database must
    know it. Else the topic was restored from an older copy and written on, and what lies before the
    offset now was never read (docs/faults.md, 140).
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        load: LoadOffsets,
        batch_max: int = 500,
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
        broker_answers: Callable[[], bool] = lambda: True,
        standing_max_s: float = STANDING_MAX_S,
        has_taken_in: HasTakenIn | None = None,
        client: BrokerClient | None = None,
    ) -> None:
        """Join the group; nothing is read yet.

        Args:
            client: asks which topic this is; shared by the consumers of a service.
            has_taken_in: without it no message is compared; only tests and measurements do that.
            broker_answers: whether the broker answers another client. While it answers nobody, a
                new client would not help.
            standing_max_s: after so long without work the client is given up.
        """
        self.topic, self.batch_max, self.load = topic, batch_max, load
        self.has_taken_in = has_taken_in
        self.broker_answers, self.standing_max_s = broker_answers, standing_max_s
        self.health = ClientHealth()
        #: Since when the polling thread has been inside the client; None if it is not.
        self.inside_since: float | None = None
        #: The next offset of each owned partition.
        self.expected: dict[int, int] = {}
        #: The offset of the message that is to be compared first, of the partitions that need it.
        self.uncompared: dict[int, int] = {}
        #: Whether the connection was lost since the last message.
        self.was_disconnected = False
        self.failure: Exception | None = None
        self.topic_id, self.next_check_at = "", 0.0
        self.turns, self.reported = Turns(TURN_S), ReportedOffsets()
        self.client = client or BrokerClient(bootstrap)
        #: An open question, whether this is still the same topic.
        self.asked: Descriptions | None = None
        self.consumer = Consumer(
            {
                **consumer_config(bootstrap, group, session_timeout_ms),
                "stats_cb": self.health.report,
                "error_cb": self._note_error,
            },
            logger=ClientLog(group),
        )
        self.consumer.subscribe(
            [topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def poll(self) -> list[Message]:
        """Up to `batch_max` messages; empty after `WAIT_S` without any.

        Raises:
            Fatal: a gap, a stored offset the topic no longer has, another message before it than
                the one that was taken in, or a topic that was created anew. End the process.
            Retry, or an error of the database: an assignment could not be made now, or the client
                stands still. Close this source and open another.
        """
        self.inside_since = time.monotonic()
        try:
            first = self.consumer.poll(WAIT_S)  # consume(500, t) would wait out its time-out
            rest = [] if first is None else self._read_gathered()
        finally:
            self.inside_since = None
        self.health.polled()
        if self.failure is not None:
            raise self.failure
        self._check_topic()
        self._check_client()
        if first is None:
            self._report()
        if first is not None and self.was_disconnected:
            self.was_disconnected = False
            self.rewind()  # and compare before anything more is read
            return []
        records = [] if first is None else [first, *rest]
        return [message for record in records if (message := self._accept(record)) is not None]

    def _read_gathered(self) -> list[Record]:
        """What has come behind a first message, with what comes until the next turn is due."""
        self.turns.wait()
        rest = self.consumer.consume(self.batch_max - 1, 0)
        self.turns.end(is_full=len(rest) >= self.batch_max - 1)
        return rest

    def commit(self, messages: list[Message]) -> None:
        """Commit to Kafka, for tools that show lag only; a failure has no consequence."""
        self.reported.note(messages)
        self._report()

    def _report(self, *, is_last: bool = False) -> None:
        """Commit what is due, of the partitions that are still owned."""
        owned = [
            TopicPartition(self.topic, partition, end)
            for partition, end in self.reported.take_due(is_last=is_last).items()
            if partition in self.expected
        ]
        if not owned:
            return
        try:
            self.consumer.commit(offsets=owned, asynchronous=True)
        except KafkaException as error:
            log.info("commit_for_lag_failed", topic=self.topic, error=str(error))

    def rewind(self) -> None:
        """Seek every owned partition to its stored offset. Else the next batch skips messages.

        Raises:
            Retry, or an error of the database: not now; close this source and open another.
        """
        if self.expected:
            begins = self._begin(self._stored_offsets(list(self.expected)))
            try:
                for partition, offset in begins.items():
                    self.consumer.seek(TopicPartition(self.topic, partition, offset))
            except KafkaException as error:
                raise Retry(f"{self.topic}: {error.args[0].str()}", "kafka.away") from error

    def close(self) -> None:
        """Leave the group at once, so that others take the partitions over without waiting."""
        self._report(is_last=True)
        self.consumer.close()

    def _accept(self, record: Record) -> Message | None:
        """The message in a record; None for one that is passed over."""
        error = record.error()
        if error is not None:
            if error.code() in TRANSIENT_ERRORS and not error.fatal():
                return None
            if error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
                raise Retry(f"{self.topic}: {error.str()}. {SESSION_HINT}", "kafka.session-timeout")
            raise Fatal(f"{self.topic}: {error.str()}", "kafka.consumer")
        partition, offset = record.partition(), record.offset()
        expected = self.expected.get(partition or 0)
        if partition is None or offset is None or expected is None or offset < expected:
            if partition is not None and offset == self.uncompared.get(partition):
                self._compare(self._message(record))
            return None  # of a partition that was revoked meanwhile, or seen before a seek
        if partition in self.uncompared:
            raise Retry(f"{self.topic}/{partition}: not read from where it was asked", "kafka.away")
        if offset > expected:
            raise Fatal(
                f"{self.topic}/{partition}: offset {offset} follows {expected - 1}: "
                "messages are missing",
                "kafka.gap",
            )
        self.expected[partition] = offset + 1
        return self._message(record)

    def _compare(self, message: Message) -> None:
        """End the process if the message before the stored offset is not the one taken in."""
        if self.has_taken_in is not None and not self.has_taken_in(message):
            raise Fatal(
                f"{self.topic}/{message.partition}: offset {message.offset} holds another message "
                "than the one read there: the topic is an older copy that was written on",
                "kafka.topic-older",
            )
        del self.uncompared[message.partition]

    def _message(self, record: Record) -> Message:
        headers = dict(record.headers() or [])
        return Message(
            self.topic,
            record.partition() or 0,
            record.offset() or 0,
            text(record.key()),
            text(headers.get("type")),
            text(headers.get("event_id")),
            record.value() or b"",
            text(headers.get("correlation")),
            traceparent=text(headers.get("traceparent")) if is_on() else "",
            signature=signature(headers.get("signature")),
        )

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # To raise in this callback would leave librdkafka's own assignment in place, so `poll`
        # raises instead.
        try:
            numbers = [p.partition for p in partitions]
            begins = self._begin(self._stored_offsets(numbers)) if numbers else {}
            consumer.incremental_assign([TopicPartition(self.topic, n, begins[n]) for n in numbers])
            self.health.assigned = True
        except KafkaException as error:  # the group has moved on meanwhile
            self.failure = Retry(f"{self.topic}: {error.args[0].str()}", "kafka.away")
        except Exception as error:  # noqa: BLE001 - see above
            self.failure = error

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self.expected.pop(partition.partition, None)
            self.uncompared.pop(partition.partition, None)
        try:
            consumer.incremental_unassign(partitions)
        except KafkaException as error:
            log.info("unassign", topic=self.topic, error=str(error))

    def _begin(self, stored: dict[int, int]) -> dict[int, int]:
        """Expect the stored offsets; return from where to read, with the messages to compare."""
        before = {
            partition: offset - 1
            for partition, offset in stored.items()
            if offset and self.has_taken_in is not None
        }
        for partition in stored:
            self.uncompared.pop(partition, None)
        self.expected.update(stored)
        self.uncompared.update(before)
        return stored | before

    def _note_error(self, error: KafkaError) -> None:
        """Called by the client, in `poll`, between what it read before and after the error."""
        if self.has_taken_in is not None and error.code() in DISCONNECTED:
            self.was_disconnected = True

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The group goes on without this client, which has to join it again."""
        self.health.assigned = False
        log.warning(
            "group_lost", topic=self.topic, count=len(partitions), next="the client joins again"
        )
        self._revoked(consumer, partitions)

    def _stored_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        try:
            asked = self.client.describe(self.topic, within_s=0.0)
            self.topic_id = str(asked.answers[self.topic].result(DESCRIBED_MAX_S).topic_id)
        except (KafkaException, TimeoutError) as error:  # the broker is being restarted
            self.client.unanswered(DESCRIBED_MAX_S)
            raise Retry(
                f"{self.topic}: the broker does not say which topic this is: {error}", "kafka.away"
            ) from error
        self.client.answered()
        # A slow database is no client that hangs.
        inside, self.inside_since = self.inside_since is not None, None
        try:
            return self.load(self.topic, self.topic_id, partitions)
        finally:
            self.inside_since = time.monotonic() if inside else None

    def _check_topic(self) -> None:
        """Check every 5 s, without waiting, that the topic still has the same id.

        librdkafka would go on at the old offset of a new topic of the same name.
        """
        if self.asked is None:
            if self.topic_id and time.monotonic() >= self.next_check_at:
                self.asked = self.client.describe(self.topic)
        elif (answer := self.asked.answers[self.topic]).done():
            self.next_check_at, self.asked = self.asked.asked_at + TOPIC_CHECK_S, None
            if answer.exception() is None and str(answer.result().topic_id) != self.topic_id:
                raise Fatal(
                    f"topic {self.topic} was deleted and made again while it was read",
                    "kafka.topic-replaced",
                )

    def _check_client(self) -> None:
        """Give the client up if it alone stands still: one that lost its way never finds it."""
        standing_s, without_s = self.health.standing_s(), self.health.without_brokers_s()
        is_stuck = standing_s > self.standing_max_s or without_s > WITHOUT_BROKERS_MAX_S
        if is_stuck and self.broker_answers():
            raise Retry(
                f"{self.topic}: the client has been standing still for {standing_s:.0f} s "
                f"({self.health.state}), and the broker answers another one",
                "kafka.client-stuck",
            )
