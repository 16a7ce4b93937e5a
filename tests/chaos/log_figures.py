"""What the processes of a stack logged, counted: sessions lost, rebalances, retries, time-outs."""

import json
import re
from collections import Counter
from pathlib import Path

from services import catalog

REBALANCE = re.compile(r"Preparing to rebalance group (\S+)")
MEMBER_FAILED = re.compile(r"Member (\S+) in group (\S+) has failed")
#: The figures by their names in the table, and the log lines that count towards each.
COUNTED = {
    "sessions lost": ("group_lost",),
    "loops begun again": ("loop_begins_again",),
    "retries of messages": ("retry",),
    "stale owners": ("stale_owner",),
    "messages sent in part": ("published_in_part", "produce_refused"),
    "broker did not answer in time": ("lag_without_broker",),
    "database did not answer in time": (
        "relay_without_database",
        "worker_without_database",
        "world_check_failed",
    ),
    "provider did not answer in time": ("provider_does_not_answer",),
    "calls not sent because it was too late": ("call_too_late",),
    "clock steps": ("clock_stepped",),
    "processes ended by themselves": ("kafka_client_hangs", "loop_failed", "loop_ended"),
}
STUCK = "kafka.client-stuck"


def warnings_in(logs: Path) -> Counter[str]:
    """`service event code` of each line that is a warning or worse, with how often it came."""
    found = Counter[str]()
    for entry in entries_in(logs):
        if entry.get("level") in ("warning", "error", "critical"):
            words = (entry["service"], entry["event"], entry.get("kind"), entry.get("code"))
            found[" ".join(str(word) for word in words if word)] += 1
    return found


def figures(logs: Path) -> dict[str, int]:
    """The figures of a run, by name."""
    counts, stuck = Counter[str](), 0
    for entry in entries_in(logs):
        counts[str(entry["event"])] += 1
        stuck += entry.get("code") == STUCK
    broker = (logs / "kafka.log").read_text(errors="replace")
    return {
        **{name: sum(counts[event] for event in events) for name, events in COUNTED.items()},
        "consumers made anew": stuck,
        "rebalances": len(REBALANCE.findall(broker)),
        "members removed by the broker": len(MEMBER_FAILED.findall(broker)),
    }


def entries_in(logs: Path) -> list[dict[str, str]]:
    """The lines of all services, with the service's name."""
    return [
        {**json.loads(line), "service": name}
        for name in catalog.NAMES
        for line in (logs / f"{name}.log").read_text(errors="replace").splitlines()
        if line.startswith("{")
    ]


def difference(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """What was added between two readings."""
    return {name: count - before[name] for name, count in after.items()}
