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
        default=None, description="of the file's inflated bytes; none for a child"
    )
    barred: tuple[str, ...] = Field(
        default=(),
        description="who uploaded, corrected or derived the batch or one of its ancestors: "
        "none of them may confirm a decision about its money",
    )
