"""`make chaos`: pay a large roster while processes are killed and suspended, and print the figures.

Every 1.5 s one is killed, every few seconds one is stopped for some seconds, every 30 s the clocks
are set by minutes to two days, and a proxy before the provider drips answers, drops them and resets
connections, until every payment has ended. CHAOS_ROWS makes a larger or smaller run.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools import sample_roster
from tests.chaos.clock_steps import ClockedStack, Steps, clock_steps
from tests.chaos.progress import progress
from tests.chaos.proxy import UnreliableProxy, serving
from tests.chaos.suspensions import suspensions
from tests.flow.checks import rows_of
from tests.flow.harness import System, running
from tests.flow.kills import paid_under_kills

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3_600)]
ROWS = int(os.environ.get("CHAOS_ROWS", "1000"))


@contextmanager
def other_faults(
    system: System, seed: int, made: list[tuple[Counter[str], Steps]]
) -> Iterator[None]:
    """Suspend processes and set clocks; what was done is added to `made`."""
    assert isinstance(system.stack, ClockedStack)
    with suspensions(system, seed) as suspended, clock_steps(system.stack, seed) as steps:
        made.append((suspended, steps))
        yield


@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_roster_is_paid_once_under_all_faults(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xml, proxy = sample_roster.make(ROWS, seed), UnreliableProxy(seed)
    with serving(proxy) as port:
        address = f"http://127.0.0.1:{port}"
        settings = {"PAYDOWN_DISPATCHER_PROVIDER_URL": address}
        with running(tmp_path, f"chaos_{seed}", ClockedStack, **settings) as system:
            assert isinstance(system.stack, ClockedStack)
            proxy.upstream_port = system.stack.ports["simulator"]
            began = time.monotonic()
            made: list[tuple[Counter[str], Steps]] = []
            others = other_faults(system, seed, made)
            with progress(system, f"seed {seed}"):
                run = paid_under_kills(
                    system, xml, seed, limit_s=3_000, beside=others, ends_calmly=True
                )
            calls = system.provider_calls()
    ((suspended, steps),) = made
    killed, payments = run["killed"], run["batch"]["payments"]
    assert payments["completed"] == payments["total"] > 0
    assert len(run["report"]) == len(rows_of(xml))
    assert sum(killed.values()) >= ROWS // 150, killed
    assert proxy.done.keys() == {"drip", "drop", "reset"}
    assert steps.made, "how soon one is noticed is the subject of test_notice.py"
    with capsys.disabled():
        print(
            f"\nseed {seed}: {payments['total']:,} payments in {time.monotonic() - began:.0f} s "
            f"under {sum(killed.values())} kills {dict(killed)}, "
            f"{sum(suspended.values())} suspensions {dict(suspended)}, "
            f"{len(steps.made)} clock steps {steps.made} "
            f"(noticed after {max(steps.noticed_after_s, default=0.0):.1f} s at most), "
            f"{sum(proxy.done.values())} broken answers {dict(proxy.done)}; "
            f"{calls['POST /payments']:,} calls of POST /payments; "
            "paid twice 0, lost 0, held 0"
        )
