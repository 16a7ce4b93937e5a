"""The relay: a loop that sends the outbox to Kafka, in order and at least once."""

import select
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Event as Stop
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message
from libs.common.contracts.topics import PARTITIONS
from libs.common.crypto.message_signatures import Signer
from libs.common.database.engine import is_unavailable, run
from libs.common.messaging import dead_letters, outbox
from libs.common.messaging.error_text import describe
from libs.common.messaging.message_tracing import Publication, start_publication
from libs.common.messaging.turns import Turns
from libs.common.messaging.written_offsets import WrittenOffsets
from libs.common.observability.clock_difference import ClockComparison
from libs.common.observability.logs import log
from libs.common.observability.trace_context import unrecorded_header

RELAY_LOCK = 7_030_100
BATCH_MAX = 1_000
FLUSH_S = 35.0
#: Every writer of the outbox notifies. What is left of a turn is sent again after `AGAIN_S`, and
#: without a notice the relay looks after `LOOK_S`; in between it only sees whether it is to stop.
AGAIN_S, LOOK_S = 1.0, 10.0
#: Under load events gather for so long; the first one after a pause goes at once.
TURN_S = 0.2
#: While a turn is handed over, answers are taken in after so many events: each look costs as much
#: as the event itself.
ANSWERS_EVERY = 50
#: With these, the same bytes are refused each time; everything else is waited for.
NEVER = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD})
REFUSED_CODE = "outbox.refused"


def publish_until_stopped(
    engine: Engine,
    producer: Producer,
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
    name: str = "",
    signer: Signer | None = None,
    broker_clock: ClockComparison | None = None,
    written: WrittenOffsets | None = None,
    broker_answers: Callable[[], bool] = lambda: False,
) -> None:
    """Publish until `stop`, under the service's name and signed with its key.

    Args:
        broker_clock: learns when the broker wrote what is sent.
        written: where topics end, one for all calls of a process: that a topic came back as an
            older copy is noticed only by who knows its end.
        broker_answers: asked when nothing of a turn was acknowledged.

    Of several replicas one publishes, the others wait for an advisory lock: two at once would
    break the order within a key. A database that is away is waited for.

    Raises:
        Fatal, Retry: see `publish`. After Retry begin again with another producer.
    """
    turns, written = Turns(TURN_S), written or WrittenOffsets()
    while not stop.is_set():
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                # The lock belongs to this connection, so the work is done on it. Back in the pool
                # it would keep the lock, and no relay could work again.
                connection.detach()
                if not _wait_for_lock(connection, stop, beat):
                    continue
                run(connection, "LISTEN outbox")
                while not stop.is_set():
                    beat()
                    producer.poll(0)  # serves what the client logs while nothing is sent
                    turns.wait()
                    rows = outbox.find_unpublished(connection, BATCH_MAX)
                    count = publish(
                        connection,
                        producer,
                        name=name,
                        signer=signer,
                        broker_clock=broker_clock,
                        written=written,
                        broker_answers=broker_answers,
                        rows=rows,
                    )
                    if count:
                        turns.end(is_full=count == BATCH_MAX)
                    if count < BATCH_MAX:
                        _wait_for_events(connection, stop, beat, is_rest=count < len(rows))
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            log.warning("relay_without_database", next="again in 0.5 s", **describe(error))
            beat()
            stop.wait(0.5)


def _wait_for_lock(connection: Connection, stop: Stop, beat: Callable[[], None]) -> bool:
    """Wait until this relay is the one that works; False if it is stopped before."""
    while not stop.is_set():
        beat()
        if run(connection, "SELECT pg_try_advisory_lock(:lock)", lock=RELAY_LOCK).scalar():
            return True
        stop.wait(0.5)
    return False


def _wait_for_events(
    connection: Connection, stop: Stop, beat: Callable[[], None], *, is_rest: bool
) -> None:
    """Wait for a NOTIFY; one that came during the last statement counts.

    The wait is short if there is a rest, which waits to be sent again.

    The end of the connection ends the wait as well: the next statement finds it.
    """
    # Any: psycopg2's own connection; SQLAlchemy has no interface for LISTEN.
    raw: Any = connection.connection.dbapi_connection
    until = time.monotonic() + (AGAIN_S if is_rest else LOOK_S)
    heard = bool(raw.notifies)
    while not heard and not stop.is_set() and (left_s := until - time.monotonic()) > 0:
        beat()
        heard = bool(select.select([raw], [], [], min(left_s, AGAIN_S))[0])
        raw.poll()
    raw.notifies.clear()


def publish(
    connection: Connection,
    producer: Producer,
    batch_max: int = BATCH_MAX,
    name: str = "",
    signer: Signer | None = None,
    broker_clock: ClockComparison | None = None,
    written: WrittenOffsets | None = None,
    broker_answers: Callable[[], bool] = lambda: False,
    rows: Sequence[Any] | None = None,
) -> int:
    """Send the oldest unpublished events, and mark those that Kafka acknowledged; how many.

    Args:
        rows: these events, if they have been read already.

    A crash between the two sends them again: consumers have an inbox. They are signed here, so
    what is republished later is signed with the key of that time. An event that Kafka can never
    take is moved to the dead letters and counts as done: what stands behind it goes on.

    Raises:
        Fatal: this producer can never send again, or the topic is an older copy: the process must
            end. Nothing is marked then.
        Retry: none of it was acknowledged, and the broker answers another client: a producer that
            has dropped its brokers does not look for them again (ADR 45).
    """
    written = written or WrittenOffsets()
    if rows is None:
        rows = outbox.find_unpublished(connection, batch_max)
    if not rows:
        return 0
    spans = start_publication()
    headers = _all_headers(rows, name, spans, signer)
    asked_at = datetime.now(UTC)
    sent = _send(producer, rows, headers)
    if broker_clock is not None and sent.written_ms:
        written_at = datetime.fromtimestamp(sent.written_ms / 1_000, UTC)
        broker_clock.note(written_at, asked_at, datetime.now(UTC))
    _mark_published(connection, sent, written)
    if spans:
        done = set(sent.acknowledged)
        spans.end((row.topic, row.correlation) for row in rows if row.id in done)
    count = len(sent.acknowledged)
    for row, own_headers in zip(rows, headers, strict=True):
        if row.id in sent.refused:
            error = sent.refused[row.id]
            count += _give_up_or_send_alone(connection, producer, row, own_headers, error)
    if count < len(rows):
        log.warning("published_in_part", count=count)
    if not count and broker_answers():
        raise Retry(
            "the producer could send nothing, and the broker answers another client",
            "kafka.client-stuck",
        )
    return count


@dataclass
class Sent:
    """What became of the rows of one turn; a row in neither is sent again.

    Args:
        acknowledged: the ids of those that Kafka has.
        refused: why the others can never be sent, by id; a broker's refusal is of a whole batch
            of messages, so it says nothing yet about the single one.
        written_ms: when the broker wrote the last one, by its clock; 0 if it does not tell.
        places: topic, partition and offset of those that Kafka has.
    """

    acknowledged: list[int] = field(default_factory=list)
    refused: dict[int, KafkaError] = field(default_factory=dict)
    written_ms: int = 0
    places: list[tuple[str, int, int]] = field(default_factory=list)

    def note(self, row_id: int, error: KafkaError | None, message: KafkaMessage) -> None:
        """Take in what became of one row."""
        if error is None:
            self.acknowledged.append(row_id)
            offset = message.offset()
            if offset is not None:  # the broker does not tell that of a repeated send
                self.places.append((message.topic() or "", message.partition() or 0, offset))
            kind, milliseconds = message.timestamp()
            if kind == TIMESTAMP_LOG_APPEND_TIME:
                self.written_ms = milliseconds
        elif error.code() in NEVER:
            self.refused[row_id] = error


def _mark_published(connection: Connection, sent: Sent, written: WrittenOffsets) -> None:
    """Mark what Kafka has, unless it lies where something else was before."""
    for place in sent.places:
        written.note(*place)
    if sent.acknowledged:
        outbox.mark_published(connection, sent.acknowledged)


#: The headers of a message.
Headers = list[tuple[str, str | bytes | None]]


def _send(producer: Producer, rows: Sequence[Any], headers: Sequence[Headers]) -> Sent:
    """Send rows of the outbox in order, and wait for the answers."""
    sent = Sent()
    for number, (row, own_headers) in enumerate(zip(rows, headers, strict=True)):
        row_id, _, topic, key, _, _, body = row
        try:
            producer.produce(
                topic,
                key=key,
                value=body,
                headers=own_headers,
                on_delivery=partial(sent.note, row_id),
            )
        except (BufferError, KafkaException) as error:
            code = error.args[0].code() if isinstance(error, KafkaException) else None
            if code == KafkaError._FATAL:  # noqa: SLF001 - its name there
                raise Fatal(
                    f"the producer is dead: {error.args[0].str()}", "kafka.producer"
                ) from error
            if code in NEVER:
                sent.refused[row_id] = error.args[0]
                continue
            log.warning(
                "produce_refused",
                topic=topic,
                event_id=row.event_id,
                next="it stays in the outbox and is sent again",
                **describe(error),
            )
            break  # to keep the order within a key, nothing after it is sent in this turn
        if number % ANSWERS_EVERY == 0:
            producer.poll(0)
    if producer.flush(FLUSH_S):
        producer.purge()
        producer.flush(1.0)
    return sent


def _give_up_or_send_alone(
    connection: Connection, producer: Producer, row: Any, headers: Headers, error: KafkaError
) -> bool:
    """Send one refused event by itself; if that is refused too, make it a dead letter.

    False: neither; it stays in the outbox.
    """
    sent = _send(producer, [row], [headers])
    _mark_published(connection, sent, WrittenOffsets())
    if sent.acknowledged:
        return True
    if row.id not in sent.refused:
        return False
    reason = f"Kafka does not take it: {error.str()} ({len(row.body.encode())} bytes)."
    log.error(
        "dead_letter",
        consumer=dead_letters.OUTBOX,
        topic=row.topic,
        event_id=row.event_id,
        type=row.message_type,
        code=REFUSED_CODE,
        reason=reason,
        next="what stands behind it in the outbox is sent",
    )
    outbox.move_to_dead_letters(connection, row.id, dead_letters.OUTBOX, REFUSED_CODE, reason)
    return True


def _all_headers(
    rows: Sequence[Any], name: str, spans: Publication | None, signer: Signer | None
) -> list[Headers]:
    """The headers of each row, with signatures if there is a signer."""
    found: list[Headers] = []
    for _, event_id, topic, _, message_type, correlation, _ in rows:
        span = spans.at(topic, correlation) if spans else None
        found.append(
            [
                ("event_id", event_id),
                ("type", message_type),
                ("correlation", correlation),
                (
                    "traceparent",
                    span.header() if span else unrecorded_header(correlation, event_id),
                ),
                ("producer", name),
            ]
        )
    if signer is not None:
        for own, signature in zip(found, signer.sign(list(map(_message, rows))), strict=True):
            own.append(("signature", signature))
    return found


def _message(row: Any) -> Message:
    """The message of a row, on the partition where librdkafka will put it."""
    _, event_id, topic, key, message_type, correlation, body = row
    partition = zlib.crc32(key.encode()) % PARTITIONS
    return Message(topic, partition, 0, key, message_type, event_id, body.encode(), correlation)
