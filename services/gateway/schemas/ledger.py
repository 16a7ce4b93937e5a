"""The ledger: accounts, journals, and the reconciliation with the provider's list."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from libs.common.contracts.journals import JournalKind
from services.gateway.schemas.models import PageModel, RequestModel, ResponseModel

#: The certificate of a batch: outcomes with their rows and cents. The ledger owns its fields.
Certificate = dict[str, Any]


class Account(ResponseModel):
    """One account of one batch with the two layers of its balance, in cents.

    Beside each amount stands its text.
    """

    batch_id: UUID
    account: str
    pending_cents: int
    pending_rows: int
    posted_cents: int
    posted_rows: int


class Accounts(PageModel):
    """A page of accounts."""

    items: list[Account]


class Entry(ResponseModel):
    """One line of a journal; a debit is positive."""

    n: int
    account: str
    layer: Literal["pending", "posted"]
    amount_cents: int
    rows: int


class Journal(ResponseModel):
    """A journal: its entries add up to zero."""

    journal_id: UUID
    batch_id: UUID
    payment_id: UUID
    kind: JournalKind
    amount_cents: int
    rows: int
    posted_at: datetime
    entries: list[Entry] | None


class Journals(PageModel):
    """A page of journals."""

    items: list[Journal]


class Run(ResponseModel):
    """One reconciliation with the provider's list.

    `status` is its result; `waiting` until there is one.
    """

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


class Runs(PageModel):
    """A page of reconciliation runs."""

    items: list[Run]


class Break(ResponseModel):
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


class Breaks(PageModel):
    """A page of differences."""

    items: list[Break]


class Reconcile(RequestModel):
    """Which batch to reconcile; every batch that is being paid if none is named."""

    batch_id: UUID | None = None


class Reconciling(ResponseModel):
    """The batches whose reconciliation was requested. Batches that are not paid are left out."""

    batches: list[UUID]
