"""How long it takes until people can see what went wrong: a clock that steps, a second payment.

The figures are printed; docs/reliability.md has those of the last run.
"""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools import sample_roster
from tests.chaos.clock_steps import STEPS_S, ClockedStack, count_noticed
from tests.flow.harness import LocalSystem, eventually, running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
ROWS, SEED = 120, 31
SLOWLY = {"PAYDOWN_DISPATCHER_PAYMENTS_PER_MIN": "60"}
PAID_BEFORE = 5
STEP_LIMIT_S, DUPLICATE_LIMIT_S = 20.0, 90.0
SHOWN = "clock_steps"
UNDECIDED, STOPPED = "duplicates_undecided", "sources_stopped"


def test_a_clock_step_and_a_second_payment_are_shown_soon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xml = sample_roster.make(ROWS, SEED)
    with running(tmp_path, "chaos_notice", ClockedStack, **SLOWLY) as system:
        assert isinstance(system.stack, ClockedStack)
        batch = system.corrected(system.ready(xml))
        system.approve(batch)
        eventually(lambda: len(system.provider_records("payments")) >= PAID_BEFORE, 120)
        steps = [notice_step(system, system.stack, ahead_s) for ahead_s in (*STEPS_S, 0)]
        counted_s, stopped_s = notice_duplicate(system)
    with capsys.disabled():
        logged, shown = zip(*steps, strict=True)
        print(
            f"\n{len(steps)} clock steps: logged after {max(logged):.1f} s, shown after "
            f"{max(shown):.1f} s at most; a payment made twice by the provider: in the metric of "
            f"the alert after {counted_s:.1f} s, its source stopped after {stopped_s:.1f} s"
        )


def notice_step(system: LocalSystem, stack: ClockedStack, ahead_s: int) -> tuple[float, float]:
    """Set the clocks; after how many seconds the step was logged, and shown as a figure."""
    log = stack.supervisor.log("dispatcher")
    lines, steps = count_noticed(log), figure(system, SHOWN)
    began = time.monotonic()
    stack.clock.set(ahead_s)
    logged_s = seconds_until(lambda: count_noticed(log) > lines, began, STEP_LIMIT_S)
    return logged_s, seconds_until(lambda: figure(system, SHOWN) > steps, began, STEP_LIMIT_S)


def notice_duplicate(system: LocalSystem) -> tuple[float, float]:
    """Make a payment a second time; seconds until it is counted, and until its source is stopped.

    From then on nothing is sent from that source account.
    """
    first = system.provider_records("payments")[-1]
    began = time.monotonic()
    pay_again(system, first)
    counted_s = seconds_until(lambda: figure(system, UNDECIDED) > 0, began, DUPLICATE_LIMIT_S)
    stopped_s = seconds_until(lambda: figure(system, STOPPED) > 0, began, DUPLICATE_LIMIT_S)
    time.sleep(8.0)  # what was under way arrives
    paid = count_paid(system, first["source"])
    time.sleep(10.0)
    assert count_paid(system, first["source"]) == paid
    return counted_s, stopped_s


def pay_again(system: LocalSystem, first: dict[str, Any]) -> None:
    """A second payment with everything that the first one has, as if the provider had made it."""
    settings = system.stack.env_for("dispatcher")
    body = {
        name: first[name] for name in ("source", "destination", "amount", "description", "metadata")
    }
    httpx.post(
        f"{system.stack.ports.url('simulator')}/payments",
        json=body,
        headers={
            "Authorization": f"Bearer {settings['PAYDOWN_DISPATCHER_PROVIDER_KEY']}",
            "Method-Version": "2025-07-04",
            "Idempotency-Key": str(uuid.uuid4()),
        },
    ).raise_for_status()


def count_paid(system: LocalSystem, source: str) -> int:
    return sum(one["source"] == source for one in system.provider_records("payments"))


def seconds_until(check: Callable[[], bool], began: float, limit_s: float) -> float:
    while not check():
        assert time.monotonic() < began + limit_s, f"not noticed within {limit_s} s"
        time.sleep(0.1)
    return time.monotonic() - began


def figure(system: LocalSystem, name: str) -> float:
    """A figure of the dispatcher, as Prometheus reads it."""
    text = httpx.get(f"{system.stack.ports.url('dispatcher')}/metrics", timeout=10).text
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return next(
        float(line[-1]) for line in lines if line[0].startswith(f"paydown_dispatcher_{name}")
    )
