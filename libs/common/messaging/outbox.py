"""The outbox: events leave a database in the transaction that made them true, and a relay carries them to Kafka."""

import select
from collections.abc import Callable, Sequence
from threading import Event as Stop
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Fatal
from libs.common.database.engine import is_unavailable, run
from libs.common.messaging.message_tracing import start_publication
from libs.common.observability.logs import log
from libs.common.observability.trace_context import unrecorded_header

RELAY_LOCK = 7_030_100
BATCH_MAX = 1_000
FLUSH_S = 35.0
FLOOR_S = 0.2


def add(connection: Connection, events: Sequence[Event]) -> None:
    """Write events to the outbox in the caller's transaction, in this order; an event_id that is there already is left alone."""
    if not events:
        return
    run(
        connection,
        """
        INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body)
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:types AS text[]),
                             CAST(:correlations AS text[]), CAST(:bodies AS text[]))
        ON CONFLICT (event_id) DO NOTHING""",
        ids=[str(e.event_id) for e in events],
        topics=[e.topic.name for e in events],
        keys=[e.key() for e in events],
        types=[e.type for e in events],
        correlations=[e.correlation for e in events],
        bodies=[e.model_dump_json() for e in events],
    )
    run(connection, "SELECT pg_notify('outbox', '')")


def relay(
    engine: Engine,
    producer: Producer,
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
    name: str = "",
) -> None:
    """Publish until `stop`, under the service's name.

    Of several replicas one works, the others wait behind an advisory lock (two would break the order in a key).
    """
    while not stop.is_set():
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.detach()  # back in the pool it would keep the lock, and no relay could work again
                while (
                    not stop.is_set()
                ):  # the lock lives as long as this connection, so the work is done on it as well
                    beat()
                    if run(
                        connection, "SELECT pg_try_advisory_lock(:lock)", lock=RELAY_LOCK
                    ).scalar():
                        break
                    stop.wait(0.5)
                run(connection, "LISTEN outbox")
                while not stop.is_set():
                    beat()
                    if publish(connection, producer, name=name) < BATCH_MAX:
                        wait_for_work(connection)
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            log.warning("relay_without_database", error=type(error).__name__)
            beat()
            stop.wait(0.5)


def publish(
    connection: Connection, producer: Producer, batch_max: int = BATCH_MAX, name: str = ""
) -> int:
    """Send the oldest unpublished events and mark the acknowledged ones; the number of those.

    A crash between the two sends them again: consumers have an inbox.

    Raises:
        Fatal: this producer will never send anything again; the process must end.
    """
    rows = run(
        connection,
        """
        SELECT id, event_id, topic, message_key, message_type, correlation, body FROM outbox
        WHERE published_at IS NULL ORDER BY id LIMIT :batch_max""",
        batch_max=batch_max,
    ).all()
    if not rows:
        return 0
    acknowledged: list[int] = []
    spans = start_publication()

    def delivered(row_id: int) -> Callable[[Any, Any], None]:
        return lambda error, _: acknowledged.append(row_id) if error is None else None

    for row in rows:
        at = spans.at(row.topic, row.correlation) if spans else None
        headers = [
            ("event_id", str(row.event_id)),
            ("type", row.message_type),
            ("correlation", row.correlation),
            (
                "traceparent",
                at.header() if at else unrecorded_header(row.correlation, str(row.event_id)),
            ),
            ("producer", name),
        ]
        try:
            producer.produce(
                row.topic,
                key=row.message_key,
                value=row.body,
                headers=headers,
                on_delivery=delivered(row.id),
            )
        except (BufferError, KafkaException) as error:
            if isinstance(error, KafkaException) and error.args[0].code() == KafkaError._FATAL:  # noqa: SLF001 - its name there
                raise Fatal(
                    f"the producer is dead: {error.args[0].str()}", "kafka.producer"
                ) from error
            log.warning("produce_refused", topic=row.topic, error=str(error))
            break  # order within a key: nothing after it is sent in this turn
        producer.poll(0)
    if producer.flush(FLUSH_S):
        producer.purge()
        producer.flush(1.0)
    if acknowledged:
        run(
            connection,
            "UPDATE outbox SET published_at = now() WHERE id = ANY(CAST(:ids AS bigint[]))",
            ids=acknowledged,
        )
    if spans:
        taken = set(acknowledged)
        spans.end((row.topic, row.correlation) for row in rows if row.id in taken)
    if len(acknowledged) < len(rows):
        log.warning("published_in_part", count=len(acknowledged))
    return len(acknowledged)


def wait_for_work(connection: Connection) -> None:
    """Wait for a NOTIFY, at most the floor of 200 ms."""
    raw: Any = (
        connection.connection.dbapi_connection
    )  # psycopg2's own; LISTEN has no SQLAlchemy face
    select.select([raw], [], [], FLOOR_S)
    raw.poll()
    raw.notifies.clear()
