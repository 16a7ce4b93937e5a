"""A batch as ingest publishes it: its status, its totals, its sources and branches."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event, Value
from libs.common.contracts.statuses import BatchStatus
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
    """One source account of a batch and what its rows come to; an empty id gathers rows refused for
    their source.
    """

    source_account_id: str
    payor_name: str = ""
    dba: str = ""
    ein: str = ""
    aba_routing: str = ""
    account_last4: str = ""
    account: str = Field(default="", description="encrypted")
    account_index: str = ""
    address: Address = Address()
    rows: Counts = Counts()
    amount_cents: Counts = Counts()


class Branch(Value):
    """One branch of a batch, as written in its rows, and what they come to; an empty id gathers
    rows refused for it.
    """

    branch_id: str
    rows: Counts = Counts()
    amount_cents: Counts = Counts()


class ApprovalAssertion(Value):
    """The gateway's signature of the call that approved a batch, and what it covers.

    All are as they were on the wire. The body of the call is covered by its SHA-256, in the
    signature; what it said about the digest also stands in the target.
    """

    target: str = Field(description="path and query, with the digest that the approver saw")
    person: str
    roles: str
    counts_as: str = ""
    signature: str


class Decision(Value):
    """A decision of a person about rows of a batch, made before its approval."""

    decision_id: UUID
    act: Literal["exclude", "include"]
    target: str = Field(description="whom or what the person named")
    reason: str
    evidence: str = ""
    seen_digest: str = Field(description="of the batch as the person saw it")
    file_rows: str = Field(
        default="", description="the numbers of its rows, as 1-3,7; empty once it is taken back"
    )
    rows: int
    amount_cents: int
    at_approval: bool = Field(
        default=False, description="the approver included the rows in the act of approving"
    )
    decided_by: str
    decided_at: AwareDatetime
    withdrawn_by: str | None = Field(default=None, description="who took it back")
    withdrawn_at: AwareDatetime | None = None


class ApprovalRequest(Value):
    """A request of a person to approve a batch, and how it ended."""

    request_id: UUID
    digest: str = Field(description="of the batch as it was when the person asked")
    note: str = ""
    asked_by: str
    asked_at: AwareDatetime
    outcome: Literal["", "sent_back", "withdrawn"] = Field(
        default="", description="empty: it is open, or the batch's status answers it"
    )
    ended_by: str | None = None
    ended_at: AwareDatetime | None = None
    end_reason: str = Field(default="", description="of an approver who sent the batch back")


class FirstApproval(Value):
    """The first of two approvals, for which rules by amount asked. Nothing is paid by it."""

    number: int = Field(ge=0, description="how many first approvals of the batch were before it")
    digest: str
    approved_by: str
    approved_at: AwareDatetime
    rules_version: int = Field(ge=1)
    counts_as: tuple[str, ...] = ()
    one_person: bool = Field(
        default=False, description="it counts although the person had a hand in the batch"
    )
    assertion: ApprovalAssertion | None = Field(
        default=None, description="the gateway's signature of the call"
    )


class AmendedRows(Value):
    """Rows of an amendment."""

    file_rows: str = Field(description="their numbers, as 1-3,7")
    about: str = Field(default="", description="what of them is settled: merchant, ein; from, to")
    known: str = Field(
        default="",
        description="person_index of the person they were compared with: it is accepted as a "
        "change of that one only; or the row_id of the row that takes the place of another one",
    )


class AmendmentDetails(Value):
    """What an amendment changes, by name; empty where it does not."""

    institution_id: str = ""
    merchant_id: str = Field(default="", description="the institution's merchant at the provider")
    source_account_id: str = ""
    from_ein: str = Field(default="", description="of the source's payor, as in the file")
    to_ein: str = ""
    loan_last4: str = Field(default="", description="of the loan that is paid from now on")


class Amendment(Value):
    """What a person settled about rows of a batch before its approval."""

    decision_id: UUID
    act: Literal["accept", "mend", "redirect"]
    target: str = Field(description="whom or what the person named")
    change: str = Field(description="what is changed, for people")
    details: AmendmentDetails = AmendmentDetails()
    reason: str
    evidence: str = ""
    seen_digest: str = Field(description="of the batch as the person saw it")
    amended: tuple[AmendedRows, ...] = Field(
        default=(), description="its rows; none once it is taken back"
    )
    rows: int
    amount_cents: int
    decided_by: str
    decided_at: AwareDatetime
    withdrawn_by: str | None = Field(default=None, description="who took it back")
    withdrawn_at: AwareDatetime | None = None


class BatchChanged(Event):
    """A batch as it is after version `version`: the whole state, so the newest version is all a
    reader needs.
    """

    topic: ClassVar[Topic] = topics.BATCHES
    type: Literal["batch-changed.v1"] = "batch-changed.v1"
    batch_id: UUID
    version: int = Field(ge=1)
    status: BatchStatus
    revision: int = Field(
        ge=0, description="grows with each check; rows and digest belong to one revision"
    )
    digest: str | None = None
    contents_digest: str = Field(
        default="",
        description="of what the digest covers besides the payments; the two together are the "
        "digest. Empty: the batch has no digest, or one of a version that did not cover payments "
        "as the dispatcher pays them",
    )
    family_id: UUID
    parent_batch_id: UUID | None = None
    period: str = Field(description="first day of the pay period, YYYY-MM-DD")
    period_end: str = Field(
        default="", description="last day of the pay period, YYYY-MM-DD; empty: it has 14 days"
    )
    other_period: str = Field(
        default="",
        description="first day of the pay period that may have been meant instead; empty: none",
    )
    filename: str = ""
    uploaded_by: str
    uploaded_at: AwareDatetime
    approved_by: str | None = None
    approved_at: AwareDatetime | None = None
    seen_digest: str | None = Field(
        default=None,
        description="what the approver saw, if including rows changed the digest",
    )
    start_at: AwareDatetime | None = Field(
        default=None,
        description="part of the approval: nothing of the batch is sent before. None: at once",
    )
    approval: ApprovalAssertion | None = Field(
        default=None,
        description="the gateway's signature of the approval; the dispatcher pays nothing without "
        "it. None: not approved, or approved before approvals were signed",
    )
    rows: Counts = Counts()
    amount_cents: Counts = Counts()
    sources: tuple[Source, ...] = ()
    branches: tuple[Branch, ...] = ()
    institutions: tuple[str, ...] = ()
    row_messages: int = Field(
        default=0,
        description="row-read messages published for this batch so far; "
        "who reads rows waits for them",
    )
    payments: int = Field(default=0, description="payment-approved messages of this batch")
    payments_cents: int = 0
    one_person: bool = Field(
        default=False,
        description="the rule that approver and uploader differ was off; printed on every report",
    )
    reason: str = ""
    content_sha256: str | None = Field(
        default=None,
        description="of the file's inflated bytes; none for a child batch of copied rows",
    )
    decisions: tuple[Decision, ...] = Field(
        default=(), description="in the order in which they were made"
    )
    rules_version: int = Field(
        default=0, description="of the rules by amount that held at the approval; 0: none"
    )
    first_approval: FirstApproval | None = Field(
        default=None, description="of this digest, if two people must approve it"
    )
    first_start_at: AwareDatetime | None = Field(
        default=None, description="the start that the first approval is of. None: at once"
    )
    approval_requests: tuple[ApprovalRequest, ...] = Field(
        default=(), description="in the order in which they were made"
    )
    amendments: tuple[Amendment, ...] = Field(
        default=(), description="in the order in which they were made"
    )
    barred: tuple[str, ...] = Field(
        default=(),
        description="who uploaded, corrected, decided about, derived or asked for the approval of "
        "the batch or one of its ancestors: "
        "none of them may confirm a decision about its money",
    )
