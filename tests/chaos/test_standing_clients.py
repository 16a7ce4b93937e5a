"""No client stands still for good: frozen brokers and clients, dropped packets, starved processors.

CHAOS_ROUNDS says how many rounds of each kind, CHAOS_ROUND_BROKERS how many brokers at once: a
round with four brokers is four rounds. ADR 45 has the counts.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.client_rounds import (
    STANDING_S,
    Clients,
    Outcome,
    brokers_with_clients,
    frozen,
    run_rounds,
)
from tests.chaos.overload import PROCESSES
from tests.chaos.packets import Drops, nft

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_800)]
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "3"))
BROKERS = int(os.environ.get("CHAOS_ROUND_BROKERS", "1"))
SEED = int(os.environ.get("CHAOS_ROUND_SEED", "45"))
FAULT_S = (0.5, 12.0)
#: In percent: some packets, most, all.
DROPPED = (30, 60, 100)
Fault = Callable[[], None]


def freeze_brokers(groups: list[Clients], chance: random.Random) -> None:
    frozen([group.broker_pid for group in groups], chance.uniform(*FAULT_S))


def freeze_clients(groups: list[Clients], chance: random.Random) -> None:
    frozen([pid for group in groups for pid in group.pids], chance.uniform(*FAULT_S))


def drop_packets(groups: list[Clients], chance: random.Random) -> None:
    program = nft()
    if program is None or os.geteuid() != 0:
        pytest.fail("nft is not here, or this is no administrator: apt-get install nftables")
    drops = Drops(program, [group.broker.port for group in groups])
    drops.begin(chance.choice(DROPPED))
    try:
        time.sleep(chance.uniform(*FAULT_S))
    finally:
        drops.end()


def starve_processors(_: list[Clients], chance: random.Random) -> None:
    busy = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.busy", str(PROCESSES)], process_group=0
    )
    try:
        time.sleep(chance.uniform(*FAULT_S))
    finally:
        busy.terminate()
        busy.wait()


@pytest.mark.parametrize("fault", [freeze_brokers, freeze_clients, drop_packets, starve_processors])
def test_every_client_comes_back_after(
    fault: Callable[[list[Clients], random.Random], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome, chance = Outcome(), random.Random(SEED)
    with brokers_with_clients(BROKERS, tmp_path) as groups:
        run_rounds(groups, ROUNDS, lambda: fault(groups, chance), outcome)
    with capsys.disabled():
        print(f"\n{outcome.line(fault.__name__.replace('_', ' '))}")
    assert max(outcome.back_s) <= STANDING_S
