"""Loops that have nothing to do look rarely, and at once when they are told of work."""

import asyncio
import threading
import time
from typing import Any

import pytest

from libs.common.runtime import loops
from libs.common.runtime.loops import take_turns
from libs.common.runtime.work_signal import SignalsWork, WorkSignal
from libs.common.testing.waiting import wait_for


class ByHand:
    """Time, the end and the signal of a loop, without waiting: each wait lets time pass."""

    def __init__(self, ends_at: float) -> None:
        self.now, self.ends_at, self.given = 0.0, ends_at, 0

    def monotonic(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return self.now >= self.ends_at

    def give(self) -> None:
        self.given += 1


class Stop(ByHand):
    def wait(self, wait_s: float) -> bool:
        self.now += wait_s
        return self.is_set()


class Signal(WorkSignal):
    def __init__(self, time_by_hand: Stop) -> None:
        super().__init__()
        self.by_hand = time_by_hand

    def wait(self, given: int, wait_s: float) -> None:
        if self.given == given:
            self.by_hand.now += wait_s


@pytest.mark.parametrize(
    ("every_s", "signalled", "looks"),
    [(0.2, False, 75), (0.5, False, 60), (0.2, True, 6), (0.5, True, 6), (30.0, True, 2)],
)
def test_an_idle_loop_looks_so_often_in_a_minute(
    monkeypatch: pytest.MonkeyPatch, every_s: float, signalled: bool, looks: int
) -> None:
    stop: Any = Stop(loops.IDLE_AFTER_S + 240)
    monkeypatch.setattr("libs.common.runtime.loops.time.monotonic", stop.monotonic)
    found: list[float] = []
    take_turns(
        [lambda: found.append(stop.now)],
        stop,
        lambda: None,
        every_s,
        Signal(stop) if signalled else None,
    )
    while_idle = [at for at in found if at >= loops.IDLE_AFTER_S]
    assert len(while_idle) / 4 == pytest.approx(looks, abs=0.5)


def test_an_idle_loop_looks_at_once_when_it_is_told_and_ends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loops, "IDLE_AFTER_S", 0.0)
    monkeypatch.setattr(loops, "SIGNALLED_MAX_S", 30.0)
    stop, signal, looked = threading.Event(), WorkSignal(), list[float]()
    signal.give()  # what was given before it looked does not wake it
    thread = threading.Thread(
        target=take_turns,
        args=([lambda: looked.append(time.monotonic())], stop, lambda: None, 0.01, signal),
    )
    thread.start()
    try:
        time.sleep(0.3)
        before, told_at = len(looked), time.monotonic()
        signal.give()
        assert wait_for(lambda: len(looked) > before, 5)
        assert looked[before] - told_at < 2
        assert before < 3
    finally:
        stop.set()
        signal.give()
        thread.join(5)
    assert not thread.is_alive()


def test_work_that_is_announced_while_a_loop_looks_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loops, "IDLE_AFTER_S", 0.0)
    monkeypatch.setattr(loops, "SIGNALLED_MAX_S", 30.0)
    stop, signal, looks = threading.Event(), WorkSignal(), list[int]()

    def look() -> None:
        looks.append(1)
        if len(looks) == 1:
            signal.give()  # by another thread, after this one has read the table
        else:
            stop.set()

    began = time.monotonic()
    take_turns([look], stop, lambda: None, 0.01, signal)
    assert len(looks) == 2
    assert time.monotonic() - began < 10


def test_a_loop_that_found_work_tells_the_others() -> None:
    stop, signal = threading.Event(), WorkSignal()

    def work() -> bool:
        stop.set()
        return True

    take_turns([lambda: False, work], stop, lambda: None, 0.01, signal)
    assert signal.given == 1


@pytest.mark.parametrize(("method", "given"), [("POST", 1), ("DELETE", 1), ("GET", 0)])
@pytest.mark.parametrize("fails", [False, True])
def test_a_request_that_may_change_something_gives_the_signal_when_it_has_ended(
    method: str, given: int, fails: bool
) -> None:
    signal, during = WorkSignal(), list[int]()

    async def app(*_: object) -> None:
        during.append(signal.given)
        if fails:
            raise OSError

    wrapped: Any = SignalsWork(app, give=signal.give)
    try:
        asyncio.run(wrapped({"type": "http", "method": method}, None, None))
    except OSError:
        assert fails
    assert (during, signal.given) == ([0], given)
