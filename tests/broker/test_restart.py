"""A broker that is killed under load comes back: nothing is lost or doubled, nobody must help."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from devtools.test_servers import RunningBroker
from tests.broker.harness import Harness

pytestmark = [pytest.mark.broker, pytest.mark.database]


@pytest.fixture
def own_harness(broker_database: str, kafka_broker: RunningBroker) -> Iterator[Harness]:
    made = Harness(broker_database, kafka_broker.bootstrap)
    yield made
    made.close()


class Load:
    """Writes events into the outbox all the time."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.stop = harness, threading.Event()
        self.thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _work(self) -> None:
        while not self.stop.wait(0.1):
            self.harness.put_into_outbox(30)


def after(harness: Harness, count: int) -> Callable[[], bool]:
    begun = harness.applied()
    return lambda: harness.applied() >= begun + count


def test_kill_9_of_the_broker_twice_under_load_of_relay_and_consumers(
    own_harness: Harness, kafka_broker: RunningBroker
) -> None:
    harness = own_harness
    harness.start("relay")
    workers = [
        harness.start(session_timeout_ms=3_000, next_topic=harness.second_topic) for _ in range(2)
    ]
    second = harness.start(topic=harness.second_topic, session_timeout_ms=3_000)
    with Load(harness):
        harness.wait_until(after(harness, 300))
        for _ in range(2):
            kafka_broker.kill()
            time.sleep(1.0)
            kafka_broker.start()
            harness.wait_until(after(harness, 300), 60)
    harness.wait_until_applied(len(harness.sent), harness.second_topic, 60)
    harness.assert_exactly_once()
    harness.assert_exactly_once(harness.second_topic)
    assert [w.process.poll() for w in (*workers, second)] == [None] * 3, harness.last_logs()
    assert harness.number("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0


def test_what_is_put_while_the_broker_is_down_waits_and_arrives(
    own_harness: Harness, kafka_broker: RunningBroker
) -> None:
    harness = own_harness
    relay, worker = harness.start("relay"), harness.start(session_timeout_ms=3_000)
    harness.put_into_outbox(100)
    harness.wait_until_applied(100)
    kafka_broker.stop()
    harness.put_into_outbox(500)
    time.sleep(3.0)
    assert harness.number("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 500
    kafka_broker.start()
    harness.wait_until_applied(600, limit_s=60)
    harness.assert_exactly_once()
    assert (relay.process.poll(), worker.process.poll()) == (None, None), harness.last_logs()
