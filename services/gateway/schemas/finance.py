"""For finance: reports over dates and batches, accounting exports, money needed."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.gateway.schemas.models import (
    STORABLE_TEXT,
    PageModel,
    RequestModel,
    ResponseModel,
)

Dimension = Literal["batch", "source", "branch", "servicer", "month", "status", "person"]
ReportFile = Literal["report.xlsx", "report.csv", "report-bom.csv", "report.pdf"]


class FinanceReportOrder(RequestModel):
    """Over which batches a report is, and by what its lines are grouped.

    The batches whose pay period begins within these days (the last one included) and that were
    approved; or the batches that are named. `by` gives the columns in their order; `month` is that
    of the first day of the pay period, `person` the employee id as the roster has it.
    """

    from_day: date | None = None
    to_day: date | None = None
    batch_ids: list[UUID] = Field(default=[], max_length=200)
    by: list[Dimension] = Field(min_length=1, max_length=7)


class FinanceReportQuestion(ResponseModel):
    """What was asked. An empty day is no limit; no batch ids: every approved batch."""

    from_day: str
    to_day: str
    batch_ids: list[UUID]
    by: list[Dimension]


class FinanceReportBatch(ResponseModel):
    """Which version of a batch is in the report.

    `certificate_version`: the certificate of the ledger that its figures equal; 0 while the batch
    is not final.
    """

    batch_id: UUID
    period: str
    status: str
    version: int
    digest: str
    certificate_version: int


class FinanceReport(ResponseModel):
    """The manifest of a report: who made it, when, from which versions, and its files' SHA-256.

    `as_of` is the moment until which everything published was applied; empty: not known. `behind`
    says in words what was not. The files never change. `kind` is `yearly` for the list of a year.
    """

    report_id: UUID
    kind: Literal["sums", "yearly"] = "sums"
    made_by: str
    made_at: datetime
    as_of: str
    behind: str
    question: FinanceReportQuestion
    batches: list[FinanceReportBatch]
    all_final: bool
    currency: str
    lines: int
    rows: int
    amount: str
    paid_amount: str
    sha256: dict[str, str]


class YearOrder(RequestModel):
    """The list of a calendar year: what is approved or paid for each person."""

    year: int = Field(ge=2000, le=2100)


class FinanceReportLine(ResponseModel):
    """A line of a report: what it is about, as its file has it, and its money."""

    about: list[str]
    rows: int
    amount_cents: int
    paid_cents: int
    failed_cents: int
    returned_cents: int


class FinanceReportLines(ResponseModel):
    """The largest lines of a report, for a plot; `others` are all the others together, if any."""

    report_id: UUID
    columns: list[str]
    lines: list[FinanceReportLine]
    others: FinanceReportLine | None
    others_count: int


class FinanceReports(PageModel):
    """A page of reports that were made, newest first."""

    items: list[FinanceReport]


GlType = Literal["Assets", "Liabilities", "Equity", "Income", "Expenses"]
ExportFile = Literal[
    "journals.csv", "quickbooks.iif", "netsuite.csv", "sap.txt", "journals.beancount"
]
GL_TEXT = r"^[A-Za-z0-9][A-Za-z0-9 ._:/&()-]{0,79}$"


class MappingLine(RequestModel):
    """Where an account of paydown's ledger goes in the company's general ledger.

    `account` is `source:<id>`, `branch:<id>`, `outside:provider`, or all others of a kind:
    `source:*`, `branch:*`. A branch without a cost centre has its own id.
    """

    account: str = Field(
        max_length=200,
        pattern=r"^((source|branch):[^\x00]+|outside:provider)$",
        examples=["source:*"],
    )
    gl_account: str = Field(pattern=GL_TEXT)
    gl_type: GlType
    cost_centre: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9 ._:/&()-]{0,79})?$")


class MappingChange(RequestModel):
    """A new version of the mapping, after the version `base` that the person saw (0: none)."""

    base: int = Field(ge=0, le=2**31 - 2)
    lines: list[MappingLine] = Field(max_length=2_000)
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)


class MappingVersion(ResponseModel):
    """A version of the mapping; an export keeps the accounts of the version it was made with."""

    version: int
    lines: list[MappingLine]
    made_by: str
    made_at: datetime
    reason: str


class Mapping(ResponseModel):
    """The mapping that counts (version 0: there is none yet), and every version, newest first."""

    version: int
    lines: list[MappingLine]
    versions: list[MappingVersion]


class MappingChanged(ResponseModel):
    """The number of the new version."""

    version: int


class ExportOrder(RequestModel):
    """An accounting export: of one batch, or of every batch through a day that is over in UTC.

    It has every journal of that which moved money and is in no export yet. `last_number` is the
    number of the last export in the company's books; it is asked for after a restore.
    """

    batch_id: UUID | None = None
    through: date | None = None
    last_number: int | None = Field(default=None, ge=0, le=2**31 - 1)


class AccountingExport(ResponseModel):
    """A set of journals, each in this export alone. Its files never change."""

    export_id: UUID
    number: int
    batch_id: UUID | None
    through: date | None
    mapping_version: int
    journals: int
    amount_cents: int
    amount: str
    first_day: date
    last_day: date
    made_by: str
    made_at: datetime


class ExportLine(ResponseModel):
    """One line of a general ledger entry; either the debit or the credit is zero."""

    entry: int
    posting_date: date
    document_date: date
    batch_id: UUID
    kind: Literal["settle", "reverse", "correction"]
    gl_account: str
    gl_type: GlType
    cost_centre: str
    debit_cents: int
    credit_cents: int


class AccountingExportLines(AccountingExport):
    """An export with its lines."""

    lines: list[ExportLine]


class ExportMonth(ResponseModel):
    """A month in UTC: how much of it is exported, and which export closed it (None: none has)."""

    month: str
    exported_journals: int
    exported_cents: int
    open_journals: int
    open_cents: int
    closed_by: int | None


class AccountingExports(PageModel):
    """A page of exports, newest first, and every month that has journals."""

    items: list[AccountingExport]
    months: list[ExportMonth]


class AvailableOrder(RequestModel):
    """What the bank shows for a source account, and of when (default: this moment)."""

    source_account_id: str = Field(min_length=1, max_length=200, pattern=STORABLE_TEXT)
    available_cents: int = Field(ge=0, le=10**13)
    as_of: AwareDatetime | None = None


class AvailableSaid(ResponseModel):
    """A balance as a person said it."""

    source_account_id: str
    available_cents: int
    as_of: datetime
    said_by: str


class SourceMoney(ResponseModel):
    """One source account: what this batch needs, what is reserved, and what is there after all.

    `left_cents` is what our payments took out of it after the balance was read. Nothing is known of
    an account whose balance nobody has said: its amounts are null and it is not called short.
    """

    source_account_id: str
    needed_cents: int
    needed: str
    reserved_cents: int
    reserved: str
    available_cents: int | None
    left_cents: int | None
    after_cents: int | None
    is_short: bool
    as_of: datetime | None
    said_by: str
    said_at: datetime | None


class MoneyNeeded(ResponseModel):
    """What a batch has still to take out of each of its source accounts."""

    batch_id: UUID
    status: str
    currency: str
    read_at: datetime
    needed_cents: int
    is_short: bool
    sources: list[SourceMoney]


class BankStatementOrder(RequestModel):
    """A bank's statement of one source account, as the text of its file: CAMT.053, BAI2 or CSV.

    A CSV names its columns in the first line: a date, and an amount (a debit below zero) or debit
    and credit. Nothing of it is kept.
    """

    source_account_id: str = Field(min_length=1, max_length=200, pattern=STORABLE_TEXT)
    text: str = Field(min_length=1, max_length=8_000_000)


class StatementSum(ResponseModel):
    """How many, and the money that left and that came back."""

    count: int
    debit_cents: int
    credit_cents: int


class MatchedSum(StatementSum):
    """Of the lines that match: how many by reference, by the sum of a day, by the amount."""

    by: dict[str, int]


class BankLine(ResponseModel):
    """A line of the statement; a debit is below zero."""

    day: date
    amount_cents: int
    text: str


class LedgerMovement(ResponseModel):
    """What a journal took out of the source account (below zero) or brought back."""

    journal_id: UUID
    payment_id: str
    provider_payment_id: str
    kind: str
    day: date
    amount_cents: int


class BankStatementResult(ResponseModel):
    """A statement against the ledger: what matches, and what is on one side alone.

    `may_still_come`: left in the statement's last days, and may be on the next one. Each list has
    at most a thousand items; the sums are of all.
    """

    source_account_id: str
    from_day: date
    to_day: date
    currency: str
    account_last4: str
    statement: StatementSum
    matched: MatchedSum
    statement_alone: StatementSum
    ledger_alone: StatementSum
    may_still_come: StatementSum
    only_in_statement: list[BankLine]
    only_in_ledger: list[LedgerMovement]
