"""The provider's limit in force: how much of it is used, by one and by three dispatchers."""

import io
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import httpx

from devtools import paths, sample_roster
from devtools.bench import machine
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.paying import books
from devtools.bench.workplace import Workplace
from devtools.demo import Demo
from devtools.stack.ports import free_ports
from devtools.stack.stack import Stack
from ops.errors import CommandError

ALL_PER_MIN, PAYMENTS_PER_MIN = 600, 120
WINDOW_S, WARM_S, LIMIT_S = 120, 65, 900.0
LIMITS = {"requests_per_min": ALL_PER_MIN, "payments_per_min": PAYMENTS_PER_MIN}


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Pay under the limit; look at a steady window of one dispatcher, then of three."""
    stack = workplace.stack(
        PAYDOWN_DISPATCHER_REQUESTS_PER_MIN=str(ALL_PER_MIN),
        PAYDOWN_DISPATCHER_PAYMENTS_PER_MIN=str(PAYMENTS_PER_MIN),
    )
    window_s, warm_s = workplace.size(WINDOW_S, least=30), workplace.size(WARM_S, least=20)
    simulator = stack.ports.url("simulator")
    httpx.put(f"{simulator}/_simulator/limits", json=LIMITS).raise_for_status()
    # enough for both windows, what is sent before and between them, and a margin
    _approve(stack, 2 * (window_s + warm_s + 30) * PAYMENTS_PER_MIN // 60)
    _wait_for_payments(stack)
    one, busy = _window(stack, warm_s, window_s)
    with _more_dispatchers(stack, 2):
        three, _ = _window(stack, warm_s, window_s)
    require_equal("violations of the limit", books(stack)["limit_violations"], 0)
    return {
        "one dispatcher, of the limit": one,
        "three dispatchers, of the limit": three,
        "busy cores, one dispatcher": busy,
    }


def _approve(stack: Stack, rows: int) -> None:
    file = paths.DEMO / "limited.xml"
    sample_roster.write(file, rows, seed=77)
    demo = Demo(stack, paths.DEMO)
    with redirect_stdout(io.StringIO()):  # what the demo tells its reader
        demo.approve(demo.correct(demo.upload(file)))


def _payment_calls(stack: Stack) -> int:
    return int(books(stack)["calls"].get("POST /payments", 0))


def _wait_for_payments(stack: Stack) -> None:
    until = time.monotonic() + LIMIT_S
    while not _payment_calls(stack):
        if time.monotonic() > until:
            raise CommandError(f"no payment was sent within {LIMIT_S:.0f} s")
        time.sleep(1)


def _window(stack: Stack, warm_s: float, window_s: float) -> tuple[float, float]:
    """The share of the payments' limit that is used once it is steady, and the busy cores."""
    time.sleep(warm_s)
    before, began = _payment_calls(stack), time.monotonic()
    busy = machine.busy_cores(window_s)
    calls, seconds = _payment_calls(stack) - before, time.monotonic() - began
    return 100 * calls / (PAYMENTS_PER_MIN / 60 * seconds), 100 * busy / (os.cpu_count() or 1)


@contextmanager
def _more_dispatchers(stack: Stack, count: int) -> Iterator[None]:
    """So many more dispatchers on the same database, until the context ends."""
    running = [_start(stack, port) for port in free_ports(count)]
    try:
        yield
        require_equal("dispatchers that died", sum(one.poll() is not None for one in running), 0)
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(60)


def _start(stack: Stack, port: int) -> subprocess.Popen[bytes]:
    env = stack.env_for("dispatcher") | {"PAYDOWN_DISPATCHER_PORT": str(port)}
    with Path(stack.state, f"dispatcher-{port}.log").open("ab") as log:
        return subprocess.Popen(
            [str(paths.PYTHON), "-m", "services", "dispatcher"],
            cwd=paths.ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )


ROW = Row(
    "limit",
    "120 payments and 600 calls a minute allowed: payments sent in a steady window",
    (
        Figure("one dispatcher, of the limit", "%", at_least=99.5),
        Figure("three dispatchers, of the limit", "%", at_least=99.5),
        Figure("busy cores, one dispatcher", "%", at_most=15),
    ),
    measure,
    runs=1,
    estimate_s=600,
)
