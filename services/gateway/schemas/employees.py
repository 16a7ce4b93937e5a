"""Employees and loans over all batches, and what a search finds."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.contracts.statuses import BatchStatus, PaymentStatus, RowStatus
from services.gateway.schemas.decisions import DecisionAct, Hold
from services.gateway.schemas.models import ResponseModel

PeriodOutcome = Literal["paid", "open", "not_paid", "partly", "not_listed"]


class Employee(ResponseModel):
    """A person of the rosters, as in the newest row. `person_id` is for addresses."""

    person_id: str
    employee_id: str
    first_name: str
    last_name: str
    branch_id: str
    last_seen: datetime


class Employees(ResponseModel):
    """The people that were found, at most 50. `more`: there are others; search for more words."""

    items: list[Employee]
    more: bool


class EmployeeLoan(ResponseModel):
    """A loan that a person has in a row."""

    loan_id: str
    institution_id: str
    loan_last4: str


class NotPaid(ResponseModel):
    """Why a row is not paid: a code with its values. The API says the same in English beside it.

    `status` is that of the batch, the row or the payment, as the code says.
    """

    code: Literal["batch_ended", "batch_waits", "row", "payment", "return_under_way"]
    status: str
    filename: str
    reason_code: str
    reason: str


class EmployeeRow(ResponseModel):
    """A row of a file, with what became of it.

    `payment_status` is null while nothing of it is approved. `outcome`: `open` may still be paid.
    `why` says why it is not paid.
    """

    row_id: UUID
    batch_id: UUID
    filename: str
    batch_status: BatchStatus
    period: date
    period_end: date
    uploaded_at: datetime
    file_row: int
    employee_id: str
    person_id: str
    branch_id: str
    source_account_id: str
    institution_id: str
    loan_id: str
    loan_last4: str
    amount: str
    amount_cents: int
    status: RowStatus
    reason_code: str
    reason: str
    payment_id: UUID | None
    payment_status: PaymentStatus | None
    outcome: Literal["paid", "open", "unpaid"]
    why: str
    not_paid: NotPaid | None = Field(default=None, description="`why` as a code with values")


class PeriodPart(ResponseModel):
    """What of a pay period is paid, open or not paid, and why; `more` reasons are not named."""

    outcome: Literal["paid", "open", "unpaid"]
    amount_cents: int
    whys: list[NotPaid]
    more: int


class EmployeePeriod(ResponseModel):
    """A pay period: what is paid in it, and a sentence that says why not all is.

    `not_listed`: a batch is approved for the period, and no roster names the employee or loan.
    """

    first: date
    last: date
    outcome: PeriodOutcome
    paid_cents: int
    open_cents: int
    unpaid_cents: int
    sentence: str
    parts: list[PeriodPart] = Field(
        default=[], description="`sentence` as codes with values; empty if no roster names it"
    )


class YearOfEmployee(ResponseModel):
    """What is paid in this calendar year, and the limit that is free of tax (26 U.S.C. 127).

    `counted_cents`: approved and neither failed, cancelled nor reversed. A payment counts in the
    year in which the last day of its pay period lies.
    """

    year: int
    limit_cents: int
    counted_cents: int
    counted_percent: int = Field(description="of the limit, rounded down")
    paid_cents: int


class EmployeeIdentity(ResponseModel):
    """What an employee was approved under: one name, birth date and phone together.

    `accepted`: later rosters are compared with it. `differs`: what differs from the accepted one.
    """

    first_name: str
    last_name: str
    accepted: bool
    differs: list[Literal["birth date", "name", "phone"]]
    first_batch_id: UUID
    last_batch_id: UUID


class EmployeeDecision(ResponseModel):
    """A decision about rows of an employee or a loan, in one batch before its approval.

    `target` says in words what was decided about, which may be more rows than `file_rows`, those of
    this employee or loan. `withdrawn_by`: who took it back.
    """

    decision_id: UUID
    batch_id: UUID
    filename: str
    period: date
    act: DecisionAct
    target: str
    file_rows: list[int]
    reason: str
    evidence: str
    decided_by: str
    decided_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None


class EmployeeStory(Employee):
    """An employee with all rows, newest first. `more`: there are older rows than these 1,000."""

    first_seen: datetime
    spellings: list[str]
    names: list[str]
    identities: list[EmployeeIdentity] = Field(default=[])
    branches: list[str]
    loans: list[EmployeeLoan]
    year: YearOfEmployee
    periods: list[EmployeePeriod]
    rows: list[EmployeeRow]
    more: bool
    decisions: list[EmployeeDecision] = Field(default=[], description="newest first, at most 100")
    holds: list[Hold] = Field(
        default=[],
        description="on the employee, or on a loan, branch or source of its rows; standing first",
    )


class LoanStory(EmployeeLoan):
    """A loan with all rows, newest first, and everybody who has it in a row."""

    first_seen: datetime
    last_seen: datetime
    people: list[Employee]
    periods: list[EmployeePeriod]
    rows: list[EmployeeRow]
    more: bool
    decisions: list[EmployeeDecision] = Field(default=[], description="newest first, at most 100")
    holds: list[Hold] = Field(default=[], description="on the loan; standing first")


class FoundPayment(ResponseModel):
    """A payment that a search found; `name` of its employee, for those who may see people."""

    payment_id: UUID
    batch_id: UUID
    status: PaymentStatus
    amount: str
    amount_cents: int
    employee_id: str
    loan_last4: str
    provider_payment_id: str
    name: str = ""


class FoundBatch(ResponseModel):
    """A batch that a search found."""

    batch_id: UUID
    filename: str
    status: BatchStatus
    period: date
    uploaded_at: datetime


class FoundBranch(ResponseModel):
    """A branch that a search found, with its newest batch."""

    branch_id: str
    batch_id: UUID
    filename: str


class FoundSource(ResponseModel):
    """A source account that a search found, with its newest batch."""

    source_account_id: str
    batch_id: UUID
    filename: str


class Found(ResponseModel):
    """What a search found, at most 8 of each kind.

    Employees are found for preparers, approvers and auditors alone.
    """

    employees: list[Employee]
    payments: list[FoundPayment]
    batches: list[FoundBatch]
    branches: list[FoundBranch]
    sources: list[FoundSource]
