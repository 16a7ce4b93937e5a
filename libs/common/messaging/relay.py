"""The relay: a loop that sends the outbox to Kafka, in order and at least once."""

import select
import zlib
from collections.abc import Callable, Sequence
from threading import Event as Stop
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.errors import Fatal
from libs.common.contracts.topics import PARTITIONS
from libs.common.crypto.message_signatures import Signer
from libs.common.database.engine import is_unavailable, run
from libs.common.messaging import outbox
from libs.common.messaging.message_tracing import Publication, start_publication
from libs.common.observability.logs import log
from libs.common.observability.trace_context import unrecorded_header

RELAY_LOCK = 7_030_100
BATCH_MAX = 1_000
FLUSH_S = 35.0
POLL_S = 0.2


def publish_until_stopped(
    engine: Engine,
    producer: Producer,
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
    name: str = "",
    signer: Signer | None = None,
) -> None:
    """Publish until `stop`, under the service's name and signed with its key.

    Of several replicas one publishes, the others wait for an advisory lock: two at once would
    break the order within a key. A database that is away is waited for.

    Raises:
        Fatal: see `publish`.
    """
    while not stop.is_set():
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                # The lock belongs to this connection, so the work is done on it as well. Back in
                # the pool the connection would keep the lock, and no relay could work again.
                connection.detach()
                if not _wait_for_lock(connection, stop, beat):
                    continue
                run(connection, "LISTEN outbox")
                while not stop.is_set():
                    beat()
                    if publish(connection, producer, name=name, signer=signer) < BATCH_MAX:
                        _wait_for_events(connection)
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            log.warning("relay_without_database", error=type(error).__name__)
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


def _wait_for_events(connection: Connection) -> None:
    """Wait for a NOTIFY, for at most 200 ms."""
    # Any: psycopg2's own connection; SQLAlchemy has no interface for LISTEN.
    raw: Any = connection.connection.dbapi_connection
    select.select([raw], [], [], POLL_S)
    raw.poll()
    raw.notifies.clear()


def publish(
    connection: Connection,
    producer: Producer,
    batch_max: int = BATCH_MAX,
    name: str = "",
    signer: Signer | None = None,
) -> int:
    """Send the oldest unpublished events, and mark those that Kafka acknowledged; how many.

    A crash between the two sends them again: consumers have an inbox. They are signed here, so
    what is republished later is signed with the key of that time.

    Raises:
        Fatal: this producer can never send again; the process must end.
    """
    rows = outbox.find_unpublished(connection, batch_max)
    if not rows:
        return 0
    spans = start_publication()
    acknowledged = _send(producer, rows, _all_headers(rows, name, spans, signer))
    if acknowledged:
        outbox.mark_published(connection, acknowledged)
    if spans:
        sent = set(acknowledged)
        spans.end((row.topic, row.correlation) for row in rows if row.id in sent)
    if len(acknowledged) < len(rows):
        log.warning("published_in_part", count=len(acknowledged))
    return len(acknowledged)


#: The headers of a message.
Headers = list[tuple[str, str | bytes | None]]


def _send(producer: Producer, rows: Sequence[Any], headers: Sequence[Headers]) -> list[int]:
    """Send rows of the outbox in order; the ids of those that Kafka acknowledged."""
    acknowledged: list[int] = []

    def on_delivery(row_id: int) -> Callable[[Any, Any], None]:
        return lambda error, _: acknowledged.append(row_id) if error is None else None

    for row, own_headers in zip(rows, headers, strict=True):
        try:
            producer.produce(
                row.topic,
                key=row.message_key,
                value=row.body,
                headers=own_headers,
                on_delivery=on_delivery(row.id),
            )
        except (BufferError, KafkaException) as error:
            if isinstance(error, KafkaException) and error.args[0].code() == KafkaError._FATAL:  # noqa: SLF001 - its name there
                raise Fatal(
                    f"the producer is dead: {error.args[0].str()}", "kafka.producer"
                ) from error
            log.warning("produce_refused", topic=row.topic, error=str(error))
            break  # to keep the order within a key, nothing after it is sent in this turn
        producer.poll(0)
    if producer.flush(FLUSH_S):
        producer.purge()
        producer.flush(1.0)
    return acknowledged


def _all_headers(
    rows: Sequence[Any], name: str, spans: Publication | None, signer: Signer | None
) -> list[Headers]:
    """The headers of each row, with signatures if there is a signer."""
    headers = [_headers(row, name, spans) for row in rows]
    if signer is not None:
        signatures = signer.sign(
            [
                (
                    # where librdkafka puts it: a consumer then verifies what it reads together
                    zlib.crc32(row.message_key.encode()) % PARTITIONS,
                    row.topic,
                    row.message_key,
                    row.message_type,
                    row.body.encode(),
                )
                for row in rows
            ]
        )
        for own, signature in zip(headers, signatures, strict=True):
            own.append(("signature", signature))
    return headers


def _headers(row: Any, name: str, spans: Publication | None) -> Headers:
    span = spans.at(row.topic, row.correlation) if spans else None
    event_id = str(row.event_id)
    return [
        ("event_id", event_id),
        ("type", row.message_type),
        ("correlation", row.correlation),
        ("traceparent", span.header() if span else unrecorded_header(row.correlation, event_id)),
        ("producer", name),
    ]
