"""A broker is lost with everything on it; a new one is filled from the outboxes: nothing is applied twice, no key is out of order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devtools.test_servers import RunningBroker, temporary_kafka
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka
from libs.common.recovery import republish
from tests.broker.field import PARTITIONS, Field
from tests.broker.test_relay import on_topic, published, put_ids
from tests.containers import servers

pytestmark = [pytest.mark.broker, pytest.mark.database]
SERVICE = "field"


@pytest.fixture
def lost_field(broker_database: str, kafka_broker: RunningBroker) -> Iterator[Field]:
    """A field on a broker that the test may kill for good."""
    made = Field(broker_database, kafka_broker.bootstrap)
    yield made
    made.end()


def topics(field: Field) -> list[Topic]:
    return [Topic(name, "account", SERVICE, (SERVICE,)) for name in (field.topic, field.second)]


@contextmanager
def another_broker(field: Field, old: RunningBroker) -> Iterator[None]:
    """A new broker in the place of the one the field had, with its topics made; at the end the old one is there again for other tests."""
    bootstrap = field.bootstrap
    with servers.kafka() if servers.chosen() else temporary_kafka() as broker:
        try:
            field.bootstrap = broker.bootstrap
            kafka.create_topics(broker.bootstrap, topics(field), PARTITIONS)
            yield
        finally:
            ended(field)
            old.start()
            field.bootstrap = bootstrap


def refilled(field: Field) -> republish.Republished:
    return republish.republish(
        field.engine,
        SERVICE,
        topics(field),
        republish.topics_on_broker(field.bootstrap, topics(field)),
    )


def working(field: Field) -> None:
    field.start("relay")
    field.start(session_timeout_ms=3_000, next_topic=field.second)
    field.start(topic=field.second, session_timeout_ms=3_000)


def ended(field: Field) -> None:
    for worker in field.workers:
        worker.terminate()
    for worker in field.workers:
        worker.end()


def test_a_lost_broker_is_refilled_and_nothing_is_applied_twice_or_out_of_order(
    lost_field: Field, kafka_broker: RunningBroker
) -> None:
    field = lost_field
    working(field)
    for _ in range(10):
        field.put(200)
    field.until_applied(2_000, field.second)
    ended(field)
    with pytest.raises(republish.NothingLost, match=field.topic):
        refilled(field)
    kafka_broker.kill()
    field.put(300)  # never sent to the broker that is gone

    with another_broker(field, kafka_broker):
        symptom = field.start(session_timeout_ms=3_000)
        field.until(lambda: symptom.process.poll() is not None)
        assert "it was deleted and made again" in symptom.log.read_text()
        field.expected_codes.add(symptom.process.returncode)

        first, again = refilled(field), refilled(field)
        assert (first.waiting, first.put_back, first.forgotten) == (4_300, 4_000, 2 * PARTITIONS)
        assert (again.waiting, again.put_back, again.forgotten) == (4_300, 0, 0)

        working(field)
        field.put(100)
        field.until_applied(2_400, field.second)
        field.until(lambda: published(field))
        field.exact()
        field.exact(field.second)
        found = on_topic(field)
        assert len(found) == 2_400
        expected = put_ids(field)
        of_topic = {event for _, event in found}
        assert {key: [e for k, e in found if k == key] for key in expected} == {
            key: [e for e in ids if e in of_topic] for key, ids in expected.items()
        }
        ended(field)
        with pytest.raises(republish.NothingLost):
            refilled(field)


def test_it_is_refused_while_a_relay_works_and_when_something_was_written_since(
    lost_field: Field, kafka_broker: RunningBroker
) -> None:
    field = lost_field
    relay = field.start("relay")
    field.put(200)
    field.until(lambda: published(field))
    relay.send(signal.SIGKILL)
    kafka_broker.kill()
    with another_broker(field, kafka_broker):
        field.start("relay")
        field.put(50)
        field.until(lambda: published(field))
        with pytest.raises(republish.Refused, match="is running"):
            refilled(field)
        ended(field)
        with pytest.raises(republish.Refused, match="holds 50 messages and is not what it was"):
            refilled(field)
        assert field.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0] == 0
