"""What the ledger publishes: journals, a batch's certificate, the result of a reconciliation."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import MAX_CENTS, Event, Value
from libs.common.contracts.journals import JournalKind
from libs.common.contracts.statuses import PaymentStatus
from libs.common.contracts.topics import Topic


class JournalPosted(Event):
    """A journal was written to the ledger: a hold, or what ended it."""

    topic: ClassVar[Topic] = topics.LEDGER_POSTINGS
    type: Literal["journal-posted.v1"] = "journal-posted.v1"
    batch_id: UUID
    journal_id: UUID
    payment_id: UUID
    kind: JournalKind
    amount_cents: int = Field(gt=0, le=MAX_CENTS)
    status: PaymentStatus = Field(description="the payment's status that caused it")
    reason_code: str = ""
    reason: str = ""


class Outcome(Value):
    """Count and money of one outcome in a certificate."""

    rows: int = 0
    amount_cents: int = 0


AcknowledgeAct = Literal["by-hand", "fee", "accepted", "recovered", "explained"]


class CorrectingJournal(Value):
    """Money that left a source account, or came back, outside of our payments."""

    journal_id: UUID
    provider_payment_id: str
    from_account: str
    to_account: str
    amount_cents: int = Field(gt=0, le=MAX_CENTS)


class AcknowledgedBreak(Value):
    """A break that two people explained, so that it does not bar the certificate."""

    break_id: UUID
    kind: str
    payment_id: str = ""
    provider_payment_id: str = ""
    expected: str = ""
    found: str = ""
    amount_cents: int = Field(description="money that moved outside of our payments")
    act: AcknowledgeAct
    reason: str
    proposed_by: str
    confirmed_by: str
    confirmed_at: AwareDatetime
    journals: tuple[CorrectingJournal, ...] = ()


class BreakAcknowledged(Event):
    """Two people acknowledged a break as they saw it; it bars no certificate unless it changes."""

    topic: ClassVar[Topic] = topics.LEDGER_POSTINGS
    type: Literal["break-acknowledged.v1"] = "break-acknowledged.v1"
    batch_id: UUID
    break_id: UUID
    evidence: str = Field(description="a digest of everything that was seen of the break")
    act: AcknowledgeAct
    reason: str
    amount_cents: int
    proposed_by: str
    confirmed_by: str
    counts_after: AwareDatetime = Field(
        description="it counts for statements that began after this moment"
    )
    journals: tuple[CorrectingJournal, ...] = ()


class CertificateIssued(Event):
    """The arithmetic that ends a batch: every row of the file in exactly one outcome, and the sum
    is the file's.
    """

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
    acknowledged: tuple[AcknowledgedBreak, ...] = Field(
        default=(), description="the differences that two people explained"
    )


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
    """A reconciliation of one batch came to its end; `breaks` has the first hundred, `break_count`
    says how many. Breaks that two people have acknowledged are not among them.
    """

    topic: ClassVar[Topic] = topics.LEDGER_POSTINGS
    type: Literal["reconciliation-judged.v1"] = "reconciliation-judged.v1"
    batch_id: UUID
    run_id: UUID
    clean: bool
    break_count: int
    breaks: tuple[Break, ...] = ()
