"""The lag: from the broker's ends and the database, with its age when one of them is away."""

from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy import create_engine

from libs.common.database.engine import run
from libs.common.messaging.lag import ANEW_S, LagMeter
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
