"""The roster of a batch: its rows, the issues in it, and its differences from the previous one."""

from typing import Literal
from uuid import UUID

from libs.common.contracts.statuses import RowStatus
from services.gateway.schemas.batches import IssueOutcome
from services.gateway.schemas.models import PageModel, ResponseModel

ChangeKind = Literal["new_person", "loan", "source", "amount", "branch", "gone_person"]


class Row(ResponseModel):
    """A row of the file, with its outcome.

    `reason_field` and `reason_value`: what in the file refuses it; empty if it is not refused.
    `person_id` and `loan_id`: of /employees and /loans; empty if the row names none.
    """

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
    reason_field: str
    reason_value: str
    payment_id: UUID | None
    person_id: str
    loan_id: str


class Rows(PageModel):
    """A page of rows."""

    items: list[Row]


class Issue(ResponseModel):
    """One thing that is wrong, or remarkable, in the file."""

    file_row: int | None
    line: int | None
    field: str
    code: str
    outcome: IssueOutcome
    value: str
    message: str


class Issues(PageModel):
    """A page of issues."""

    items: list[Issue]


class ChangeSide(ResponseModel):
    """A person or a loan in one of the two rosters.

    Fields that do not matter for this kind of change are empty.
    """

    amount: str
    amount_cents: int
    rows: int
    institution_id: str
    loan_last4: str
    sources: list[str]
    branch_ids: list[str]


class Change(ResponseModel):
    """One difference from the previously approved roster.

    `before` or `after` is null where the person or loan is in one roster only. `swing_cents` is
    the difference in money.
    """

    kind: ChangeKind
    employee_id: str
    first_name: str
    last_name: str
    before: ChangeSide | None
    after: ChangeSide | None
    swing_cents: int


class ChangeCounts(ResponseModel):
    """One number per kind of change, of the whole batch."""

    new_person: int
    loan: int
    source: int
    amount: int
    branch: int
    gone_person: int


class Changes(PageModel):
    """A page of differences from the previously approved roster, the batch `against`.

    `against` is null if no roster was approved before.
    """

    items: list[Change]
    against: UUID | None
    counts: ChangeCounts


class RosterStep(ResponseModel):
    """Rows and cents that one kind of change adds; below zero: takes away."""

    kind: Literal["before", "new_person", "gone_person", "loan", "amount", "other", "after"]
    rows: int
    amount_cents: int


class Compared(ResponseModel):
    """How the roster of the batch `against` became this one.

    `before` and all steps together are `after`. The step `other` is the rest: rows that are refused
    in one of the two, or that name nobody. All null and empty if no roster was approved before.
    """

    against: UUID | None
    before: RosterStep | None
    steps: list[RosterStep]
    after: RosterStep | None
