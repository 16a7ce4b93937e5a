"""The rules between the rows of one roster. Pure.

`CrossRowRules.check_row` is called for each row in order and adds the issues that follow from
earlier rows. What is known only at the end is in `summarize`: refusals of all rows of a payor or
an employee, which payor ids are one source, and the corrections that are offered.

People and loans are compared in their canonical form (`canonical_ids`), payors as written.

Memory grows with the number of people, payors and loans, not with the size of the file.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.ingest.roster.canonical_ids import canonical_loan, canonical_person
from services.ingest.roster.field_parsers import masked
from services.ingest.roster.issue_codes import Issue
from services.ingest.roster.row_rules import ParsedRow, RowValues
from services.ingest.roster.us_geography import STATE_BY_ZIP_PREFIX

EMPLOYEE: Final = "Employee/DunkinId"
PAYOR: Final = "Payor/DunkinId"


class GroupRefusal(NamedTuple):
    """All rows whose `field` (EMPLOYEE or PAYOR) is `key` are refused with `code`."""

    code: str
    field: str
    key: str


class OfferedCorrection(NamedTuple):
    """A change of a payor's address that would satisfy the provider; `field` is `state`."""

    source_account_id: str
    field: str
    from_value: str
    to_value: str


class RosterSummary(NamedTuple):
    """What the whole file shows beyond its rows.

    `sources` has the source_account_id of each payor id.
    """

    rows: int
    issues: tuple[Issue, ...]
    refusals: tuple[GroupRefusal, ...]
    sources: dict[str, str]
    corrections: tuple[OfferedCorrection, ...]


SourceAccount = tuple[str, str, str]  # EIN, ABARouting, AccountNumber, as text


@dataclass(slots=True)
class _Payor:
    ein: str | None = None
    routing: str | None = None
    account: str | None = None
    source: SourceAccount | None = None
    details: tuple[str | None, ...] | None = None
    refusal: str | None = None
    correction: tuple[str, str] | None = None
    reported: set[tuple[str, str]] = field(default_factory=set)


class _Person(NamedTuple):
    """What is known of an employee id; None where no row had a valid value."""

    born: str | None
    names: tuple[str, str] | None
    phone: str | None
    branch_id: str | None


_PERSON_CODES: Final = (
    ("Employee/DOB", "E_EMPLOYEE_TWO_DOBS"),
    ("Employee/LastName", "W_EMPLOYEE_NAME"),
    ("Employee/PhoneNumber", "W_EMPLOYEE_PHONE"),
    ("Employee/DunkinBranch", "W_EMPLOYEE_BRANCH"),
)


class CrossRowRules:
    """The rules between rows, for one file read once from its first row to its last."""

    def __init__(self) -> None:
        self._payors: dict[str, _Payor] = {}
        self._by_source: dict[SourceAccount, str] = {}
        self._people: dict[str, _Person] = {}
        self._spellings: dict[str, list[str]] = {}  # of a person; almost always one
        # Keys are hashes: 32 bytes instead of 200. A collision (1 in 10^7 for a million rows)
        # gives one warning too many.
        self._borrowers: dict[int, str] = {}
        self._loans: set[int] = set()
        self._paid: set[int] = set()
        self._reported: set[tuple[str, str | int]] = set()
        self._refused: dict[str, str] = {}  # person -> code

    def check_row(self, row: ParsedRow) -> ParsedRow:
        """The row with the issues that follow from earlier rows.

        A warning about a payor stays only on the first row that has it.
        """
        issues = self._of_payor(row)
        self._of_person(row, issues)
        self._of_loan(row, issues)
        return row if issues == list(row.issues) else row._replace(issues=tuple(issues))

    def summarize(self, rows: int, issues: tuple[Issue, ...]) -> RosterSummary:
        """What the whole file shows beyond its rows; `issues` are outside of any row."""
        ids_by_source: dict[SourceAccount, list[str]] = {}
        for payor_id, payor in self._payors.items():
            if payor.source and not payor.refusal:
                ids_by_source.setdefault(payor.source, []).append(payor_id)
        sources = {payor_id: payor_id for payor_id in self._payors} | {
            one: min(ids) for ids in ids_by_source.values() for one in ids
        }
        corrections = {
            OfferedCorrection(sources[payor_id], "state", *payor.correction): None
            for payor_id, payor in sorted(self._payors.items())
            if payor.correction and not payor.refusal
        }
        refusals = (
            *(
                GroupRefusal(p.refusal, PAYOR, payor_id)
                for payor_id, p in self._payors.items()
                if p.refusal
            ),
            *(
                GroupRefusal(code, EMPLOYEE, spelling)
                for person, code in self._refused.items()
                for spelling in self._spellings[person]
            ),
        )
        return RosterSummary(rows, issues, refusals, sources, tuple(corrections))

    def _of_payor(self, row: ParsedRow) -> list[Issue]:
        payor_id = row.values.payor_id
        if payor_id is None:
            return list(row.issues)
        payor = self._payors.get(payor_id)
        if payor is None:
            payor = self._payors[payor_id] = _Payor()
        issues = []
        for issue in row.issues:
            if issue.field.startswith("Payor/") and issue.code.startswith("W_"):
                if (issue.code, issue.value) in payor.reported:
                    continue
                payor.reported.add((issue.code, issue.value))
                if issue.code == "W_ZIP_STATE" and payor.correction is None:
                    payor.correction = _correction(row.values)
            issues.append(issue)
        for found in (self._source(payor, payor_id, row.values), _details(payor, row.values)):
            if found and (found, "") not in payor.reported:
                payor.reported.add((found, ""))
                issues.append(Issue(row.file_row, row.line, PAYOR, found, payor_id))
        return issues

    def _source(self, payor: _Payor, payor_id: str, values: RowValues) -> str | None:
        """Bind the payor to its account.

        A second account refuses the payor; a second payor on the account is a warning. Each part
        counts as soon as it is valid, whatever else is wrong with its row.
        """
        if payor.refusal is None:
            if _differ(payor.routing, values.routing) or _differ(payor.account, values.account):
                payor.refusal = "E_PAYOR_TWO_ACCOUNTS"
            elif _differ(payor.ein, values.ein):
                payor.refusal = "E_PAYOR_TWO_EINS"
        payor.ein, payor.routing, payor.account = (
            payor.ein or values.ein,
            payor.routing or values.routing,
            payor.account or values.account,
        )
        if (
            payor.source is not None
            or payor.ein is None
            or payor.routing is None
            or payor.account is None
        ):
            return None
        payor.source = (payor.ein, payor.routing, payor.account)
        return (
            "W_PAYOR_TWO_IDS"
            if self._by_source.setdefault(payor.source, payor_id) != payor_id
            else None
        )

    def _of_person(self, row: ParsedRow, issues: list[Issue]) -> None:
        values = row.values
        if values.employee_id is None:
            return
        names = (
            None
            if values.first_name is None or values.last_name is None
            else (values.first_name, values.last_name)
        )
        person = canonical_person(values.employee_id)
        self._spell(row, person, values.employee_id, issues)
        now = _Person(values.born, names, values.phone, values.branch_id)
        known = self._people.setdefault(person, now)
        if known == now:
            return
        self._people[person] = _Person._make(
            new if old is None else old for old, new in zip(known, now, strict=True)
        )
        for (path, code), old, new in zip(_PERSON_CODES, known, now, strict=True):
            if old is None or new is None or old == new:
                continue
            if code == "E_EMPLOYEE_TWO_DOBS":
                self._refused[person] = code
            elif (code, person) not in self._reported:
                self._reported.add((code, person))
                issues.append(
                    Issue(
                        row.file_row,
                        row.line,
                        path,
                        code,
                        masked(path, new if isinstance(new, str) else new[1]),
                    )
                )

    def _spell(self, row: ParsedRow, person: str, employee_id: str, issues: list[Issue]) -> None:
        """Warn once about each further spelling of an employee id."""
        spellings = self._spellings.setdefault(person, [])
        if employee_id in spellings:
            return
        if spellings:
            issues.append(
                Issue(row.file_row, row.line, EMPLOYEE, "W_EMPLOYEE_SPELLING", employee_id)
            )
        spellings.append(employee_id)

    def _of_loan(self, row: ParsedRow, issues: list[Issue]) -> None:
        values = row.values
        if values.employee_id is None or values.institution_id is None or values.loan is None:
            return
        loan = hash((values.institution_id, values.loan))
        self._borrow(row, loan, issues)
        if row.refused:
            return
        payment = hash(
            (
                values.employee_id,
                values.ein,
                values.routing,
                values.account,
                loan,
                values.amount_cents,
            )
        )
        if payment in self._paid:
            issues.append(
                Issue(
                    row.file_row, row.line, "Amount", "W_POSSIBLE_DUPLICATE", row.written["Amount"]
                )
            )
        self._paid.add(payment)

    def _borrow(self, row: ParsedRow, written: int, issues: list[Issue]) -> None:
        """Warn about a loan that another row has for another person, or in another spelling.

        Args:
            written: the hash of the loan as it is spelled in this row.
        """
        values, path = row.values, "Payee/LoanAccountNumber"
        assert values.employee_id is not None
        assert values.loan is not None
        loan = hash((values.institution_id, canonical_loan(values.loan)))
        person = canonical_person(values.employee_id)
        borrower = self._borrowers.get(loan)
        if borrower is None:
            self._borrowers[loan] = person
        elif borrower != person and ("W_LOAN_TWO_EMPLOYEES", loan) not in self._reported:
            self._reported.add(("W_LOAN_TWO_EMPLOYEES", loan))
            shown = masked(path, values.loan)
            issues.append(Issue(row.file_row, row.line, path, "W_LOAN_TWO_EMPLOYEES", shown))
        if borrower is not None and written not in self._loans:
            shown = masked(path, values.loan)
            issues.append(Issue(row.file_row, row.line, path, "W_LOAN_SPELLING", shown))
        self._loans.add(written)


def _differ(known: str | None, found: str | None) -> bool:
    return known is not None and found is not None and known != found


def _details(payor: _Payor, values: RowValues) -> str | None:
    details = (values.payor_name, values.dba, values.line1, values.city, values.state, values.zip)
    if payor.details is None:
        payor.details = details
    return None if payor.details == details else "W_PAYOR_DETAILS"


def _correction(values: RowValues) -> tuple[str, str] | None:
    if values.state is None or values.zip is None:
        return None
    return values.state, STATE_BY_ZIP_PREFIX[values.zip[:3]]
