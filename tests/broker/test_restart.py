"""The broker dies under load and comes back with what it had: nothing is lost, nothing doubled, nobody needs a hand."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from devtools.test_servers import RunningBroker
from tests.broker.field import Field

pytestmark = [pytest.mark.broker, pytest.mark.database]


@pytest.fixture
def own_field(broker_database: str, kafka_broker: RunningBroker) -> Iterator[Field]:
    made = Field(broker_database, kafka_broker.bootstrap)
    yield made
    made.end()


class Load:
    """Puts events into the outbox all the time."""

    def __init__(self, field: Field) -> None:
        self.field, self.stop = field, threading.Event()
        self.thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _work(self) -> None:
        while not self.stop.wait(0.1):
            self.field.put(30)


def after(field: Field, count: int) -> Callable[[], bool]:
    begun = field.applied()
    return lambda: field.applied() >= begun + count


def test_kill_9_of_the_broker_twice_under_load_of_relay_and_consumers(
    own_field: Field, kafka_broker: RunningBroker
) -> None:
    field = own_field
    field.start("relay")
    workers = [field.start(session_timeout_ms=3_000, next_topic=field.second) for _ in range(2)]
    second = field.start(topic=field.second, session_timeout_ms=3_000)
    with Load(field):
        field.until(after(field, 300))
        for _ in range(2):
            kafka_broker.kill()
            time.sleep(1.0)
            kafka_broker.start()
            field.until(after(field, 300), 60)
    field.until_applied(len(field.sent), field.second, 60)
    field.exact()
    field.exact(field.second)
    assert [w.process.poll() for w in (*workers, second)] == [None] * 3, field.story()
    assert field.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0] == 0


def test_what_is_put_while_the_broker_is_down_waits_and_arrives(
    own_field: Field, kafka_broker: RunningBroker
) -> None:
    field = own_field
    relay, worker = field.start("relay"), field.start(session_timeout_ms=3_000)
    field.put(100)
    field.until_applied(100)
    kafka_broker.stop()
    field.put(500)
    time.sleep(3.0)
    assert field.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0] == 500
    kafka_broker.start()
    field.until_applied(600, limit_s=60)
    field.exact()
    assert (relay.process.poll(), worker.process.poll()) == (None, None), field.story()
