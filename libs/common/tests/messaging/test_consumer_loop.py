"""The consumer loop over a topic in memory, with the real database."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject, Retry
from libs.common.contracts.message import Message
from libs.common.database.engine import run
from libs.common.messaging.consumer import Apply, apply_batch, consume
from libs.common.testing.memory_broker import MemorySource, MemoryTopic
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import CONSUMER, TOPIC, Store
from libs.common.tests.factories import hint, write

pytestmark = pytest.mark.database


class Bench:
    """A topic, and consumers of it in threads; `ended` has the errors that ended them."""

    def __init__(self, store: Store) -> None:
        self.store, self.topic = store, MemoryTopic(TOPIC, partitions=4, topic_id="id")
        self.stop, self.beats, self.ended = threading.Event(), 0, list[BaseException]()
        self.threads: list[threading.Thread] = []

    def publish(self, first: int, count: int) -> list[str]:
        events = [hint(n, f"pmt_{n % 7}") for n in range(first, first + count)]
        for event in events:
            self.topic.append(
                event.key(), event.type, str(event.event_id), event.body(), event.correlation
            )
        return [str(event.event_id) for event in events]

    def start(self, apply: Apply, source: MemorySource | None = None) -> None:
        source = source or MemorySource(
            self.topic, CONSUMER, self.store.load, batch_max=10, wait_s=0.05
        )

        def beat() -> None:
            self.beats += 1

        def work() -> None:
            try:
                consume(source, self.store.engine, CONSUMER, apply, self.stop, beat)
            except BaseException as error:  # noqa: BLE001 - the test checks it
                self.ended.append(error)
            finally:
                source.close()

        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(15)
            assert not thread.is_alive()

    def until(self, count: int) -> bool:
        return wait_for(lambda: len(self.store.applied()) >= count or bool(self.ended), 15)


@pytest.fixture
def bench(store: Store) -> Iterator[Bench]:
    made = Bench(store)
    yield made
    made.end()


def test_everything_is_applied_once_in_the_order_of_each_key(bench: Bench) -> None:
    sent = bench.publish(0, 100)
    bench.start(write)
    sent += bench.publish(100, 50)
    assert bench.until(150)
    applied = bench.store.applied()
    assert sorted(applied) == sorted(sent)
    for key in range(7):
        of_key = {str(hint(n).event_id) for n in range(key, 150, 7)}
        assert [e for e in applied if e in of_key] == [e for e in sent if e in of_key]


def test_retry_waits_beats_and_skips_nothing(bench: Bench) -> None:
    is_up = threading.Event()

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        if not is_up.is_set():
            raise Retry("a dependency is down")

    sent = bench.publish(0, 30)
    bench.start(apply)
    assert wait_for(lambda: bench.beats > 4, 10)
    assert bench.store.applied() == []
    is_up.set()
    assert bench.until(30)
    assert sorted(bench.store.applied()) == sorted(sent)


def test_stop_during_a_retry_ends_soon_and_the_next_owner_applies_it(bench: Bench) -> None:
    def apply(connection: Connection, events: Sequence[Event]) -> None:
        raise Retry("a dependency is down")

    sent = bench.publish(0, 5)
    bench.start(apply)
    assert wait_for(lambda: bench.beats > 5, 10)  # its waits are long by now
    bench.end()
    assert (bench.store.applied(), bench.ended) == ([], [])
    bench.stop.clear()
    bench.start(write)
    assert bench.until(5)
    assert sorted(bench.store.applied()) == sorted(sent)


def test_a_poison_message_does_not_stop_its_partition(bench: Bench) -> None:
    def apply(connection: Connection, events: Sequence[Event]) -> None:
        if hint(13).event_id in {event.event_id for event in events}:
            raise Reject("thirteen")
        write(connection, events)

    sent = bench.publish(0, 40)
    bench.start(apply)
    assert bench.until(39)
    assert set(sent) - set(bench.store.applied()) == {str(hint(13).event_id)}
    assert bench.store.rows("SELECT CAST(event_id AS text), reason FROM dead_letter") == [
        (str(hint(13).event_id), "thirteen")
    ]


def test_a_bug_ends_the_loop_and_nothing_is_skipped(bench: Bench) -> None:
    def apply(connection: Connection, events: Sequence[Event]) -> None:
        raise KeyError("a bug")

    sent = bench.publish(0, 5)
    bench.start(apply)
    assert wait_for(lambda: bool(bench.ended), 10)
    assert isinstance(bench.ended[0], KeyError)
    bench.start(write)
    assert wait_for(lambda: len(bench.store.applied()) == 5, 10)
    assert sorted(bench.store.applied()) == sorted(sent)


def test_a_stale_owner_reads_its_offsets_again_and_goes_on(bench: Bench) -> None:
    sent = bench.publish(0, 40)

    class Late(MemorySource):
        """Another owner applies a part of the first batch after it was read.

        It is the first message of each partition.
        """

        overtaken = False

        def poll(self) -> list[Message]:
            batch = super().poll()
            if batch and not self.overtaken:
                self.overtaken = True
                firsts = [m for m in batch if m.offset == 0]
                assert len(firsts) < len(batch)
                with bench.store.engine.begin() as connection:
                    apply_batch(connection, CONSUMER, firsts, write)
            return batch

    bench.start(write, Late(bench.topic, CONSUMER, bench.store.load, batch_max=10, wait_s=0.05))
    assert bench.until(40)
    assert sorted(bench.store.applied()) == sorted(sent)


def test_a_database_that_loses_its_connections_is_waited_for(bench: Bench) -> None:
    sent = bench.publish(0, 20)
    kill: Callable[[Connection], object] = lambda c: run(  # noqa: E731 - one of several short ones
        c, "SELECT pg_terminate_backend(pg_backend_pid())"
    )
    killed = threading.Event()

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        if not killed.is_set():
            killed.set()
            kill(connection)

    bench.start(apply)
    assert bench.until(20)
    assert sorted(bench.store.applied()) == sorted(sent)
    assert bench.ended == []
