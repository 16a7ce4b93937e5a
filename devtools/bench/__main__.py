"""`make bench`: the whole table of what paydown is measured by, each figure beside its floor.

    python -m devtools.bench [--only "WORD …"] [--rows 50000] [--runs N] [--json FILE]

The servers write to the disk before they acknowledge, as in production. A run whose counts do not
add up has no figures; the row says why, and the exit code is 1. A goal that is not reached is
printed and is no error. A figure that was taken beside other work says so.
"""

import argparse
import gc
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from devtools import paths
from devtools.bench import machine, quiet_logs, stored, table
from devtools.bench.catalog import ROWS
from devtools.bench.figures import Result, Row
from devtools.bench.workplace import FULL, Workplace
from devtools.demo import DemoFailed
from devtools.progress import Progress
from ops.errors import CommandError, exit_code

JSON = paths.CACHE / "bench.json"
START_S = 30.0  # about how long servers take to start


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 if a row was refused."""
    given = _parser().parse_args(arguments)
    chosen = choose(given.only)
    facts = machine.describe() | {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows_for_50000": str(given.rows),
    }
    results: list[Result] = []
    quiet_logs.silence()
    gc.freeze()  # as Service does; for the loops and their floors alike
    with Workplace(given.rows) as workplace, Progress("bench") as progress:
        facts["postgresql"] = machine.postgres_settings(workplace.postgres_url)
        facts["kafka"] = f"one node, {machine.producer_settings()}; the system flushes its log"
        for name, value in facts.items():
            print(f"{name:<16}{value}")
        if given.rows != FULL:
            print(f"trial: every size is {given.rows / FULL:.4g} of the full one; quote no figure")
        print(table.heading(), flush=True)
        for number, row in enumerate(chosen):
            left = sum(estimate_s(one, given.rows, given.runs) for one in chosen[number:])
            progress.show(number, len(chosen), f"{row.name}; about {left / 60:.0f} min left")
            result = measure(row, workplace, given.runs)
            results.append(result)
            print("\n".join(table.lines(result)), flush=True)
            stored.write(given.json, facts, results)
        progress.show(len(chosen), len(chosen), f"written to {given.json}")
    return 1 if any(result.refused for result in results) else 0


def choose(only: str) -> list[Row]:
    """The rows of these names, or with one of these words in their name; all without a word.

    Raises:
        CommandError: there is none; names those there are.
    """
    words, names = only.split() or [""], {row.name for row in ROWS}

    def fits(name: str, word: str) -> bool:
        return name == word if word in names else word in name

    chosen = [row for row in ROWS if any(fits(row.name, word) for word in words)]
    if not chosen:
        raise CommandError(f"no row {only!r}; there are {', '.join(row.name for row in ROWS)}")
    return chosen


def estimate_s(row: Row, rows: int, runs: int) -> float:
    """About how long a row takes if so many rows stand for 50,000; `runs` 0: its own."""
    return START_S + row.estimate_s * min(1.0, rows / FULL) * (runs or row.runs)


def measure(row: Row, workplace: Workplace, runs: int = 0) -> Result:
    """Do the work of a row so often, or as often as the row says."""
    result = Result(row, others=machine.busy_cores(), is_trial=workplace.rows != FULL)
    before, began = os.getloadavg()[0], time.monotonic()
    try:
        for _ in range(runs or row.runs):
            result.runs.append(row.measure(workplace))
    except (CommandError, DemoFailed, AssertionError) as error:
        result.refused = str(error) or type(error).__name__
    result.seconds = time.monotonic() - began
    result.load = before, os.getloadavg()[0]
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.bench", description="What paydown is measured by."
    )
    parser.add_argument("--only", default="", help="rows with one of these words in their name")
    parser.add_argument("--rows", type=int, default=FULL, help="what stands for 50,000 rows")
    parser.add_argument("--runs", type=int, default=0, help="of each row (default: its own)")
    parser.add_argument("--json", type=Path, default=JSON, help=f"default: {JSON}")
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(main))
