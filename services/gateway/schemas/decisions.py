"""Decisions about rows of a batch before its approval, and standing holds."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.schemas.batches import ShownStatus
from services.gateway.schemas.models import (
    STORABLE_TEXT,
    PageModel,
    RequestModel,
    ResponseModel,
)

DecisionAct = Literal["exclude", "include", "accept", "mend", "redirect"]
HoldKind = Literal["person", "loan", "branch", "source"]


class RowFilter(RequestModel):
    """Filters of rows, as the list of rows has them. `q` is searched for."""

    status: str = Field(default="", max_length=40, pattern=STORABLE_TEXT)
    source: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    branch: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    institution: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    reason_code: str = Field(default="", max_length=60, pattern=STORABLE_TEXT)
    q: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)


class WantedDecision(RequestModel):
    """Exclude rows from a batch, or include rows that are excluded because they are paid elsewhere.

    `accept`: a birth date, name or phone that differs from what the person was paid under last is
    the person's own; a row that was refused for its birth date becomes payable, and later rosters
    are compared with it once the batch is approved.

    `mend`: an institution for which the provider lists no merchant, or several, is paid through
    `merchant_id`; or a source account gets its `ein`. The provider is asked about it.

    `redirect`: the loan of `row_id` went to another servicer. The loan `loan_number` of
    `institution_id` is paid instead, by a row that takes its place; all rows of the person with the
    old loan are redirected. Once the batch is approved, the old loan is held for good.

    Exactly one of `row_id`, `row_ids`, `employee_id` and `filter` says which rows; to mend names
    `institution_id` or `source_account_id` instead. To include needs the role approver.
    """

    act: DecisionAct
    row_id: UUID | None = None
    row_ids: list[UUID] = Field(default=[], max_length=10_000)
    employee_id: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    filter: RowFilter | None = None
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)
    evidence: str = Field(
        default="",
        max_length=500,
        pattern=STORABLE_TEXT,
        description="where the reason can be checked, for example a ticket",
    )
    institution_id: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    merchant_id: str = Field(default="", max_length=100, pattern=r"^(mch_[0-9A-Za-z]{1,64})?$")
    source_account_id: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    ein: str = Field(default="", max_length=9, pattern=r"^([0-9]{9})?$")
    loan_number: str = Field(default="", max_length=100, pattern=STORABLE_TEXT)


class Decide(RequestModel):
    """Decisions made together, all or none. With `dry_run` nothing changes.

    With `digest`, that of the batch as it was seen, they are refused if the batch has changed.
    """

    decisions: list[WantedDecision] = Field(min_length=1, max_length=200)
    digest: str = Field(default="", max_length=100, pattern=STORABLE_TEXT)
    dry_run: bool = False


class DecisionEffect(ResponseModel):
    """A decision, its rows, and what it changes of what the batch pays (negative: less)."""

    decision_id: UUID
    act: DecisionAct
    target: str
    change: str = Field(default="", description="what is changed of the rows, in words")
    rows: int
    amount_cents: int
    payable_rows_change: int
    payable_cents_change: int


class PayableSum(ResponseModel):
    """Rows that are paid, and their sum."""

    rows: int
    amount_cents: int


class Decided(ResponseModel):
    """What was decided, or with `dry_run` would be; the batch is then checked again."""

    batch_id: UUID
    status: ShownStatus
    dry_run: bool
    decisions: list[DecisionEffect]
    payable_before: PayableSum
    payable_after: PayableSum


class NamedPerson(ResponseModel):
    """A person of a row; `person_id` is for addresses."""

    person_id: str
    name: str


class Decision(ResponseModel):
    """A decision about rows of a batch. `withdrawn_by`: who took it back.

    `at_approval`: the approver included the rows in the act of approving.
    """

    decision_id: UUID
    act: DecisionAct
    target: str
    change: str = Field(default="", description="what is changed of the rows, in words")
    reason: str
    evidence: str
    rows: int
    amount_cents: int
    at_approval: bool
    decided_by: str
    decided_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    people: list[NamedPerson] = Field(
        default=[],
        description="of the first rows, at most 3; for preparers, approvers and auditors alone",
    )


class Decisions(PageModel):
    """All decisions about a batch, in the order in which they were made."""

    items: list[Decision]


class SetHold(RequestModel):
    """A hold on what a row has (`row_id`), or on a person, branch, source or loan by its id.

    A loan is named by `id`, its number, and `institution_id`. Without `first_day` it is on
    everything that is not approved yet, also of past periods; without `last_day` it is for good.
    With `dry_run` nothing changes.
    """

    kind: HoldKind
    row_id: UUID | None = None
    id: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    institution_id: str = Field(default="", max_length=200, pattern=STORABLE_TEXT)
    first_day: date | None = None
    last_day: date | None = None
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)
    evidence: str = Field(default="", max_length=500, pattern=STORABLE_TEXT)
    dry_run: bool = False


class Hold(ResponseModel):
    """A hold. Rows that fall under it arrive excluded in every batch of its days."""

    hold_id: UUID
    kind: HoldKind
    shown: str = Field(description="what is held; of a loan the last four digits")
    held_id: str = Field(default="", description="of a branch or a source account its id")
    person: NamedPerson | None = Field(
        default=None,
        description="in the list of holds, for preparers, approvers and auditors: who is held",
    )
    first_day: date
    last_day: date | None
    reason: str
    evidence: str
    set_by: str
    set_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    lift_reason: str


class Holds(PageModel):
    """Holds, the newest first."""

    items: list[Hold]


class HeldBatch(ResponseModel):
    """A batch with rows of a hold: those that it pays, and those that it excludes for a hold."""

    batch_id: UUID
    filename: str
    status: ShownStatus
    rows: int
    amount_cents: int
    held_rows: int


class HoldChange(Hold):
    """A hold that was set or lifted, with the batches that it touches.

    Open batches are checked again. Approved ones are not stopped by a hold.
    """

    dry_run: bool
    open_batches: list[HeldBatch]
    approved_batches: list[HeldBatch]
