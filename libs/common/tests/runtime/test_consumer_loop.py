"""A consumer whose Kafka client stands still or hangs: made anew, or the process ends."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine

from libs.common.contracts.errors import Retry
from libs.common.contracts.message import Message
from libs.common.messaging.broker_client import BrokerClient, Descriptions
from libs.common.messaging.client_health import ClientHealth
from libs.common.messaging.kafka_source import KafkaSource
from libs.common.messaging.lag import LagMeter
from libs.common.runtime import consumer_loop
from libs.common.runtime.consumer_loop import ConsumerLoop, ConsumerWatch
from libs.common.testing.waiting import wait_for


class HangingSource:
    """A source whose client is stuck: `poll` gives up, and closing hangs until it is freed."""

    topic = "batches"

    def __init__(self, free: threading.Event) -> None:
        self.free, self.health = free, ClientHealth()
        self.inside_since: float | None = None

    def poll(self) -> list[Message]:
        raise Retry("the client has been standing still", "kafka.client-stuck")

    def close(self) -> None:
        self.free.wait(10)


def make(source: HangingSource, ended: list[dict[str, Any]]) -> ConsumerLoop:
    return ConsumerLoop(
        "ledger.batches",
        create_engine("postgresql+psycopg2://r:p@127.0.0.1:1/none"),
        lambda _connection, _events: None,
        lambda: source,  # type: ignore[arg-type,return-value] # acts as one
        end=lambda event, **fields: ended.append({"event": event, **fields}),
    )


def test_a_client_that_does_not_close_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_loop, "CLOSE_MAX_S", 0.1)
    free, ended = threading.Event(), list[dict[str, Any]]()
    loop = make(HangingSource(free), ended)
    errors: list[Exception] = []

    def run() -> None:
        try:
            loop.run(threading.Event(), lambda: None)
        except Retry as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert wait_for(lambda: bool(ended), 5)
    free.set()
    thread.join(5)
    assert (ended[0]["event"], ended[0]["loop"], ended[0]["code"]) == (
        "kafka_client_hangs",
        "ledger.batches",
        "kafka.client-hangs",
    )
    assert len(errors) == 1


def test_a_client_that_closes_in_time_ends_nothing() -> None:
    free, ended = threading.Event(), list[dict[str, Any]]()
    free.set()
    with pytest.raises(Retry):
        make(HangingSource(free), ended).run(threading.Event(), lambda: None)
    assert ended == []


def test_a_call_that_does_not_return_ends_the_process() -> None:
    ended = list[dict[str, Any]]()
    source = HangingSource(threading.Event())
    loop = make(source, ended)
    loop.check()
    loop.source = source  # type: ignore[assignment] # acts as one
    for seconds, count in (
        (consumer_loop.INSIDE_MAX_S - 5, 0),
        (consumer_loop.INSIDE_MAX_S + 1, 1),
    ):
        source.inside_since = time.monotonic() - seconds
        loop.check()
        assert len(ended) == count


def test_standing_is_counted_over_several_clients() -> None:
    loop = make(HangingSource(threading.Event()), [])
    loop.worked_at = time.monotonic() - 90
    assert not loop.is_working()
    assert 89 < loop.standing_s() < 92


def test_while_the_database_is_quarantined_standing_still_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quarantined, now = True, [1_000.0]
    loop = make(HangingSource(threading.Event()), [])
    meter = LagMeter(loop.engine, "127.0.0.1:1", {"ledger.batches": "batches"}, lambda: now[0])
    monkeypatch.setattr(meter, "measure", lambda: None)
    watch = ConsumerWatch(meter, [loop], lambda: quarantined)
    now[0] += 3_600
    loop.worked_at = time.monotonic() - 3_600
    assert set(watch.gauges()) == {"lag_age_seconds"}
    watch.turn()
    quarantined = False
    found = watch.gauges()
    assert found["flow_age_seconds"] == 0
    assert found["consumers_standing_seconds"] < 5
    now[0] += 130
    assert watch.gauges()["flow_age_seconds"] == 130


def test_a_database_that_is_slow_while_offsets_are_read_is_no_client_that_hangs() -> None:
    during: list[float | None] = []

    class Described(BrokerClient):
        def describe(self, topic: str, within_s: float = 0.0) -> Descriptions:
            answer: Future[Any] = Future()
            answer.set_result(SimpleNamespace(topic_id="id"))
            return Descriptions(within_s, self.admin(), {topic: answer})

    def load(_topic: str, _id: str, partitions: Sequence[int]) -> dict[int, int]:
        during.append(source.inside_since)
        return dict.fromkeys(partitions, 0)

    address = "127.0.0.1:1"
    source = KafkaSource(address, "group", "batches", load, client=Described(address))
    source.inside_since = 1.0  # the client calls back from within `poll`
    assert source._stored_offsets([0]) == {0: 0}
    assert during == [None]
    assert source.inside_since is not None
    assert time.monotonic() - source.inside_since < 5
    source.close()
