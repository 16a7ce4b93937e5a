"""Every message there is, in the order money flows. The classes are the contract; `contracts/` is generated from them.

Money is integer US cents. Sealed fields are `key-id.base64` (see seal.py): AAD is (field, row_id) for a row's fields and
(`account`, `<batch_id>/<source_account_id>`) for a source's account number.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import MAX_CENTS, Event, Value
from libs.common.contracts.statuses import BatchStatus, PaymentStatus, RowStatus
from libs.common.contracts.topics import Topic


class Counts(Value):
    """One number per outcome of a row; `total` is the sum of the other four."""

    total: int = 0
    payable: int = 0
    unpayable: int = 0
    refused: int = 0
    excluded: int = 0


class Address(Value):
    """A payor's address, after the batch's corrections."""

    line1: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""


class Source(Value):
    """One source account of a batch and what its rows come to; an empty id gathers rows refused for their source."""

    source_account_id: str
    payor_name: str = ""
    dba: str = ""
    ein: str = ""
    aba_routing: str = ""
    account_last4: str = ""
    account: str = Field(default="", description="sealed")
    account_index: str = ""
    address: Address = Address()
    rows: Counts = Counts()
    amount_cents: Counts = Counts()


class Branch(Value):
    """One branch of a batch, as written in its rows, and what they come to; an empty id gathers rows refused for it."""

    branch_id: str
    rows: Counts = Counts()
    amount_cents: Counts = Counts()


class BatchChanged(Event):
    """A batch as it is after version `version`: the whole state, so the newest version is all a reader needs."""

    topic: ClassVar[Topic] = topics.BATCHES
    type: Literal["batch-changed.v1"] = "batch-changed.v1"
    batch_id: UUID
    version: int = Field(ge=1)
    status: BatchStatus
    revision: int = Field(
        ge=0, description="grows with each check; rows and digest belong to one revision"
    )
    digest: str | None = None
    family_id: UUID
    parent_batch_id: UUID | None = None
    period: str = Field(description="first day of the pay period, YYYY-MM-DD")
    filename: str = ""
    uploaded_by: str
    uploaded_at: AwareDatetime
    approved_by: str | None = None
    approved_at: AwareDatetime | None = None
    rows: Counts = Counts()
    amount_cents: Counts = Counts()
    sources: tuple[Source, ...] = ()
    branches: tuple[Branch, ...] = ()
    institutions: tuple[str, ...] = ()
    row_messages: int = Field(
        default=0,
        description="row-read messages published for this batch so far; who reads rows waits for them",
    )
    payments: int = Field(default=0, description="payment-approved messages of this batch")
    payments_cents: int = 0
    one_person: bool = Field(
        default=False,
        description="the rule that approver and uploader differ was off; printed on every report",
    )
    reason: str = ""
    content_sha256: str | None = Field(
        default=None, description="of the file's inflated bytes; none for a child"
    )
    barred: tuple[str, ...] = Field(
        default=(),
        description="who had a hand in it or its ancestors: none of them confirms what becomes of its money",
    )


class RowRead(Event):
    """A row of a batch with its outcome at a revision; a later revision of the same row replaces it."""

    topic: ClassVar[Topic] = topics.PARSED_ROWS
    type: Literal["row-read.v1"] = "row-read.v1"
    row_id: UUID
    root_row_id: UUID
    batch_id: UUID
    revision: int
    file_row: int = Field(ge=1)
    status: RowStatus
    reason_code: str = ""
    reason: str = ""
    payment_id: UUID | None = None
    employee_id: str = ""
    branch_id: str = ""
    source_account_id: str = ""
    source_last4: str = ""
    institution_id: str = ""
    merchant_id: str = ""
    loan_last4: str = ""
    loan_index: str = Field(default="", description="of (institution, loan number)")
    person_index: str = Field(
        default="", description="of (first name, last name, birth date, phone)"
    )
    amount_text: str = Field(default="", description="as written in the file")
    amount_cents: int = Field(ge=0, le=MAX_CENTS)
    first_name: str = Field(default="", description="sealed")
    last_name: str = Field(default="", description="sealed")
    dob: str = Field(default="", description="sealed, YYYY-MM-DD")
    phone: str = Field(default="", description="sealed, +1 and ten digits")
    loan: str = Field(default="", description="sealed")


class PaidRow(Value):
    """A row's part of a payment."""

    row_id: UUID
    root_row_id: UUID
    file_row: int
    branch_id: str
    amount_cents: int = Field(gt=0, le=MAX_CENTS)


class PaymentApproved(Event):
    """A payment a person approved: one source account, one loan, one employee; its amount is the sum of its rows."""

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


class Institution(Value):
    """What the provider said of one institution; no merchant means its rows cannot be paid."""

    institution_id: str
    merchant_id: str = ""
    reason: str = ""


class SourceProblem(Value):
    """Why the provider will not debit a source account (its corporation or its account was refused)."""

    source_account_id: str
    code: str
    message: str


class PreflightDone(Event):
    """What the provider knows of a batch before approval; `checked` is false when it could not be asked."""

    topic: ClassVar[Topic] = topics.PREPARATION
    type: Literal["preflight-done.v1"] = "preflight-done.v1"
    batch_id: UUID
    revision: int
    checked: bool
    message: str = ""
    institutions: tuple[Institution, ...] = ()
    source_problems: tuple[SourceProblem, ...] = ()
    inactive_people: tuple[str, ...] = Field(
        default=(), description="employee ids whose holder the provider has disabled"
    )
    inactive_loans: tuple[str, ...] = Field(
        default=(), description="loan indexes whose account the provider has disabled or closed"
    )


class StoppedSource(Value):
    """A source account that waits for a person, and why."""

    source_account_id: str
    reason_code: str
    reason: str


class DispatchChanged(Event):
    """What came of a command, or of the run itself: the dispatcher's state of a batch."""

    topic: ClassVar[Topic] = topics.PREPARATION
    type: Literal["dispatch-changed.v1"] = "dispatch-changed.v1"
    batch_id: UUID
    version: int = Field(ge=1)
    state: Literal["paying", "paused", "cancelled"]
    by: str = ""
    reason: str = ""
    stopped_sources: tuple[StoppedSource, ...] = ()


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


class ProviderEventReceived(Event):
    """A verified webhook: a hint that something of the provider's has changed, never evidence of what."""

    topic: ClassVar[Topic] = topics.PROVIDER_EVENTS
    type: Literal["provider-event-received.v1"] = "provider-event-received.v1"
    provider_id: str = Field(description="the payment's, account's or entity's id at the provider")
    provider_event: str
    webhook_type: str
    received_at: AwareDatetime


class StatementLine(Event):
    """One payment as the provider lists it, with its accounts as read from the provider."""

    topic: ClassVar[Topic] = topics.PROVIDER_STATEMENTS
    type: Literal["statement-line.v1"] = "statement-line.v1"
    run_id: UUID
    batch_id: UUID
    line: int = Field(ge=1)
    provider_payment_id: str
    payment_id: str = Field(
        default="", description="as our metadata at the provider says; empty for a stranger"
    )
    attempt: int = 0
    provider_status: str
    amount_cents: int
    source_routing: str = ""
    source_last4: str = ""
    employee_id: str = Field(
        default="",
        description="of the destination's holder, from the holder's metadata at the provider",
    )
    person_index: str = Field(default="", description="likewise")
    merchant_id: str = ""
    loan_last4: str = ""


class StatementClosed(Event):
    """The end of a statement: only a statement whose lines all arrived, and which is complete, is judged."""

    topic: ClassVar[Topic] = topics.PROVIDER_STATEMENTS
    type: Literal["statement-closed.v1"] = "statement-closed.v1"
    run_id: UUID
    batch_id: UUID
    complete: bool
    pages: int
    lines: int
    amount_cents: int
    from_at: AwareDatetime
    begun_at: AwareDatetime
    requested_by: str = ""
    final_versions: int = Field(
        description="sum of the batch's payment versions when the walk began; older statuses are covered"
    )
    dead_letters: int = Field(
        default=0,
        description="messages of the batch that the dispatcher has rejected and nobody has redriven",
    )
    message: str = ""


class JournalPosted(Event):
    """A journal was written to the ledger: a hold, or what ended it."""

    topic: ClassVar[Topic] = topics.LEDGER_POSTINGS
    type: Literal["journal-posted.v1"] = "journal-posted.v1"
    batch_id: UUID
    journal_id: UUID
    payment_id: UUID
    kind: Literal["hold", "settle", "release", "reverse"]
    amount_cents: int = Field(gt=0, le=MAX_CENTS)
    status: PaymentStatus = Field(description="the payment's status that caused it")
    reason_code: str = ""
    reason: str = ""


class Outcome(Value):
    """Count and money of one outcome in a certificate."""

    rows: int = 0
    amount_cents: int = 0


class CertificateIssued(Event):
    """The arithmetic that ends a batch: every row of the file in exactly one outcome, and the sum is the file's."""

    topic: ClassVar[Topic] = topics.LEDGER_POSTINGS
    type: Literal["certificate-issued.v1"] = "certificate-issued.v1"
    batch_id: UUID
    version: int = Field(ge=1)
    run_id: UUID
    outcome: Literal["completed", "completed_with_failures", "cancelled"]
    digest: str
    total: Outcome
    paid: Outcome
    failed: Outcome
    cancelled: Outcome
    reversed: Outcome
    unpayable: Outcome
    refused: Outcome
    excluded: Outcome


class Break(Value):
    """A typed difference found by a reconciliation."""

    break_id: UUID
    kind: Literal[
        "missing_here",
        "missing_there",
        "amount",
        "wrong_account",
        "status",
        "duplicate",
        "orphan",
        "late_return",
        "rows",
        "journal",
        "balance",
        "waiting",
        "dead_letter",
        "incomplete",
    ]
    payment_id: str = ""
    provider_payment_id: str = ""
    expected: str = ""
    found: str = ""


class ReconciliationJudged(Event):
    """A reconciliation of one batch came to its end; `breaks` has the first hundred, `break_count` says how many."""

    topic: ClassVar[Topic] = topics.LEDGER_POSTINGS
    type: Literal["reconciliation-judged.v1"] = "reconciliation-judged.v1"
    batch_id: UUID
    run_id: UUID
    clean: bool
    break_count: int
    breaks: tuple[Break, ...] = ()
