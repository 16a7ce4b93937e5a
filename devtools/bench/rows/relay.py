"""The relay beside bare produce of the same messages, and how soon it sends when idle."""

import statistics
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from devtools.bench import producing
from devtools.bench.figures import Figure, Row
from devtools.bench.setting import RELAY_TOPIC, SIGNER, TOPIC, Posted, Setting
from devtools.bench.workplace import Workplace
from libs.common.contracts.topics import PARTITIONS
from libs.common.database.engine import run
from libs.common.messaging import kafka, outbox, relay
from ops.errors import CommandError

SENDS, PAUSE_S, LIMIT_S = 20, 0.3, 10.0


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Send the whole outbox; produce the same without one; then send single events."""
    setting = workplace.messages
    _wait_again(setting, TOPIC if not setting.rows("outbox") else RELAY_TOPIC)
    carried = producing.relay_rate(setting)
    bare = producing.bare_produce(setting)
    return {
        "relay ÷ bare produce": carried / bare,
        "relay": carried,
        "bare produce": bare,
        "commit to topic when idle": idle_ms(setting),
    }


def _wait_again(setting: Setting, topic: str) -> None:
    """Have everything in the outbox wait to be sent, to a topic that the loops do not read."""
    with setting.engine.begin() as connection:
        run(connection, "UPDATE outbox SET published_at = NULL, topic = :topic", topic=topic)
    with setting.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run(connection, "VACUUM ANALYZE outbox")


def idle_ms(setting: Setting) -> float:
    """The median milliseconds from the commit of one event until a reader of its topic has it.

    Raises:
        CommandError: one did not come.
    """
    stop, producer = threading.Event(), kafka.producer(setting.bootstrap)
    thread = threading.Thread(
        target=relay.publish_until_stopped,
        args=(setting.engine, producer, stop),
        kwargs={"name": "bench", "signer": SIGNER},
    )
    reader = _reader_at_end(setting)
    thread.start()
    try:
        _send_one(setting, reader)  # opens the connections
        return statistics.median(_send_one(setting, reader) for _ in range(SENDS))
    finally:
        stop.set()
        thread.join()
        reader.close()
        with setting.engine.begin() as connection:
            run(connection, "DELETE FROM outbox WHERE message_key LIKE 'idle-%'")


def _reader_at_end(setting: Setting) -> Consumer:
    reader = Consumer(kafka.consumer_config(setting.bootstrap, "idle", 6_000))
    reader.assign([TopicPartition(RELAY_TOPIC, number, -1) for number in range(PARTITIONS)])
    reader.poll(1.0)
    return reader


def _send_one(setting: Setting, reader: Consumer) -> float:
    time.sleep(PAUSE_S)
    event = Posted(
        event_id=uuid4(),
        occurred_at=datetime.now(UTC),
        payment_id=uuid4(),
        amount_cents=1,
        note="idle",
    )
    with setting.engine.begin() as connection:
        outbox.add(connection, [event])
        run(
            connection,
            "UPDATE outbox SET topic = :t, message_key = 'idle-' || id WHERE event_id = :id",
            t=RELAY_TOPIC,
            id=str(event.event_id),
        )
    began = time.monotonic()
    while time.monotonic() < began + LIMIT_S:
        message = reader.poll(LIMIT_S)
        if message is not None and str(event.event_id).encode() in (message.value() or b""):
            return (time.monotonic() - began) * 1_000
    raise CommandError(f"the relay did not send an event within {LIMIT_S:.0f} s")


ROW = Row(
    "relay",
    "events from the outbox to Kafka, acknowledged by it and marked as published",
    (
        Figure("relay ÷ bare produce", digits=2, at_least=0.5),
        Figure("relay", "/s", 0),
        Figure("bare produce", "/s", 0, is_floor=True),
        Figure("commit to topic when idle", "ms", at_most=20),
    ),
    measure,
    estimate_s=25,
)
