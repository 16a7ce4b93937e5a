"""The journals of the ledger: which of them a payment's status requires, and what each one moves.

Accounts are `source:<id>` and `branch:<id>` of a batch, in two layers: `pending` (approved, not
paid yet) and `posted` (the provider has paid it). Money leaves a source (negative) and reaches
branches (positive). Rows are counted along with the money, with the same sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid5

from libs.common.contracts.errors import Reject
from libs.common.contracts.journals import JournalKind
from libs.common.contracts.statuses import FINAL_PAYMENTS

Layer = Literal["pending", "posted"]

JOURNALS_OF_FINAL: Final[dict[str, tuple[JournalKind, ...]]] = {
    "completed": ("hold", "settle"),
    "failed": ("hold", "release"),
    "cancelled": ("hold", "release"),
    "reversed": ("hold", "settle", "reverse"),
}


class Unbalanced(Exception):
    """A journal's entries do not sum to zero in a layer: a bug in this file. Let it crash."""


class ImpossibleChange(Reject):
    """A payment cannot change from the one status to the other. Nothing was written."""

    code = "ledger.impossible-change"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal: cents and rows (of the same sign) on an account in a layer."""

    account: str
    layer: Layer
    amount_cents: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Share:
    """One branch's part of a payment: cents and rows, both greater than zero."""

    branch_id: str
    amount_cents: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Entries that sum to zero in each layer.

    The payment and the kind make the id, so posting the same journal twice is one journal.

    Raises:
        Unbalanced: the entries do not sum to zero.
    """

    batch_id: UUID
    payment_id: UUID
    kind: JournalKind
    amount_cents: int
    row_count: int
    entries: tuple[Entry, ...]
    posted_at: datetime
    journal_id: UUID = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "journal_id", journal_id(self.payment_id, self.kind))
        sums = {"pending": 0, "posted": 0}
        for entry in self.entries:
            sums[entry.layer] += entry.amount_cents
        if any(sums.values()):
            raise Unbalanced(f"{self.kind} of {self.payment_id}: {sums} cents are left over")


def journal_id(payment_id: UUID, kind: JournalKind) -> UUID:
    """The id of a payment's journal of a kind."""
    return uuid5(payment_id, kind)


def shares(rows: Iterable[tuple[str, int]]) -> tuple[Share, ...]:
    """The branches' parts of a payment, ordered by branch id.

    Args:
        rows: the payment's rows, as (branch id, cents).
    """
    totals: dict[str, tuple[int, int]] = {}
    for branch_id, amount_cents in rows:
        cents, count = totals.get(branch_id, (0, 0))
        totals[branch_id] = (cents + amount_cents, count + 1)
    return tuple(Share(branch_id, *totals[branch_id]) for branch_id in sorted(totals))


def hold(
    batch_id: UUID,
    payment_id: UUID,
    source_account_id: str,
    parts: tuple[Share, ...],
    at: datetime,
) -> Journal:
    """Reserve an approved payment's money: pending, from its source to the branches of its rows."""
    cents, count = sum(p.amount_cents for p in parts), sum(p.row_count for p in parts)
    entries = (
        Entry(f"source:{source_account_id}", "pending", -cents, -count),
        *(Entry(f"branch:{p.branch_id}", "pending", p.amount_cents, p.row_count) for p in parts),
    )
    return Journal(batch_id, payment_id, "hold", cents, count, entries, at)


def follow_up(reserved: Journal, kind: JournalKind, at: datetime) -> Journal:
    """The journal of this kind that follows a hold.

    settle: undoes the hold in `pending` and books the same entries in `posted`.
    release: undoes the hold in `pending`.
    reverse: undoes the settle in `posted`.

    Args:
        reserved: the payment's hold. The result mirrors its entries in their order, because the
            database checks them one by one.
        kind: settle, release or reverse.
        at: when the payment's status changed. If a clock was set back since the hold, the journal
            is dated as the hold is: the books refuse one that is older.
    """
    undone: Layer = "posted" if kind == "reverse" else "pending"
    entries = tuple(
        Entry(e.account, undone, -e.amount_cents, -e.row_count) for e in reserved.entries
    )
    if kind == "settle":
        entries += tuple(
            Entry(e.account, "posted", e.amount_cents, e.row_count) for e in reserved.entries
        )
    return Journal(
        reserved.batch_id,
        reserved.payment_id,
        kind,
        reserved.amount_cents,
        reserved.row_count,
        entries,
        max(at, reserved.posted_at),
    )


def journals_of_status(status: str) -> tuple[JournalKind, ...]:
    """The journals that a payment of this status has. Until it ends it has its hold alone."""
    return JOURNALS_OF_FINAL.get(status, ("hold",))


def journals_between(before: str, after: str) -> tuple[JournalKind, ...]:
    """The journals that a payment's change of status requires, in their order. Often none.

    Raises:
        ImpossibleChange: a final status may only stay as it is; completed may become reversed.
            Money is never reserved a second time.
    """
    if before not in FINAL_PAYMENTS:
        return journals_of_status(after)[1:]
    if after == before:
        return ()
    if (before, after) == ("completed", "reversed"):
        return ("reverse",)
    raise ImpossibleChange(f"a payment that is {before} cannot become {after}")
