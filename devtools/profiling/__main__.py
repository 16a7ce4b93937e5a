"""`make profile`: where one payment's CPU, statements, rows, messages and calls go.

    python -m devtools.profiling [--rows 1000] [--cycles 2] [--statements 12] [--idle] [--json FILE]

Pays a sample roster on a throw-away stack and reads every counter before and after the payments.
The second cycle pays the same people and loans for another period, so that nobody has to be created
at the provider. The figures are for comparing two versions of the code on one machine: counters
hardly depend on the machine, CPU does.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from devtools import paths, sample_roster
from devtools.demo import DemoFailed
from devtools.profiling.counters import MODULE, OF_A_DATABASE, Counts, Usage, sample
from devtools.profiling.payments import Paid, pay
from devtools.stack.local_stack import demo_stack
from devtools.stack.stack import Stack
from ops.errors import CommandError, exit_code
from services import catalog

IDLE_AFTER_S, IDLE_S = 16.0, 10.0  # the simulator ends a payment 12.5 s after it was made


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.profiling", description="What one payment costs, and where."
    )
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--cycles", type=int, default=2)
    parser.add_argument("--statements", type=int, default=12, help="how many to print, by time")
    parser.add_argument(
        "--idle", action="store_true", help="also what it uses while nothing happens"
    )
    parser.add_argument("--json", type=Path, help="also write everything here")
    options = parser.parse_args(arguments)
    stack = demo_stack(lambda _: None)
    stack.preload = MODULE
    found = []
    try:
        stack.up()
        file = paths.DEMO / "profiled.xml"
        sample_roster.write(file, options.rows)
        period = ""
        for cycle in range(1, options.cycles + 1):
            paid = pay(stack, file, period)
            period = paid.period
            print_usage(f"cycle {cycle}", paid, options.statements)
            found.append({"seconds": paid.seconds, "payments": paid.payments, **asdict(paid.usage)})
        if options.idle:
            print_idle(stack)
    except DemoFailed as error:
        raise CommandError(str(error)) from error
    finally:
        stack.down()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def print_usage(name: str, paid: Paid, statements: int) -> None:
    """Print one cycle as tables, all figures per payment."""
    seconds, payments, usage = paid.seconds, paid.payments, paid.usage
    cpu_ms = {what: 1_000 * s / payments for what, s in usage.cpu_s.items()}
    own = sum(ms for what, ms in cpu_ms.items() if what != "simulator")
    print(
        f"\n{name}: {payments:,} payments in {seconds:.1f} s, {payments / seconds:.1f} a second; "
        f"{own:.1f} ms of CPU each without the simulator; {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(
        "seconds after the approval: " + ", ".join(f"{n} {s:.1f}" for n, s in usage.stages.items())
    )
    print(_line("CPU, ms", cpu_ms, 1))
    print(f"\n{'per payment':<14}" + "".join(f"{column:>14}" for column in _columns()))
    for service in catalog.NAMES:
        counts = usage.databases[service] | {"statements": statements_of(usage, service)}
        cells = "".join(f"{counts[column] / payments:>14.2f}" for column in _columns())
        print(f"{service:<14}{cells}")
    updated = {
        f"{table} ({counts['HOT'] / counts['updates']:.0%} HOT)": counts["updates"] / payments
        for table, counts in usage.tables.items()
        if counts["updates"] >= payments / 10
    }
    print(_line("updates", updated, 2))
    print(_line("messages", {what: n / payments for what, n in usage.messages.items()}, 2))
    print(_line("calls", {what: n / payments for what, n in usage.calls.items()}, 3))
    print(f"\n{'calls':>8}{'ms':>8}  statement, per payment")
    by_time = sorted(usage.statements.items(), key=lambda item: -item[1]["ms"])
    for statement, counts in by_time[:statements]:
        print(f"{counts['calls'] / payments:8.3f}{counts['ms'] / payments:8.3f}  {statement[:150]}")
    sys.stdout.flush()


def print_idle(stack: Stack) -> None:
    """Print what the stack uses while nothing happens."""
    time.sleep(IDLE_AFTER_S)
    before = sample(stack)
    time.sleep(IDLE_S)
    usage = sample(stack).since(before)
    shares = {what: 100 * s / IDLE_S for what, s in usage.cpu_s.items()}
    print(f"\nidle, {sum(shares.values()):.1f} % of a core")
    print(_line("CPU, %", shares, 1))


def statements_of(usage: Usage, service: str) -> float:
    """How many statements a service's database was sent; 0 if its server cannot count them."""
    return sum(
        counts["calls"]
        for statement, counts in usage.statements.items()
        if statement.startswith(f"{service}: ")
    )


def _columns() -> list[str]:
    return ["statements", *OF_A_DATABASE]


def _line(title: str, figures: Counts, digits: int) -> str:
    """The figures that are not 0, the largest first."""
    ordered = sorted(figures.items(), key=lambda item: -item[1])
    parts = [f"{name} {figure:.{digits}f}" for name, figure in ordered if round(figure, digits)]
    return f"{title}: {', '.join(parts)}"


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
