"""Pay rosters on one stack: for new people and loans, and again for the next pay period."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from devtools import paths, sample_roster
from devtools.bench.counts import require_equal
from devtools.demo import ENDED
from devtools.profiling.payments import Paid, pay
from devtools.stack.stack import Stack

CREATED = ("entities", "accounts", "payments")  # at the provider, each by one call at least


@dataclass(frozen=True)
class Cycle:
    """One roster that was paid.

    Args:
        calls: of the provider's API, from the upload to the end, reads included.
        created: what the provider has more than before: people, accounts and payments.
    """

    paid: Paid
    calls: int
    created: int

    @property
    def figures(self) -> Mapping[str, float]:
        """Payments a second, and CPU of one without the simulator's."""
        own = sum(s for name, s in self.paid.usage.cpu_s.items() if name != "simulator")
        return {
            "payments": self.paid.payments / self.paid.seconds,
            "CPU of one": 1_000 * own / self.paid.payments,
        }


@dataclass
class Paying:
    """The rosters of one stack; each has people and loans of its own."""

    stack: Stack
    rosters: int = 0
    period: str = ""
    file: Path = paths.DEMO / "bench.xml"
    first: list[Cycle] = field(default_factory=list)
    second: list[Cycle] = field(default_factory=list)

    def pay_new(self, rows: int) -> Cycle:
        """Pay a roster of new people and loans."""
        self.rosters += 1
        sample_roster.write(self.file, rows, seed=self.rosters)
        self.first.append(self._pay(""))
        return self.first[-1]

    def pay_again(self, rows: int) -> Cycle:
        """Pay the last roster for the next period."""
        if not self.first:
            self.pay_new(rows)
        self.second.append(self._pay(self.period))
        return self.second[-1]

    def _pay(self, earlier_period: str) -> Cycle:
        """Pay the file, and compare with what the provider has.

        Raises:
            CommandError: a payment has not ended, or the provider has others or other money.
        """
        before = books(self.stack)
        with redirect_stdout(io.StringIO()):  # what the demo tells its reader
            paid = pay(self.stack, self.file, earlier_period)
        after = books(self.stack)
        self.period = paid.period
        counts, cents = paid.batch["payments"], paid.batch["payment_amount_cents"]
        require_equal("payments ended", sum(counts[s] for s in ENDED), counts["total"])
        expected = (counts["total"], sum(cents[status] for status in ENDED), 0)
        names = ("payments", "amount_cents", "limit_violations")
        found = tuple(after[name] - before[name] for name in names)
        require_equal("payments, cents, violations at the provider", found, expected)
        calls = sum(after["calls"].values()) - sum(before["calls"].values())
        return Cycle(paid, calls, sum(after[name] - before[name] for name in CREATED))


def books(stack: Stack) -> dict[str, Any]:
    """What the simulator of the provider has, in numbers."""
    found: dict[str, Any] = httpx.get(
        f"{stack.ports.url('simulator')}/_simulator/books", timeout=30
    ).json()
    return found
