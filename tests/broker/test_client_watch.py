"""A client that stands still is made anew, a broker that answers nobody is waited for."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from devtools.test_servers import RunningBroker
from libs.common.contracts.errors import Retry
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka, kafka_source
from libs.common.messaging.lag import LagMeter
from libs.common.testing.waiting import wait_for
from tests.broker.harness import Harness

pytestmark = pytest.mark.broker
#: Above what counts as "lately" (15 s), below the 60 s of production.
STANDING_MAX_S = 20.0


def open_source(bootstrap: str, topic: str, meter: LagMeter) -> kafka_source.KafkaSource:
    return kafka_source.KafkaSource(
        bootstrap,
        topic,
        topic,
        lambda _topic, _id, partitions: dict.fromkeys(partitions, 0),
        broker_answers=meter.broker_answers,
        standing_max_s=STANDING_MAX_S,
    )


def poll_until_working(source: kafka_source.KafkaSource, limit_s: float = 30) -> bool:
    def turn() -> bool:
        source.poll()
        return source.health.is_working()

    return wait_for(turn, limit_s, 0)


def poll_for(source: kafka_source.KafkaSource, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        source.poll()


@pytest.fixture
def topic(kafka_broker: RunningBroker) -> str:
    name = f"watched-{time.time_ns()}"
    kafka.create_topics(kafka_broker.bootstrap, [Topic(name, "key", "test", ("test",))], 3)
    return name


@pytest.fixture
def meter(kafka_broker: RunningBroker, topic: str) -> Iterator[LagMeter]:
    """A meter that only asks the broker: its database does not exist."""
    engine = create_engine("postgresql+psycopg2://r:p@127.0.0.1:1/none")
    made, stop = LagMeter(engine, kafka_broker.bootstrap, {topic: topic}), threading.Event()

    def run() -> None:
        while not stop.is_set():
            made.measure()
            stop.wait(1)

    thread = threading.Thread(target=run)
    thread.start()
    yield made
    stop.set()
    thread.join(15)


def test_a_client_that_lost_its_group_while_the_broker_answers_another_is_given_up(
    kafka_broker: RunningBroker, topic: str, meter: LagMeter
) -> None:
    source = open_source(kafka_broker.bootstrap, topic, meter)
    try:
        assert poll_until_working(source)
        source.consumer.unsubscribe()  # it never comes back by itself, as in `query-coord`
        began = time.monotonic()
        with pytest.raises(Retry) as given_up:
            poll_for(source, 60)
        assert given_up.value.code == "kafka.client-stuck"
        assert STANDING_MAX_S - 5.5 < time.monotonic() - began < 40
        assert not source.health.is_working()
    finally:
        source.close()
    again = open_source(kafka_broker.bootstrap, topic, meter)
    try:
        assert poll_until_working(again)
    finally:
        again.close()


def test_a_frozen_broker_is_waited_for_and_then_the_same_client_works_again(
    kafka_broker: RunningBroker, topic: str, meter: LagMeter
) -> None:
    process = kafka_broker._process
    assert process is not None
    source = open_source(kafka_broker.bootstrap, topic, meter)
    try:
        assert poll_until_working(source)
        process.send_signal(signal.SIGSTOP)
        try:
            poll_for(source, 2 * STANDING_MAX_S)  # a Retry here would make clients without end
            assert not source.health.is_working()
            assert not meter.broker_answers()
        finally:
            process.send_signal(signal.SIGCONT)
        assert wait_for(meter.broker_answers, 30)
        # 60 s in production: the client has as long to find its way back by itself
        source.standing_max_s = 60
        assert poll_until_working(source, 60)
    finally:
        source.close()


@pytest.mark.database
def test_the_lag_is_known_while_nobody_is_assigned(harness: Harness) -> None:
    meter = LagMeter(harness.engine, harness.bootstrap, {harness.topic: harness.topic})
    assert (meter.lags, meter.broker_answers()) == ({}, True)
    harness.produce(300)
    meter.measure()
    assert meter.lags == {harness.topic: 300}
    assert meter.age_s() < 2
    harness.start(session_timeout_ms=3_000)
    harness.wait_until_applied(300)
    meter.measure()
    assert meter.lags == {harness.topic: 0}
