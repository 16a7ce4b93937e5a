"""A lost broker is filled from the outboxes: nothing is applied twice, no key is out of order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devtools.test_servers import RunningBroker, temporary_kafka
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka
from libs.common.recovery import republish
from tests.broker.harness import PARTITIONS, Harness
from tests.broker.test_relay import all_published, ids_in_outbox, read_topic
from tests.containers import servers

pytestmark = [pytest.mark.broker, pytest.mark.database]
SERVICE = "broker-test"


@pytest.fixture
def lost_harness(broker_database: str, kafka_broker: RunningBroker) -> Iterator[Harness]:
    """A harness on a broker that the test may kill for good."""
    made = Harness(broker_database, kafka_broker.bootstrap)
    yield made
    made.close()


def topics(harness: Harness) -> list[Topic]:
    return [
        Topic(name, "account", SERVICE, (SERVICE,))
        for name in (harness.topic, harness.second_topic)
    ]


@contextmanager
def another_broker(harness: Harness, old: RunningBroker) -> Iterator[None]:
    """Put a new broker with topics in the place of the old one, which comes back at the end."""
    bootstrap = harness.bootstrap
    with servers.kafka() if servers.chosen() else temporary_kafka() as broker:
        try:
            harness.bootstrap = broker.bootstrap
            kafka.create_topics(broker.bootstrap, topics(harness), PARTITIONS)
            yield
        finally:
            stop_workers(harness)
            old.start()
            harness.bootstrap = bootstrap


def republish_all(harness: Harness) -> republish.Republished:
    return republish.republish(
        harness.engine,
        SERVICE,
        topics(harness),
        republish.topics_on_broker(harness.bootstrap, topics(harness)),
    )


def start_workers(harness: Harness) -> None:
    harness.start("relay")
    harness.start(session_timeout_ms=3_000, next_topic=harness.second_topic)
    harness.start(topic=harness.second_topic, session_timeout_ms=3_000)


def stop_workers(harness: Harness) -> None:
    for worker in harness.workers:
        worker.terminate()
    for worker in harness.workers:
        worker.stop()


def test_a_lost_broker_is_filled_again_and_nothing_is_applied_twice_or_out_of_order(
    lost_harness: Harness, kafka_broker: RunningBroker
) -> None:
    harness = lost_harness
    start_workers(harness)
    for _ in range(10):
        harness.put_into_outbox(200)
    harness.wait_until_applied(2_000, harness.second_topic)
    stop_workers(harness)
    with pytest.raises(republish.NothingLost, match=harness.topic):
        republish_all(harness)
    kafka_broker.kill()
    harness.put_into_outbox(300)  # never sent to the broker that is gone

    with another_broker(harness, kafka_broker):
        symptom = harness.start(session_timeout_ms=3_000)
        harness.wait_until(lambda: symptom.process.poll() is not None)
        assert "it was deleted and made again" in symptom.log.read_text()
        harness.allowed_exit_codes.add(symptom.process.returncode)

        first, again = republish_all(harness), republish_all(harness)
        assert (first.waiting, first.put_back, first.forgotten) == (4_300, 4_000, 2 * PARTITIONS)
        assert (again.waiting, again.put_back, again.forgotten) == (4_300, 0, 0)

        start_workers(harness)
        harness.put_into_outbox(100)
        harness.wait_until_applied(2_400, harness.second_topic)
        harness.wait_until(lambda: all_published(harness))
        harness.assert_exactly_once()
        harness.assert_exactly_once(harness.second_topic)
        found = read_topic(harness)
        assert len(found) == 2_400
        expected = ids_in_outbox(harness)
        of_topic = {event for _, event in found}
        assert {key: [e for k, e in found if k == key] for key in expected} == {
            key: [e for e in ids if e in of_topic] for key, ids in expected.items()
        }
        stop_workers(harness)
        with pytest.raises(republish.NothingLost):
            republish_all(harness)


def test_it_is_refused_while_a_relay_works_and_when_something_was_written_since(
    lost_harness: Harness, kafka_broker: RunningBroker
) -> None:
    harness = lost_harness
    relay = harness.start("relay")
    harness.put_into_outbox(200)
    harness.wait_until(lambda: all_published(harness))
    relay.send(signal.SIGKILL)
    kafka_broker.kill()
    with another_broker(harness, kafka_broker):
        harness.start("relay")
        harness.put_into_outbox(50)
        harness.wait_until(lambda: all_published(harness))
        with pytest.raises(republish.Refused, match="is running"):
            republish_all(harness)
        stop_workers(harness)
        with pytest.raises(republish.Refused, match="holds 50 messages and is not what it was"):
            republish_all(harness)
        assert harness.number("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
