"""How many calls one transaction leases and records, and that a lone answer waits for no other."""

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.sending import worker as worker_module
from services.dispatcher.sending.worker import Call, Worker

CONCURRENCY = 8
PATIENT_S = 5.0


class CountingSender:
    """Leases `count` calls, as many at once as it may, and notes how many answers come together."""

    name, timing = "payments", Timing()

    def __init__(self, count: int, stop: threading.Event) -> None:
        self.left, self.count, self.stop = count, count, stop
        self.recorded: list[int] = []

    def lease_calls(self, _: object, limit: int) -> Sequence[Call]:
        taken = min(limit, self.left)
        self.left -= taken
        return [Call(uuid4(), 1, 1, "/payments", uuid4(), "{}", "pmt_", {}) for _ in range(taken)]

    def record_answers(self, _: object, answers: Sequence[tuple[Call, Answer]]) -> None:
        self.recorded.append(len(answers))
        if sum(self.recorded) == self.count:
            self.stop.set()


class SlowProvider:
    """Answers after `waits_s` in turn, so that answers come one by one."""

    clocks = SimpleNamespace(boot_s=time.monotonic)

    def __init__(self, *waits_s: float) -> None:
        self.waits_s, self.calls, self.lock = waits_s, 0, threading.Lock()

    def send(self, *_: object) -> tuple[Answer, None]:
        with self.lock:
            wait_s = self.waits_s[self.calls % len(self.waits_s)]
            self.calls += 1
        time.sleep(wait_s)
        return Answer(200, {}), None


def run_worker(count: int, *waits_s: float) -> list[int]:
    """Send `count` calls; how many answers each transaction recorded."""
    stop = threading.Event()
    sender, engine = CountingSender(count, stop), SimpleNamespace(begin=lambda: nullcontext(None))
    provider: Any = SlowProvider(*waits_s)
    Worker(sender, engine, provider, CONCURRENCY, lambda _: None).run(  # type: ignore[arg-type]  # no database
        stop, lambda: None
    )
    assert sum(sender.recorded) == count == provider.calls
    return sender.recorded


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine under load is slow: so long is gathered that it makes no difference."""
    monkeypatch.setattr(worker_module, "GATHER_S", PATIENT_S)


@pytest.mark.usefixtures("patient")
def test_answers_that_come_one_by_one_are_recorded_together() -> None:
    recorded = run_worker(80, 0.002, 0.004, 0.006, 0.008)
    half = CONCURRENCY // 2  # the last ones, with nothing left to lease, come one by one
    assert len(recorded) <= 80 / half + half + 2


@pytest.mark.usefixtures("patient")
def test_a_lone_answer_is_recorded_at_once() -> None:
    began = time.monotonic()
    assert run_worker(1, 0.0) == [1]
    assert time.monotonic() - began < PATIENT_S


def test_an_answer_is_not_kept_waiting_for_slow_ones() -> None:
    began = time.monotonic()
    recorded = run_worker(CONCURRENCY, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert recorded[0] == 1
    assert time.monotonic() - began < 3  # and not seven seconds, one after another
