"""A row of the roster: its fields, and the rules that need only the row itself. Pure."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from services.ingest.roster import field_parsers
from services.ingest.roster.field_parsers import Parsed
from services.ingest.roster.issue_codes import Issue, outcome
from services.ingest.roster.us_geography import STATE_BY_ZIP_PREFIX, zip_is_in

Texts = tuple[str | None, ...]
Structure = dict[tuple[str, str], None]  # (field, code), in order
Finding = tuple[str, str, str]  # field, code, value as it may be shown


class RowValues(NamedTuple):
    """The parsed values of a row, in the order of FIELDS; None: missing or refused."""

    employee_id: str | None
    branch_id: str | None
    first_name: str | None
    last_name: str | None
    born: str | None  # YYYY-MM-DD
    phone: str | None
    payor_id: str | None
    routing: str | None
    account: str | None
    payor_name: str | None
    dba: str | None
    ein: str | None
    line1: str | None
    city: str | None
    state: str | None
    zip: str | None
    institution_id: str | None
    loan: str | None
    amount_cents: int | None


class ParsedRow(NamedTuple):
    """One `<row>` element; file_row counts from 1.

    `written` has the text of the file, by field, where it differs from `values` (of an amount and
    a birth date always). `mends` is the id of the refused row that the comment before it names.
    """

    file_row: int
    line: int
    values: RowValues
    written: dict[str, str]
    issues: tuple[Issue, ...]
    mends: str = ""

    @property
    def refused(self) -> bool:
        """Whether an issue of its own refuses the row; a rule between the rows may do so later."""
        return any(outcome(issue.code) == "row" for issue in self.issues)


FIELDS: Final[tuple[str, ...]] = (
    *("Employee/DunkinId", "Employee/DunkinBranch", "Employee/FirstName", "Employee/LastName"),
    *("Employee/DOB", "Employee/PhoneNumber"),
    *("Payor/DunkinId", "Payor/ABARouting", "Payor/AccountNumber"),
    *("Payor/Name", "Payor/DBA", "Payor/EIN"),
    *("Payor/Address/Line1", "Payor/Address/City", "Payor/Address/State", "Payor/Address/Zip"),
    *("Payee/PlaidId", "Payee/LoanAccountNumber"),
    "Amount",
)
OPTIONAL: Final = frozenset({"Payor/DBA"})
_EMPLOYEE, _PAYOR, _PAYEE = slice(0, 6), slice(6, 16), slice(16, 18)

#: The parser of each field, but for the birth date, which depends on today, and the amount.
_PARSERS: Final[dict[str, Callable[[str], Parsed]]] = {
    "Employee/DunkinId": field_parsers.plain,
    "Employee/DunkinBranch": field_parsers.plain,
    "Employee/FirstName": field_parsers.person_name,
    "Employee/LastName": field_parsers.person_name,
    "Employee/PhoneNumber": field_parsers.phone,
    "Payor/DunkinId": field_parsers.plain,
    "Payor/ABARouting": field_parsers.routing,
    "Payor/AccountNumber": field_parsers.account_number,
    "Payor/Name": field_parsers.company_name,
    "Payor/DBA": field_parsers.company_name,
    "Payor/EIN": field_parsers.ein,
    "Payor/Address/Line1": field_parsers.name,
    "Payor/Address/City": field_parsers.name,
    "Payor/Address/State": field_parsers.state,
    "Payor/Address/Zip": field_parsers.zip_code,
    "Payee/PlaidId": field_parsers.institution,
    "Payee/LoanAccountNumber": field_parsers.loan_number,
}


class ParsedFields(NamedTuple):
    """What was parsed from a group of neighbouring fields."""

    values: Texts
    written: tuple[tuple[str, str], ...]
    found: tuple[Finding, ...]


class RowPosition(NamedTuple):
    """Where a row is in the file. `lines` has the line of a field that is not on the row's line."""

    file_row: int
    line: int
    lines: dict[str, int]
    mends: str = ""


def parse_row(
    position: RowPosition, texts: Texts, structure: Structure, today: date, max_cents: int
) -> ParsedRow:
    """Parse the texts of a row.

    Args:
        texts: in the order of FIELDS; None if missing, or unusable because of the XML structure.
        structure: what the XML parser found. A field that it names is not reported as missing.
        max_cents: the limit of one row.
    """
    employee, payor, payee = (
        _employee(texts[_EMPLOYEE], today),
        _payor(texts[_PAYOR]),
        _parse_fields(FIELDS[_PAYEE], texts[_PAYEE], today),
    )
    cents, codes = (
        (None, ("E_MISSING",))
        if (text := texts[-1]) is None
        else field_parsers.amount(text, max_cents)
    )
    written = dict((*employee.written, *payor.written, *payee.written))
    if text is not None:
        written["Amount"] = text
    found = (
        *employee.found,
        *payor.found,
        *payee.found,
        *(("Amount", code, field_parsers.masked("Amount", text or "")) for code in codes),
    )
    if structure:
        blamed = tuple(field for field, _ in structure)
        kept = (
            entry for entry in found if not (entry[1] == "E_MISSING" and _covers(blamed, entry[0]))
        )
        found = (*kept, *((field, code, "") for field, code in structure))
    file_row, line, lines, mends = position
    issues = tuple(
        Issue(file_row, lines.get(field, line), field, code, shown) for field, code, shown in found
    )
    return ParsedRow(
        file_row,
        line,
        RowValues._make((*employee.values, *payor.values, *payee.values, cents)),
        written,
        issues,
        mends,
    )


def _covers(blamed: tuple[str, ...], field: str) -> bool:
    return any(field == path or field.startswith(path + "/") for path in blamed)


# An employee has about 5 rows and a payor about 10,000, so most groups were parsed before.
@lru_cache(maxsize=32_768)
def _employee(texts: Texts, today: date) -> ParsedFields:
    return _parse_fields(FIELDS[_EMPLOYEE], texts, today)


@lru_cache(maxsize=1_024)
def _payor(texts: Texts) -> ParsedFields:
    block = _parse_fields(FIELDS[_PAYOR], texts, date.max)
    state, zip_code = block.values[-2:]
    if state is None or zip_code is None or zip_is_in(zip_code, state):
        return block
    code = "W_ZIP_STATE" if zip_code[:3] in STATE_BY_ZIP_PREFIX else "W_ZIP_UNKNOWN"
    return block._replace(found=(*block.found, ("Payor/Address/Zip", code, f"{zip_code} {state}")))


def _parse_fields(fields: tuple[str, ...], texts: Texts, today: date) -> ParsedFields:
    kept: list[str | None] = []
    written: list[tuple[str, str]] = []
    found: list[Finding] = []
    for field, text in zip(fields, texts, strict=True):
        if not text and field in OPTIONAL:
            kept.append(None)
            continue
        if text is None:
            parsed = Parsed(None, ("E_MISSING",))
        else:
            parsed = (
                field_parsers.birth_date(text, today)
                if field == "Employee/DOB"
                else _PARSERS[field](text)
            )
            if parsed.value != text:
                written.append((field, text))
        kept.append(parsed.value)
        found.extend(
            (field, code, field_parsers.masked(field, text or "")) for code in parsed.codes
        )
    return ParsedFields(tuple(kept), tuple(written), tuple(found))
