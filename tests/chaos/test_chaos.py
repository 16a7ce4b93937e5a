"""`make chaos`: a larger roster than the suite has time for, the provider at its worst and a process killed every 1.5 s, with the figures printed."""

import time
from pathlib import Path

import pytest

from devtools import sample_roster
from tests.flow.system import paid_under_kills, rows_of, running

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
        calls = system.calls()
    killed, payments = run["killed"], run["batch"]["payments"]
    assert payments["completed"] == payments["total"] > 0
    assert len(run["report"]) == len(rows_of(xml))
    assert sum(killed.values()) >= 20, killed
    with capsys.disabled():
        print(
            f"\n{payments['total']:,} payments in {time.monotonic() - began:.0f} s under {sum(killed.values())} kills {dict(killed)}; "
            f"{calls['POST /payments']:,} calls of POST /payments; lost 0, doubled 0"
        )
