"""Turns: work gathers under load, and waits for nothing else."""

import pytest

from libs.common.messaging.turns import Turns


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.at, self.slept = 100.0, list[float]()

    def now_s(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(round(seconds, 6))


@pytest.mark.parametrize(
    ("pause_s", "is_full", "waits"),
    [(0.0, False, [0.05]), (0.02, False, [0.03]), (0.06, False, []), (0.0, True, [])],
)
def test_a_turn_waits_only_after_another_one_that_was_not_full(
    pause_s: float, is_full: bool, waits: list[float]
) -> None:
    clock = Clock()
    turns = Turns(0.05, clock.now_s, clock.sleep)
    turns.wait()
    assert not clock.slept
    turns.end(is_full=is_full)
    clock.at += pause_s
    turns.wait()
    assert clock.slept == waits
