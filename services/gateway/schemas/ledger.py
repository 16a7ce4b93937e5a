"""The ledger: accounts, journals, and the reconciliation with the provider's list."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from libs.common.contracts.events.ledger import AcknowledgeAct
from libs.common.contracts.journals import JournalKind
from services.gateway.schemas.models import (
    STORABLE_TEXT,
    PageModel,
    RequestModel,
    ResponseModel,
)

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


class CorrectingJournal(ResponseModel):
    """Money that left a source account, or came back, outside of our payments."""

    journal_id: UUID
    provider_payment_id: str
    from_account: str
    to_account: str
    amount_cents: int


class LedgerCorrection(CorrectingJournal):
    """A correcting journal, with what two people said about it."""

    batch_id: UUID
    break_id: UUID
    posted_at: datetime
    act: AcknowledgeAct
    reason: str
    proposed_by: str
    confirmed_by: str


class LedgerCorrections(PageModel):
    """A page of correcting journals."""

    items: list[LedgerCorrection]


class Acknowledgement(ResponseModel):
    """What two people decided about a break as they saw it."""

    act: AcknowledgeAct
    reason: str
    proposed_by: str
    confirmed_by: str
    confirmed_at: datetime
    journals: list[CorrectingJournal]


class AcknowledgementProposal(ResponseModel):
    """What one person has proposed about a break; a second person must confirm it."""

    act: AcknowledgeAct
    reason: str
    by_whom: str
    at: datetime


class Break(ResponseModel):
    """A difference between two of the five books, open until a later run no longer finds it.

    `acknowledged`: two people have explained it; unless it changes it bars no certificate.
    `amount_cents` is the money that moved outside of our payments, `evidence` a digest of all that
    is seen of the break.
    """

    break_id: UUID
    batch_id: UUID
    kind: str
    subject: str
    payment_id: str
    provider_payment_id: str
    expected: str
    found: str
    evidence: str
    amount_cents: int
    opened_at: datetime
    closed_at: datetime | None
    status: Literal["open", "acknowledged", "closed"]
    acknowledgement: Acknowledgement | None
    proposal: AcknowledgementProposal | None
    age_s: int


class Breaks(PageModel):
    """A page of differences."""

    items: list[Break]


class Acknowledge(RequestModel):
    """How a break is explained; `evidence` is that of the break as the person saw it.

    `by-hand`: somebody paid this at the provider by hand. `fee`: the provider kept or added it.
    `accepted`: the money is gone and stays so. `recovered`: it came back by another way.
    `explained`: no money of ours moved. The first three post a correcting journal.
    """

    act: AcknowledgeAct
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)
    evidence: str = Field(min_length=1, max_length=100, pattern=STORABLE_TEXT)


class Acknowledged(ResponseModel):
    """`proposed`: a second person must confirm it. `done`: it counts from the next run on."""

    break_id: UUID
    batch_id: UUID
    act: AcknowledgeAct
    state: Literal["proposed", "done"]


class Reconcile(RequestModel):
    """Which batch to reconcile; every batch that is being paid if none is named."""

    batch_id: UUID | None = None


class Reconciling(ResponseModel):
    """The batches whose reconciliation was requested. Batches that are not paid are left out."""

    batches: list[UUID]
