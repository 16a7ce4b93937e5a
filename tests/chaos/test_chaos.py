"""`make chaos`: pay a large roster while a process is killed every 1.5 s, and print the figures."""

import time
from pathlib import Path

import pytest

from devtools import sample_roster
from tests.flow.checks import rows_of
from tests.flow.harness import running
from tests.flow.kills import paid_under_kills

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3_600)]
ROWS = 3_000


@pytest.mark.parametrize("seed", [1, 2])
def test_three_thousand_rows_under_kills(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xml = sample_roster.make(ROWS, seed)
    with running(tmp_path, f"chaos_{seed}") as system:
        began = time.monotonic()
        run = paid_under_kills(system, xml, seed, limit_s=3_000)
        calls = system.provider_calls()
    killed, payments = run["killed"], run["batch"]["payments"]
    assert payments["completed"] == payments["total"] > 0
    assert len(run["report"]) == len(rows_of(xml))
    assert sum(killed.values()) >= 20, killed
    with capsys.disabled():
        print(
            f"\n{payments['total']:,} payments in {time.monotonic() - began:.0f} s "
            f"under {sum(killed.values())} kills {dict(killed)}; "
            f"{calls['POST /payments']:,} calls of POST /payments; lost 0, doubled 0"
        )
