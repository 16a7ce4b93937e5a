"""`make chaos`: pay a large roster while processes are killed and suspended, and print the figures.

Every 1.5 s one is killed, every few seconds one is stopped for some seconds, every 12 s the clocks
are set by minutes to two days, and a proxy before the provider drips answers, drops them and resets
connections. CHAOS_ROWS makes a smaller run.
"""

import os
import time
from pathlib import Path

import pytest

from devtools import sample_roster
from tests.chaos.clock_steps import ClockedStack, clock_steps
from tests.chaos.proxy import UnreliableProxy, serving
from tests.chaos.suspensions import suspensions
from tests.flow.checks import rows_of
from tests.flow.harness import running
from tests.flow.kills import paid_under_kills

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3_600)]
ROWS = int(os.environ.get("CHAOS_ROWS", "3000"))


@pytest.mark.parametrize("seed", [1, 2])
def test_three_thousand_rows_under_kills(
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
            with suspensions(system, seed) as suspended, clock_steps(system.stack, seed) as steps:
                run = paid_under_kills(system, xml, seed, limit_s=3_000)
            calls = system.provider_calls()
    killed, payments = run["killed"], run["batch"]["payments"]
    assert payments["completed"] == payments["total"] > 0
    assert len(run["report"]) == len(rows_of(xml))
    assert sum(killed.values()) >= ROWS // 150, killed
    assert proxy.done.keys() == {"drip", "drop", "reset"}
    assert steps.noticed_after_s, steps
    with capsys.disabled():
        print(
            f"\nseed {seed}: {payments['total']:,} payments in {time.monotonic() - began:.0f} s "
            f"under {sum(killed.values())} kills {dict(killed)}, "
            f"{sum(suspended.values())} suspensions {dict(suspended)}, "
            f"{len(steps.made)} clock steps {steps.made} "
            f"(noticed after {max(steps.noticed_after_s):.1f} s at most), "
            f"{sum(proxy.done.values())} broken answers {dict(proxy.done)}; "
            f"{calls['POST /payments']:,} calls of POST /payments; "
            "paid twice 0, lost 0, held 0"
        )
