"""The shapes of the public API, for its description and for clients generated from it. Answers are passed on, not rebuilt."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts.statuses import PaymentStatus, RowStatus

ShownStatus = Literal[
    "receiving",
    "reading",
    "checking",
    "ready",
    "approved",
    "paying",
    "pausing",
    "paused",
    "cancelling",
    "completed",
    "completed_with_failures",
    "archived",
    "rejected",
    "discarded",
    "expired",
    "cancelled",
]


PLAIN = r"^[^\x00]*$"  # PostgreSQL holds no NUL in a text


class Shape(BaseModel):
    """A part of an answer; a newer service may say more."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class Order(BaseModel):
    """A body of a request; what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Problem(Shape):
    """What went wrong: RFC 9457, with a stable `code`, whether money is affected, and what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    money: str
    action: str
    request_id: str


class RowCounts(Shape):
    """One number per outcome of a row, and their sum."""

    total: int
    payable: int
    unpayable: int
    refused: int
    excluded: int


class PaymentCounts(Shape):
    """One number per state of a payment, and their sum."""

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


class BatchSource(Shape):
    """A source account of a batch and what its rows come to, in cents."""

    source_account_id: str
    payor_name: str
    aba_routing: str
    account_last4: str
    rows: int
    amount_cents: int


class BatchBranch(Shape):
    """A branch of a batch and what its rows come to, in cents."""

    branch_id: str
    rows: int
    amount_cents: int


class IssueCount(Shape):
    """How often one thing was found in a file."""

    code: str
    outcome: Literal["file", "row", "warning"]
    count: int
    message: str


class Correction(Order):
    """One field of one payor's address: as it is, and as it should be."""

    source_account_id: str = Field(max_length=200, pattern=PLAIN)
    field: str = Field(max_length=50, pattern=PLAIN)
    from_: str = Field(alias="from", max_length=200, pattern=PLAIN)
    to: str = Field(max_length=200, pattern=PLAIN)


class Corrected(Correction):
    """A correction that was made."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    by: str
    at: datetime


class FileError(Shape):
    """Why a file was refused."""

    code: str
    message: str
    line: int | None


class StoppedSource(Shape):
    """A source account that waits for a person."""

    source_account_id: str
    reason_code: str
    reason: str


class Batch(Shape):
    """A batch: what was uploaded, what will be or was paid, and what came of it."""

    batch_id: UUID
    status: ShownStatus
    filename: str
    uploaded_by: str
    uploaded_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    acknowledged: list[str]
    one_person: bool
    family_id: UUID
    revision: int
    reason: str
    digest: str | None
    period: date
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
    error: FileError | None
    eta_s: int | None
    certificate: dict[str, Any] | None
    stopped_sources: list[StoppedSource]


class BatchLine(Shape):
    """A batch in the list of batches."""

    batch_id: UUID
    status: ShownStatus
    filename: str
    uploaded_by: str
    uploaded_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    one_person: bool
    period: date
    parent_batch_id: UUID | None
    revision: int
    reason: str
    rows: RowCounts
    amount_cents: RowCounts


class Accepted(Shape):
    """A batch came into being."""

    batch_id: UUID
    status: ShownStatus


class Commanded(Shape):
    """What the dispatcher makes of a batch from now on; the batch itself follows in a moment."""

    batch_id: UUID
    state: Literal["waiting", "paying", "paused", "cancelled"]


class Row(Shape):
    """A row of the file, with its outcome."""

    row_id: UUID
    file_row: int
    employee_id: str
    first_name: str
    last_name: str
    branch_id: str
    source_account_id: str
    institution_id: str
    loan_last4: str
    amount: str
    amount_cents: int
    status: RowStatus
    reason_code: str
    reason: str
    payment_id: UUID | None


class Issue(Shape):
    """One thing found in the file."""

    file_row: int | None
    line: int | None
    field: str
    code: str
    outcome: Literal["file", "row", "warning"]
    value: str
    message: str


class Payment(Shape):
    """A payment: one source account, one loan, one employee."""

    payment_id: UUID
    status: PaymentStatus
    version: int
    amount: str
    amount_cents: int
    source_account_id: str
    employee_id: str
    institution_id: str
    loan_last4: str
    rows: list[int]
    provider_payment_id: str | None
    provider_status: str | None
    attempts: int
    reason_code: str
    reason: str


class TimelineEntry(Shape):
    """One thing that happened to a payment."""

    at: datetime
    kind: str
    title: str
    detail: str
    evidence: str


class HeldProposal(Shape):
    """What one person has said about a held payment, and a second one has to confirm."""

    act: Literal["look-up", "bind", "close"]
    provider_payment_id: str
    reason: str
    by_whom: str
    at: datetime


class PaymentStory(Payment):
    """A payment with everything that happened to it, oldest first; `return_under_way`: the provider wants the money back from the employer."""

    batch_id: UUID
    return_under_way: bool
    timeline: list[TimelineEntry]
    held_proposal: HeldProposal | None = None


class Listed(Shape):
    """A page of a list; `next` is the cursor of the page after it."""

    next: str | None
    total: int


class Batches(Listed):
    """A page of batches."""

    items: list[BatchLine]


class Rows(Listed):
    """A page of rows."""

    items: list[Row]


class Issues(Listed):
    """A page of issues."""

    items: list[Issue]


class Payments(Listed):
    """A page of payments."""

    items: list[Payment]


class Include(Order):
    """An excluded row that is to be paid all the same, and why."""

    row_id: UUID
    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)


class Approve(Order):
    """An approval of exactly what was shown (`digest`), with the warnings that were read."""

    digest: str = Field(max_length=100, pattern=PLAIN)
    acknowledge: list[Annotated[str, Field(pattern=PLAIN)]] = Field(default=[], max_length=200)
    include: list[Include] = Field(default=[], max_length=10_000)


class Reason(Order):
    """Why."""

    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)


class OptionalReason(Order):
    """Why, if there is something to say."""

    reason: str = Field(default="", max_length=500, pattern=PLAIN)


class Corrections(Order):
    """Corrections of payors' addresses, for this batch."""

    corrections: list[Correction] = Field(min_length=1, max_length=1_000)


class ChildBatch(Order):
    """Which rows of an ended batch are to be paid in a new one: their ids, or a filter such as `{"status": "failed"}`."""

    rows: list[UUID] | None = Field(default=None, max_length=1_000_000)
    filter: dict[str, str] | None = None
    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)


#: Refers to `Problem` by name; /health carries the model itself, so that the name is among the schemas.
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS = {
    400: "The request is not one.",
    401: "Not signed in.",
    403: "Signed in, and not allowed.",
    404: "There is no such thing.",
    409: "Something has changed, or this was done before.",
    413: "Too large.",
    415: "Not a kind of file that is taken.",
    422: "The request is not understood.",
    429: "Asked too often; Retry-After says how long to wait.",
    500: "A bug.",
    502: "A part of the system failed.",
    503: "A part of the system is away.",
    504: "A part of the system does not answer.",
    507: "There is no room for the file.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": _PROBLEM} for status, words in _WORDS.items()
}
