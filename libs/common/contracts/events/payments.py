"""Payments: their approval by a person, and each change of their status."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import MAX_CENTS, Event, Value
from libs.common.contracts.statuses import PaymentStatus
from libs.common.contracts.topics import Topic


class PaidRow(Value):
    """A row's part of a payment."""

    row_id: UUID
    root_row_id: UUID
    file_row: int
    branch_id: str
    amount_cents: int = Field(gt=0, le=MAX_CENTS)


class PaymentApproved(Event):
    """A payment a person approved: one source account, one loan, one employee; its amount is the
    sum of its rows.
    """

    topic: ClassVar[Topic] = topics.APPROVED_PAYMENTS
    type: Literal["payment-approved.v1"] = "payment-approved.v1"
    payment_id: UUID
    batch_id: UUID
    digest: str
    period: str
    amount_cents: int = Field(gt=0, le=MAX_CENTS)
    rows: tuple[PaidRow, ...] = Field(min_length=1)
    source_account_id: str
    account_index: str
    source_routing: str
    source_last4: str
    employee_id: str
    person_index: str
    institution_id: str
    merchant_id: str = Field(
        default="",
        description="as checked before approval; empty if the provider could not be asked",
    )
    loan_last4: str
    loan_index: str
    approved_by: str
    approved_at: AwareDatetime


class PaymentChanged(Event):
    """A payment's next state. Versions start at 1 (before it: unprocessed) and have no gaps."""

    topic: ClassVar[Topic] = topics.STATUS_EVENTS
    type: Literal["payment-changed.v1"] = "payment-changed.v1"
    payment_id: UUID
    batch_id: UUID
    version: int = Field(ge=1)
    status: PaymentStatus
    amount_cents: int = Field(gt=0, le=MAX_CENTS)
    provider_payment_id: str = ""
    provider_status: str = ""
    merchant_id: str = ""
    source_trace_id: str = ""
    destination_trace_id: str = ""
    reversal_id: str = ""
    return_under_way: bool = False
    attempts: int = Field(default=0, ge=0)
    evidence_kind: Literal[
        "intent", "response", "webhook", "poll", "lookup", "preparation", "person"
    ]
    evidence_id: str
    reason_code: str = ""
    reason: str = ""
    by: str = Field(default="", description="the person, where a person decided")
