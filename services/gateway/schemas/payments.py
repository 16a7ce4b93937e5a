"""The shapes of the ledger, the reconciliation, and what people decide about a held payment, beside those in `shapes`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.schemas.batches import PLAIN, Listed, Order, Shape


class Account(Shape):
    """One account of one batch with both layers of its balance, in cents; the text of each amount stands beside it."""

    batch_id: UUID
    account: str
    pending_cents: int
    pending_rows: int
    posted_cents: int
    posted_rows: int


class Accounts(Listed):
    """A page of accounts."""

    items: list[Account]


class Entry(Shape):
    """One line of a journal; a debit is positive."""

    n: int
    account: str
    layer: Literal["pending", "posted"]
    amount_cents: int
    rows: int


class Journal(Shape):
    """A journal: its entries come to zero."""

    journal_id: UUID
    batch_id: UUID
    payment_id: UUID
    kind: Literal["hold", "settle", "release", "reverse"]
    amount_cents: int
    rows: int
    posted_at: datetime
    entries: list[Entry] | None


class Journals(Listed):
    """A page of journals."""

    items: list[Journal]


class Run(Shape):
    """One comparison with the provider's own list; `status` is its verdict, `waiting` before there is one."""

    run_id: UUID
    batch_id: UUID
    complete: bool
    pages: int
    lines: int
    amount_cents: int
    begun_at: datetime
    closed_at: datetime
    requested_by: str
    message: str
    status: Literal["waiting", "clean", "breaks", "incomplete"]
    break_count: int
    judged_at: datetime | None


class Runs(Listed):
    """A page of comparisons."""

    items: list[Run]


class Break(Shape):
    """A difference between two of the five books, open until a later run no longer finds it."""

    break_id: UUID
    batch_id: UUID
    kind: str
    subject: str
    payment_id: str
    provider_payment_id: str
    expected: str
    found: str
    opened_at: datetime
    closed_at: datetime | None
    status: Literal["open", "closed"]
    age_s: int


class Breaks(Listed):
    """A page of differences."""

    items: list[Break]


class Reconcile(Order):
    """Which batch is to be reconciled; every running one if none is named."""

    batch_id: UUID | None = None


class Reconciling(Shape):
    """The batches whose comparison was asked for; those that are not being paid are left out."""

    batches: list[UUID]


class Held(Order):
    """What one of two people says about a held payment; `provider_payment_id` goes with `bind` alone."""

    act: Literal["look-up", "bind", "close"]
    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)
    provider_payment_id: str = Field(default="", max_length=64, pattern=PLAIN)


class HeldAnswer(Shape):
    """`proposed`: a second person has to say the same. `done`: the payment goes on accordingly."""

    payment_id: UUID
    act: Literal["look-up", "bind", "close"]
    state: Literal["proposed", "done"]
