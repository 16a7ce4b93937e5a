"""Relays on a real broker: one works, each key keeps its order, acknowledged rows are marked."""

import signal

import pytest
from confluent_kafka import Consumer, TopicPartition

from libs.common.messaging import kafka
from tests.broker.harness import ACCOUNTS, PARTITIONS, Harness

pytestmark = [pytest.mark.broker, pytest.mark.database]


def read_topic(harness: Harness) -> list[tuple[str, str]]:
    """(key, event_id) of every record, in the order of each partition."""
    reader = Consumer(
        {
            "bootstrap.servers": harness.bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    reader.assign([TopicPartition(harness.topic, p, 0) for p in range(PARTITIONS)])
    found: list[tuple[str, str]] = []
    count = harness.records_on_topic()
    while len(found) < count:
        for record in reader.consume(1_000, 1.0):
            assert record.error() is None
            headers = dict(record.headers() or [])
            found.append((kafka.text(record.key()), kafka.text(headers["event_id"])))
    reader.close()
    return found


def ids_in_outbox(harness: Harness) -> dict[str, list[str]]:
    """The event ids of each key, in the order of the outbox."""
    rows = harness.rows(
        "SELECT message_key, CAST(event_id AS text) AS event_id FROM outbox ORDER BY id"
    )
    return {
        key: [row.event_id for row in rows if row.message_key == key]
        for key in (f"a{n}" for n in range(ACCOUNTS))
    }


def all_published(harness: Harness) -> bool:
    return bool(
        harness.rows("SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)")[0][0]
    )


def test_of_two_relays_one_works_and_no_key_is_out_of_order(harness: Harness) -> None:
    harness.start("relay")
    harness.start("relay")
    for _ in range(20):
        harness.put_into_outbox(150)
    harness.wait_until(lambda: all_published(harness))
    found = read_topic(harness)
    assert len(found) == 3_000, "each was sent once"
    assert {
        key: [e for k, e in found if k == key] for key in ids_in_outbox(harness)
    } == ids_in_outbox(harness)


def test_the_second_relay_takes_over_from_one_that_is_killed(harness: Harness) -> None:
    relays = [harness.start("relay"), harness.start("relay")]
    harness.put_into_outbox(300)
    harness.wait_until(lambda: all_published(harness))
    holders = harness.rows("""
        SELECT pid
        FROM pg_locks
        JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND datname = current_database()""")
    assert len(holders) == 1
    for relay in relays:
        relay.send(signal.SIGKILL)
        harness.put_into_outbox(300)
        if relay is relays[0]:
            harness.wait_until(lambda: all_published(harness))
    harness.start("relay")
    harness.wait_until(lambda: all_published(harness))
    found = read_topic(harness)
    assert {e for _, e in found} == {e for ids in ids_in_outbox(harness).values() for e in ids}


def test_killed_between_produce_and_mark_it_sends_again_in_order_and_is_applied_once(
    harness: Harness,
) -> None:
    harness.put_into_outbox(400)
    assert harness.start("relay", kill_at="flushed").was_killed_by(signal.SIGKILL)
    assert harness.records_on_topic() == 400
    assert not all_published(harness)
    harness.put_into_outbox(100)
    harness.start("relay")
    harness.start()
    harness.wait_until(lambda: all_published(harness))
    assert harness.records_on_topic() == 900, "400 twice, 100 once"
    harness.wait_until_applied(500)
    harness.assert_exactly_once()
