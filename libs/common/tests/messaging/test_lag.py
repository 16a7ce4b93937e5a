"""The lag: from the broker's ends and the database, with its age when one of them is away."""

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy import create_engine, event

from libs.common.database.engine import run
from libs.common.messaging import lag
from libs.common.messaging.lag import ANEW_S, LagMeter
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import TOPIC, Store


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class MeterWithEnds(LagMeter):
    """Its broker is a dictionary; None is one that does not answer."""

    ends: dict[int, int] | None = None

    def _ends(self, topics: Sequence[str]) -> dict[str, dict[int, int]]:
        if self.ends is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return dict.fromkeys(topics, self.ends)


@pytest.mark.database
def test_what_the_database_has_not_read_is_the_lag(store: Store) -> None:
    meter = MeterWithEnds(store.engine, "", {"example.topic": TOPIC})
    with store.engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO consumer_offset (consumer, topic, partition, next_offset)
            VALUES ('example.topic', :topic, 0, 7)""",
            topic=TOPIC,
        )
    meter.ends = {0: 10, 1: 5}  # partition 1 was never read
    meter.measure()
    assert meter.lags == {"example.topic": 8}


@pytest.mark.database
def test_one_statement_reads_the_offsets_of_all_consumers(store: Store) -> None:
    asked: list[str] = []
    meter = MeterWithEnds(store.engine, "", dict.fromkeys(("a", "b", "c"), TOPIC))
    meter.ends = {0: 3}
    event.listen(
        store.engine,
        "before_cursor_execute",
        note := lambda _c, _cursor, sql, *_: asked.append(sql),
    )
    meter.measure()
    event.remove(store.engine, "before_cursor_execute", note)
    assert len(asked) == 1
    assert meter.lags == {"a": 3, "b": 3, "c": 3}


def test_without_the_broker_the_age_grows_and_one_line_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    engine = create_engine("postgresql+psycopg2://r:p@127.0.0.1:1/none")
    meter = MeterWithEnds(engine, "", {"c": "t"}, clock)
    for _ in range(int(ANEW_S)):
        clock.now += 5
        meter.measure()
    assert not meter.broker_answers()
    assert meter.age_s() == 5 * ANEW_S
    assert capsys.readouterr().out.count("lag_without_broker") == 1
    meter.ends = {0: 1}
    meter.measure()  # the broker is back, the database is not
    assert meter.broker_answers()
    assert meter.age_s() == 5 * ANEW_S
    assert meter.lags == {}


#: librdkafka's own stand-in for a broker, in a process that can be stopped.
MOCK_BROKER = """
import time
from confluent_kafka.admin import AdminClient
admin = AdminClient({"bootstrap.servers": "none:1", "test.mock.num.brokers": 1})
(broker,) = admin.list_topics(timeout=5).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
time.sleep(60)
"""


def answers(meter: LagMeter) -> bool:
    meter.measure()
    return meter.broker_answers()


def test_a_frozen_broker_does_not_answer_and_is_no_lag_of_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lag, "ANSWER_S", 1.0)
    clock = Clock()
    with subprocess.Popen(
        [sys.executable, "-c", MOCK_BROKER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as broker:
        assert broker.stdout is not None
        address = broker.stdout.readline().decode().strip()
        engine = create_engine("postgresql+psycopg2://r:p@127.0.0.1:1/none")
        meter = LagMeter(engine, address, {"c": "topic"}, clock)
        try:
            assert wait_for(lambda: answers(meter), 10, 0.2)
            broker.send_signal(signal.SIGSTOP)
            clock.now += 100
            meter.measure()
            assert not meter.broker_answers()
            broker.send_signal(signal.SIGCONT)
            assert wait_for(lambda: answers(meter), 10, 0.2)
        finally:
            broker.kill()


@pytest.mark.database
def test_flow_is_what_moves_or_has_nothing_to_read(store: Store) -> None:
    clock = Clock()
    meter = MeterWithEnds(store.engine, "", {"example.topic": TOPIC}, clock)

    def after(seconds: float, end: int, read: int) -> float:
        clock.now += seconds
        meter.ends = {0: end}
        with store.engine.begin() as connection:
            run(
                connection,
                """
                INSERT INTO consumer_offset (consumer, topic, partition, next_offset)
                VALUES ('example.topic', :topic, 0, :read)
                ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = :read""",
                topic=TOPIC,
                read=read,
            )
        meter.measure()
        return meter.flow_age_s()

    assert after(500, 0, 0) == 0  # nothing to read, for as long as it may be
    assert after(60, 9, 0) == 60
    assert after(60, 9, 0) == 120  # messages wait, and nothing is applied
    assert after(5, 9, 4) == 0  # it moves, and is still behind
    assert after(100, 9, 4) == 100
    assert after(5, 9, 9) == 0
    meter.ends = None
    clock.now += 130  # not known any more: as bad as standing still
    meter.measure()
    assert meter.flow_age_s() == 130
