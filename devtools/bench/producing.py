"""The outbox relay beside bare producing of the same messages."""

import threading
import time
from datetime import UTC, datetime
from uuid import UUID, uuid5

from devtools.bench.setting import BARE_TOPIC, PADDING, SIGNER, TOPIC, Posted, Setting
from libs.common.database.engine import run
from libs.common.messaging import kafka, outbox, relay
from libs.common.observability.trace_context import unrecorded_header
from ops.errors import CommandError

SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
LIMIT_S = 120.0
CHUNK = 5_000


def relay_rate(setting: Setting) -> float:
    """Events a second from an outbox to Kafka. An empty outbox is filled before.

    Raises:
        CommandError: it leaves events behind.
    """
    if not setting.rows("outbox"):
        _fill_outbox(setting)
    stop, producer = threading.Event(), kafka.producer(setting.bootstrap)
    producer.list_topics(TOPIC, timeout=15)
    thread = threading.Thread(
        target=relay.publish_until_stopped,
        args=(setting.engine, producer, stop),
        kwargs={"name": "bench", "signer": SIGNER},
    )
    began = time.monotonic()
    thread.start()
    try:
        while left := setting.rows("outbox WHERE published_at IS NULL"):
            if time.monotonic() - began > LIMIT_S or not thread.is_alive():
                raise CommandError(f"the relay left {left} events behind")
            time.sleep(0.02)
        return setting.count / (time.monotonic() - began)
    finally:
        stop.set()
        thread.join()


def _fill_outbox(setting: Setting) -> None:
    events = [
        Posted(
            event_id=uuid5(SPACE, str(n)),
            occurred_at=datetime.now(UTC),
            payment_id=uuid5(SPACE, f"p{n}"),
            amount_cents=n % 997 + 1,
            note=PADDING,
        )
        for n in range(setting.count)
    ]
    for start in range(0, setting.count, CHUNK):
        with setting.engine.begin() as connection:
            outbox.add(connection, events[start : start + CHUNK])


def bare_produce(setting: Setting) -> float:
    """Messages a second of the same bodies, keys and headers, produced and then flushed.

    They go to a second topic, without an outbox.

    Raises:
        CommandError: some were not acknowledged.
    """
    with setting.engine.connect() as connection:
        rows = run(
            connection,
            """
            SELECT CAST(event_id AS text), message_key, body
            FROM outbox
            ORDER BY id""",
        ).all()
    producer = kafka.producer(setting.bootstrap)
    producer.list_topics(BARE_TOPIC, timeout=15)
    failed: list[object] = []
    began = time.monotonic()
    for event_id, key, body in rows:
        headers = [
            ("event_id", event_id),
            ("type", "bench-posted.v1"),
            ("correlation", ""),
            ("traceparent", unrecorded_header("", event_id)),
        ]
        producer.produce(
            BARE_TOPIC,
            key=key,
            value=body,
            headers=headers,
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
        producer.poll(0)
    if producer.flush(LIMIT_S) or failed:
        raise CommandError(f"bare produce: {len(failed)} messages were not acknowledged")
    return len(rows) / (time.monotonic() - began)
