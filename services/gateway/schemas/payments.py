"""Payments: their status, their timeline, and what people decide about a held one."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.contracts.statuses import PaymentStatus
from services.gateway.schemas.models import (
    STORABLE_TEXT,
    PageModel,
    RequestModel,
    ResponseModel,
)

HeldAct = Literal["look-up", "bind", "close", "paid-elsewhere", "unbind"]
DuplicateAct = Literal["ended", "recovered", "accepted"]


class Payment(ResponseModel):
    """A payment: one source account, one loan, one employee."""

    payment_id: UUID
    status: PaymentStatus
    version: int
    amount: str
    amount_cents: int
    source_account_id: str
    employee_id: str
    first_name: str
    last_name: str
    institution_id: str
    loan_last4: str
    rows: list[int]
    provider_payment_id: str | None
    provider_status: str | None
    attempts: int
    reason_code: str
    reason: str


class Payments(PageModel):
    """A page of payments."""

    items: list[Payment]


class TimelineEntry(ResponseModel):
    """One thing that happened to a payment."""

    at: datetime
    kind: str
    title: str
    detail: str
    evidence: str


class HeldProposal(ResponseModel):
    """What one person has proposed for a held payment; a second person must confirm it."""

    act: HeldAct
    provider_payment_id: str
    reason: str
    by_whom: str
    at: datetime


class Duplicate(ResponseModel):
    """A payment that was alive more than once at the provider, and what two people decided.

    `alive` is how many of its provider payments were alive when they were last read.
    """

    payment_id: UUID
    batch_id: UUID
    provider_payment_ids: list[str]
    alive: int
    found_at: datetime
    act: DuplicateAct | None
    reason: str
    proposed_by: str | None
    decided_by: str | None
    decided_at: datetime | None


class Duplicates(ResponseModel):
    """The duplicates that nobody has decided yet, oldest first, at most 1,000."""

    items: list[Duplicate]


class DuplicateDecision(RequestModel):
    """What became of the second payment, and how that is known.

    `ended`: it moved no money. `recovered`: its money came back by another way. `accepted`: it
    stays as it is.
    """

    act: DuplicateAct
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)


class DuplicateAnswer(ResponseModel):
    """`proposed`: a second person must confirm it. `done`: it is decided."""

    payment_id: UUID
    act: DuplicateAct
    state: Literal["proposed", "done"]


class PaymentStory(Payment):
    """A payment with everything that happened to it, oldest first.

    `return_under_way`: the provider wants the money back from the employer. `person_id` and
    `loan_id`: of /employees and /loans; empty if ingest does not know the payment.
    """

    batch_id: UUID
    person_id: str
    loan_id: str
    return_under_way: bool
    timeline: list[TimelineEntry]
    held_proposal: HeldProposal | None = None
    duplicates: list[Duplicate] = Field(default_factory=list)


class Held(RequestModel):
    """What one of two people decides about a held payment.

    `provider_payment_id` belongs to `bind` alone. `close`: no money moved. `paid-elsewhere`: the
    loan was paid by another way, so it is cancelled and never sent again. `unbind` takes back a
    binding of a pending payment, which is held again.
    """

    act: HeldAct
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)
    provider_payment_id: str = Field(default="", max_length=64, pattern=STORABLE_TEXT)


class HeldAnswer(ResponseModel):
    """`proposed`: a second person must confirm it. `done`: it is carried out."""

    payment_id: UUID
    act: HeldAct
    state: Literal["proposed", "done"]


class Evidence(ResponseModel):
    """The manifest of evidence for a payment: who made it, when, of which version of it.

    `as_of` is the moment until which everything published was applied; empty: not known. `behind`
    says in words what was not.
    """

    evidence_id: UUID
    payment_id: UUID
    made_by: str
    made_at: datetime
    as_of: str = ""
    behind: str = ""
    status: str
    version: int
    currency: str
    amount: str
    facts: int
    sha256: str


class AllEvidence(ResponseModel):
    """The evidence of a payment, newest first."""

    items: list[Evidence]
