"""What a stack uses while nothing happens: CPU, and memory of the services."""

import time
from collections.abc import Mapping
from pathlib import Path

from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace
from devtools.profiling.counters import cpu_of, processes
from devtools.stack.stack import Stack
from services import catalog

QUIET_S, IDLE_S = 20.0, 15.0  # the simulator ends a payment 12.5 s after it was made


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Wait until everything has ended, then look for a while."""
    stack = workplace.paying().stack
    time.sleep(QUIET_S)
    pids = processes(stack)
    before = cpu_of(stack, pids)  # and nothing else: to ask the services would cost CPU as well
    time.sleep(IDLE_S)
    after = cpu_of(stack, pids)
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    return {
        "CPU of all processes": 100 * sum(used.values()) / IDLE_S,
        "of it Kafka": 100 * used.get("kafka", 0.0) / IDLE_S,
        "memory of all services": services_memory_mb(stack),
    }


def services_memory_mb(stack: Stack) -> float:
    """Memory of the services' processes and their children; pages that are shared count once."""
    pids = {one.pid for one in stack.status() if one.name in catalog.NAMES and one.pid}
    return sum(_memory_kb(pid) for pid in pids | _children(pids)) / 1_024


def _memory_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _children(pids: set[int]) -> set[int]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        if parent in pids:
            found.add(int(folder.name))
    return found


ROW = Row(
    "idle",
    "the whole stack while nothing happens, Kafka and PostgreSQL included",
    (
        Figure("CPU of all processes", "% of a core", at_most=6),
        Figure("of it Kafka", "% of a core"),
        Figure("memory of all services", "MB", 0, at_most=700),
    ),
    measure,
    estimate_s=40,
)
