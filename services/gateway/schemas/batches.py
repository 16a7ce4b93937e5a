"""Batches: what was uploaded, what will be or was paid, and what came of it."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from libs.common.contracts.statuses import BatchStatus
from services.gateway.schemas.approval_requests import ApprovalRequest
from services.gateway.schemas.approval_rules import ApprovalRule, FirstApproval
from services.gateway.schemas.models import (
    STORABLE_TEXT,
    PageModel,
    RequestModel,
    ResponseModel,
)

#: The status of a batch as people see it: also a command that the batch has not followed yet.
ShownStatus = Literal[BatchStatus, "pausing", "cancelling"]
IssueOutcome = Literal["file", "row", "warning"]


class RowCounts(ResponseModel):
    """One number per outcome of a row, and their sum."""

    total: int
    payable: int
    unpayable: int
    refused: int
    excluded: int


class PaymentCounts(ResponseModel):
    """One number per status of a payment, and their sum."""

    total: int
    unprocessed: int
    sending: int
    pending: int
    completed: int
    failed: int
    in_doubt: int
    held: int
    cancelled: int
    reversed: int


class BatchSource(ResponseModel):
    """A source account of a batch, with the number and sum of its rows in cents."""

    source_account_id: str
    payor_name: str
    aba_routing: str
    account_last4: str
    rows: int
    amount_cents: int


class BatchBranch(ResponseModel):
    """A branch of a batch, with the number and sum of its rows in cents."""

    branch_id: str
    rows: int
    amount_cents: int


class IssueCount(ResponseModel):
    """How often one issue was found in a file."""

    code: str
    outcome: IssueOutcome
    count: int
    message: str


class Correction(RequestModel):
    """One field of a payor's address: the value in the file, and the corrected value."""

    source_account_id: str = Field(max_length=200, pattern=STORABLE_TEXT)
    field: str = Field(max_length=50, pattern=STORABLE_TEXT)
    from_: str = Field(alias="from", max_length=200, pattern=STORABLE_TEXT)
    to: str = Field(max_length=200, pattern=STORABLE_TEXT)


class Corrected(Correction):
    """A correction that was made."""

    model_config = ResponseModel.model_config
    by: str
    at: datetime


class FileError(ResponseModel):
    """Why a file was rejected.

    `message` says all in words. `row` is the row in which reading stopped, counted from 1, and
    `field` the element; `found` is what was found there, such as a byte.
    """

    code: str
    message: str
    line: int | None
    row: int | None = None
    field: str = ""
    found: str = ""


class StoppedSource(ResponseModel):
    """A source account from which nothing is paid until a person resumes the batch."""

    source_account_id: str
    reason_code: str
    reason: str


class RefusedByProvider(ResponseModel):
    """Payable rows whose person or loan the provider has refused or disabled since the check.

    `under_way` is how many are being tried again just now.
    """

    rows: int
    under_way: int


class ChildBatchLine(ResponseModel):
    """A child of a batch: rows of it that are paid anew. `is_mended`: refused rows, mended."""

    batch_id: UUID
    status: ShownStatus
    filename: str
    uploaded_by: str
    uploaded_at: datetime
    is_mended: bool
    rows: int
    amount_cents: int


class StartChoice(ResponseModel):
    """A moment at which an approved batch may begin to be sent, by business days of US banks.

    `pay_day`: so that its money arrives by the pay day, as far as the provider's usual times go.
    """

    kind: Literal["next_business_day", "pay_day"]
    start_at: datetime
    arrives_on: date


class Batch(ResponseModel):
    """A batch: what was uploaded, what will be or was paid, and what came of it."""

    batch_id: UUID
    status: ShownStatus
    filename: str
    uploaded_by: str
    uploaded_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    start_at: datetime | None = Field(
        default=None, description="nothing of the approved batch is sent before; null: at once"
    )
    start_choices: list[StartChoice] = Field(
        default=[], description="later starts that are offered to who approves a ready batch"
    )
    acknowledged: list[str]
    one_person: bool
    family_id: UUID
    revision: int
    reason: str
    digest: str | None
    payments_digest: str | None = Field(
        default=None,
        description="of the payments of an approved batch whose digest does not cover them,"
        " because an older version made it",
    )
    period: date
    period_end: date | None = Field(default=None, description="the last day of the pay period")
    period_choices: list[date] = Field(
        default=[],
        description="the first days of the pay periods one of which a person must choose",
    )
    rows: RowCounts
    amount_cents: RowCounts
    payments: PaymentCounts
    payment_amount_cents: PaymentCounts
    sources: list[BatchSource]
    branches: list[BatchBranch]
    issues: list[IssueCount]
    to_acknowledge: list[str]
    corrections_offered: list[Correction]
    corrections: list[Corrected]
    parent_batch_id: UUID | None
    child_batches: list[ChildBatchLine] = Field(default=[], description="oldest first, at most 100")
    error: FileError | None
    figures_as_of: datetime | None = Field(
        description="when the newest change of a payment arrived that these figures hold"
    )
    eta_s: int | None
    certificate: dict[str, Any] | None
    stopped_sources: list[StoppedSource]
    refused_by_provider: RefusedByProvider
    dispatcher_answers: bool = Field(
        default=True,
        description="false: `eta_s`, `stopped_sources`, `refused_by_provider` and an order to"
        " pause or cancel that was given just now are not known at the moment",
    )
    approvals_needed: int = Field(default=1, description="one, or two by the rules by amount")
    approvals_because: list[ApprovalRule] = Field(
        default=[], description="the rules by amount that ask for two approvers"
    )
    first_approval: FirstApproval | None = Field(
        default=None, description="of two; nothing is paid before the second one"
    )
    approval_requests: list[ApprovalRequest] = Field(
        default=[], description="in the order in which they were made; at most the last is open"
    )
    expires_at: datetime | None = Field(
        default=None,
        description="when a ready batch expires that nobody approves; nothing of it is paid then",
    )


class BatchLine(ResponseModel):
    """A batch in the list of batches."""

    batch_id: UUID
    status: ShownStatus
    filename: str
    uploaded_by: str
    uploaded_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    start_at: datetime | None = Field(
        default=None, description="nothing of the approved batch is sent before; null: at once"
    )
    one_person: bool
    period: date
    parent_batch_id: UUID | None
    revision: int
    reason: str
    rows: RowCounts
    amount_cents: RowCounts
    approval_request: ApprovalRequest | None = Field(
        default=None, description="the newest request for its approval"
    )
    first_approved_by: str | None = Field(
        default=None, description="who has given the first of two approvals"
    )


class Batches(PageModel):
    """A page of batches."""

    items: list[BatchLine]
