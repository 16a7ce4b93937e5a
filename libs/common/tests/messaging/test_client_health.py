"""A client's health, from reports as librdkafka writes them."""

import json
import re

import pytest

from libs.common.messaging.client_health import LATELY_S, ClientHealth
from libs.common.messaging.client_log import EVERY_S, ClientLog


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> ClientHealth:
    return ClientHealth(clock)


def report(
    state: str = "up", join: str = "steady", silent_s: float = 0.05, broker: str = "UP"
) -> str:
    """The parts of a report that are read; the coordinator's connection has heard nothing yet."""
    return json.dumps(
        {
            "brokers": {
                "h:1/1": {"source": "learned", "state": broker, "rxidle": int(silent_s * 1e6)},
                "GroupCoordinator": {"source": "logical", "state": "TRY_CONNECT", "rxidle": -1},
            },
            "cgrp": {"state": state, "join_state": join},
        }
    )


def live(health: ClientHealth, clock: Clock, seconds: int, text: str) -> None:
    """Poll every second and report every five, as the loop and librdkafka do."""
    for second in range(seconds):
        clock.now += 1
        if second % 5 == 0:
            health.report(text)
        health.polled()


def test_a_new_client_is_not_working_until_it_is_assigned(
    health: ClientHealth, clock: Clock
) -> None:
    live(health, clock, 3, report())
    assert not health.is_working()
    health.assigned = True
    live(health, clock, 10, report())
    assert (health.is_working(), health.standing_s()) == (True, 0.0)


def test_one_that_lost_its_group_and_asks_for_its_coordinator_stands_still(
    health: ClientHealth, clock: Clock
) -> None:
    """As it was seen for 19 minutes: the broker's connection was up, the group was lost."""
    health.assigned = True
    live(health, clock, 10, report())
    health.assigned = False
    live(health, clock, 61, report("query-coord", "init"))
    assert not health.is_working()
    assert health.standing_s() >= 60
    assert health.state == "query-coord, init"


def test_one_that_has_dropped_its_brokers_is_known_by_its_reports(
    health: ClientHealth, clock: Clock
) -> None:
    """As it was seen after a broker was frozen: no broker is connected to any more."""
    health.assigned = True
    live(health, clock, 10, report())
    assert health.without_brokers_s() == 0.0
    health.assigned = False
    live(health, clock, 15, report("query-coord", "init", broker="INIT"))
    assert health.without_brokers_s() == 14.0
    live(health, clock, 5, report("query-coord", "init", broker="CONNECT"))
    assert health.without_brokers_s() == 0.0


@pytest.mark.parametrize(
    ("state", "broker"),
    [("query-coord", "UP"), ("query-coord", "TRY_CONNECT"), ("up", "INIT"), ("init", "DOWN")],
)
def test_one_that_looks_for_a_broker_has_not_dropped_them(
    health: ClientHealth, clock: Clock, state: str, broker: str
) -> None:
    live(health, clock, 30, report(state, "init", broker=broker))
    assert health.without_brokers_s() == 0.0


def test_one_without_any_broker_has_dropped_them_and_a_pause_begins_anew(
    health: ClientHealth, clock: Clock
) -> None:
    nobody = json.dumps({"brokers": {}, "cgrp": {"state": "query-coord", "join_state": "init"}})
    live(health, clock, 12, nobody)
    assert health.without_brokers_s() == 11.0
    clock.now += 600
    health.polled()
    assert health.without_brokers_s() == 0.0


def test_one_that_believes_to_be_assigned_but_hears_nobody_stands_still(
    health: ClientHealth, clock: Clock
) -> None:
    health.assigned = True
    live(health, clock, 10, report())
    for silent_s in range(5, 70, 5):
        live(health, clock, 5, report(silent_s=silent_s))
    assert not health.is_working()
    assert health.standing_s() > 45


def test_one_that_is_polled_and_reports_nothing_stands_still(
    health: ClientHealth, clock: Clock
) -> None:
    health.assigned = True
    live(health, clock, 10, report())
    for _ in range(60):
        clock.now += 1
        health.polled()
    assert health.standing_s() > 40
    assert not health.is_working()


def test_a_pause_in_which_it_was_not_polled_does_not_count(
    health: ClientHealth, clock: Clock
) -> None:
    health.assigned = True
    live(health, clock, 10, report())
    clock.now += 600  # a database is away: the loop waits and does not poll
    assert not health.is_working()
    health.polled()
    assert health.standing_s() == 0.0


def test_a_member_without_partitions_is_working(health: ClientHealth, clock: Clock) -> None:
    health.assigned = True  # by an assignment of none: more members than partitions
    live(health, clock, 2 * int(LATELY_S), report())
    assert health.is_working()


def test_a_kind_of_line_is_written_at_once_and_then_once_a_minute(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ClientLog("ledger.batches", clock)
    for _ in range(700):
        log.log(40, "%s [%s] %s", "FAIL", "rdkafka#consumer-1", "h:1: Connection refused")
        clock.now += 0.1
    log.log(40, "%s [%s] %s", "SESSTMOUT", "rdkafka#consumer-1", "session timed out")
    written = capsys.readouterr().out
    assert [written.count(kind) for kind in ("FAIL", "SESSTMOUT", "Connection refused")] == [
        2,
        1,
        2,
    ]
    assert f"count={int(EVERY_S * 10) + 1}" in re.sub(r"\x1b\[\d+m", "", written)
