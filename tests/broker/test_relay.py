"""Relays on a real broker: one works, the order of a key is kept, what is acknowledged is marked."""

import signal

import pytest
from confluent_kafka import Consumer, TopicPartition

from libs.common.messaging import kafka
from tests.broker.field import ACCOUNTS, PARTITIONS, Field

pytestmark = [pytest.mark.broker, pytest.mark.database]


def on_topic(field: Field) -> list[tuple[str, str]]:
    """(key, event_id) of every record, in the order of each partition."""
    reader = Consumer(
        {
            "bootstrap.servers": field.bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    reader.assign([TopicPartition(field.topic, p, 0) for p in range(PARTITIONS)])
    found: list[tuple[str, str]] = []
    count = field.on_topic()
    while len(found) < count:
        for record in reader.consume(1_000, 1.0):
            assert record.error() is None
            headers = dict(record.headers() or [])
            found.append((kafka.text(record.key()), kafka.text(headers["event_id"])))
    reader.close()
    return found


def put_ids(field: Field) -> dict[str, list[str]]:
    """The event ids of each key in the order they were put."""
    rows = field.rows(
        "SELECT message_key, CAST(event_id AS text) AS event_id FROM outbox ORDER BY id"
    )
    return {
        key: [row.event_id for row in rows if row.message_key == key]
        for key in (f"a{n}" for n in range(ACCOUNTS))
    }


def published(field: Field) -> bool:
    return bool(
        field.rows("SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)")[0][0]
    )


def test_of_two_relays_one_works_and_no_key_is_out_of_order(field: Field) -> None:
    field.start("relay")
    field.start("relay")
    for _ in range(20):
        field.put(150)
    field.until(lambda: published(field))
    found = on_topic(field)
    assert len(found) == 3_000, "each was sent once"
    assert {key: [e for k, e in found if k == key] for key in put_ids(field)} == put_ids(field)


def test_the_second_relay_takes_over_from_one_that_is_killed(field: Field) -> None:
    relays = [field.start("relay"), field.start("relay")]
    field.put(300)
    field.until(lambda: published(field))
    holders = field.rows("""SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
                            WHERE locktype = 'advisory' AND granted AND datname = current_database()""")
    assert len(holders) == 1
    for relay in relays:
        relay.send(signal.SIGKILL)
        field.put(300)
        if relay is relays[0]:
            field.until(lambda: published(field))
    field.start("relay")
    field.until(lambda: published(field))
    found = on_topic(field)
    assert {e for _, e in found} == {e for ids in put_ids(field).values() for e in ids}


def test_killed_between_produce_and_mark_it_sends_again_in_order_and_is_applied_once(
    field: Field,
) -> None:
    field.put(400)
    assert field.start("relay", strike="flushed").died_of(signal.SIGKILL)
    assert field.on_topic() == 400
    assert not published(field)
    field.put(100)
    field.start("relay")
    field.start()
    field.until(lambda: published(field))
    assert field.on_topic() == 900, "400 twice, 100 once"
    field.until_applied(500)
    field.exact()
