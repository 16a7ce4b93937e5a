"""The ledger's rules: which journal a payment's state asks for, and what each journal moves.

Accounts are `source:<id>` and `branch:<id>` of a batch, in two layers: `pending` (approved, not out yet) and `posted` (the provider
has sent it). Money leaves a source (negative) and reaches branches (positive); rows are counted along with it, with the same sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from libs.common.contracts.errors import Reject

Kind = Literal["hold", "settle", "release", "reverse"]
Layer = Literal["pending", "posted"]

FINAL = frozenset({"completed", "failed", "cancelled", "reversed"})
#: The journals a payment in each final state has; in every other state it has its hold alone.
JOURNALS: dict[str, tuple[Kind, ...]] = {
    "completed": ("hold", "settle"),
    "failed": ("hold", "release"),
    "cancelled": ("hold", "release"),
    "reversed": ("hold", "settle", "reverse"),
}


class Unbalanced(Exception):
    """A journal's entries do not sum to zero in a layer: a bug in this file; let it crash."""


class ImpossibleChange(Reject):
    """A payment cannot go from the one status to the other; nothing was written, a person looks."""

    code = "ledger.impossible-change"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal: cents and rows (same sign) on an account in a layer."""

    account: str
    layer: Layer
    amount_cents: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one branch has of a payment: cents and rows, both greater than zero."""

    branch_id: str
    amount_cents: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Entries that sum to zero in each layer. With its payment and kind its identity is fixed, so posting twice is one journal."""

    batch_id: UUID
    payment_id: UUID
    kind: Kind
    amount_cents: int
    row_count: int
    entries: tuple[Entry, ...]
    posted_at: datetime
    journal_id: UUID = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "journal_id", journal_id(self.payment_id, self.kind))
        left = {"pending": 0, "posted": 0}
        for entry in self.entries:
            left[entry.layer] += entry.amount_cents
        if any(left.values()):
            raise Unbalanced(f"{self.kind} of {self.payment_id}: {left} cents are left over")


def journal_id(payment_id: UUID, kind: Kind) -> UUID:
    """The id of a payment's journal of a kind."""
    return uuid5(payment_id, kind)


def shares(rows: Iterable[tuple[str, int]]) -> tuple[Share, ...]:
    """What each branch has of a payment, by branch id, from its rows' (branch id, cents)."""
    totals: dict[str, tuple[int, int]] = {}
    for branch_id, amount_cents in rows:
        cents, count = totals.get(branch_id, (0, 0))
        totals[branch_id] = (cents + amount_cents, count + 1)
    return tuple(Share(branch_id, *totals[branch_id]) for branch_id in sorted(totals))


def hold(
    batch_id: UUID, payment_id: UUID, source_account_id: str, parts: tuple[Share, ...], at: datetime
) -> Journal:
    """Set an approved payment's money aside: pending, from the source to the branches of its rows."""
    cents, count = sum(p.amount_cents for p in parts), sum(p.row_count for p in parts)
    entries = (
        Entry(f"source:{source_account_id}", "pending", -cents, -count),
        *(Entry(f"branch:{p.branch_id}", "pending", p.amount_cents, p.row_count) for p in parts),
    )
    return Journal(batch_id, payment_id, "hold", cents, count, entries, at)


def follow_up(held: Journal, kind: Kind, at: datetime) -> Journal:
    """What ends a hold or comes after: each mirrors the hold's entries, in their order (the database checks it).

    settle: undoes the hold in `pending` and posts it in `posted`. release: undoes the hold. reverse: undoes the settle in `posted`.
    """
    undone: Layer = "posted" if kind == "reverse" else "pending"
    entries = tuple(Entry(e.account, undone, -e.amount_cents, -e.row_count) for e in held.entries)
    if kind == "settle":
        entries += tuple(
            Entry(e.account, "posted", e.amount_cents, e.row_count) for e in held.entries
        )
    return Journal(
        held.batch_id, held.payment_id, kind, held.amount_cents, held.row_count, entries, at
    )


def journals_between(before: str, after: str) -> tuple[Kind, ...]:
    """The journals that a payment's change of status asks for, in their order; often none.

    Raises:
        ImpossibleChange: a final state may only stay as it is; completed may become reversed. Money is never held again.
    """
    if before not in FINAL:
        return JOURNALS.get(after, ("hold",))[1:]
    if after == before:
        return ()
    if (before, after) == ("completed", "reversed"):
        return ("reverse",)
    raise ImpossibleChange(f"a payment that is {before} cannot become {after}")
