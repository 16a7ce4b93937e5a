"""A good roster in pieces, and ways to read a changed one in this process."""

from collections.abc import Mapping
from datetime import date
from io import BufferedReader, BytesIO

from services.ingest.roster import sandbox
from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.issue_codes import FileRejected
from services.ingest.roster.row_rules import ParsedRow
from services.ingest.roster.xml_parser import ReadLimits

TODAY = date(2026, 11, 20)
GOOD = {
    "Employee/DunkinId": "EMP-1",
    "Employee/DunkinBranch": "BRC-1",
    "Employee/FirstName": "Ida",
    "Employee/LastName": "O'Brien",
    "Employee/DOB": "03-10-1988",
    "Employee/PhoneNumber": "+15125550100",
    "Payor/DunkinId": "CORP-1",
    "Payor/ABARouting": "021000021",
    "Payor/AccountNumber": "00012345678",
    "Payor/Name": "Dunkin' Donuts LLC",
    "Payor/DBA": "Dunkin'",
    "Payor/EIN": "321202401",
    "Payor/Address/Line1": "1 Main St",
    "Payor/Address/City": "Ames",
    "Payor/Address/State": "IA",
    "Payor/Address/Zip": "50010",
    "Payee/PlaidId": "ins_116944",
    "Payee/LoanAccountNumber": "01234567",
    "Amount": "$7.03",
}


def row(changes: Mapping[str, str | None] | None = None) -> str:
    """A `<row>` of good values, some of them changed (given as XML) or left out (None)."""
    texts: dict[str, str | None] = {**GOOD, **(changes or {})}

    def leaf(path: str) -> str:
        text, name = texts[path], path.rpartition("/")[2]
        return "" if text is None else f"<{name}>{text}</{name}>"

    def leaves(prefix: str) -> str:
        return "".join(leaf(path) for path in GOOD if path.rpartition("/")[0] == prefix)

    employee, payee = (
        f"<Employee>{leaves('Employee')}</Employee>",
        f"<Payee>{leaves('Payee')}</Payee>",
    )
    payor = f"<Payor>{leaves('Payor')}<Address>{leaves('Payor/Address')}</Address></Payor>"
    return f"<row>{employee}{payor}{payee}{leaf('Amount')}</row>"


def roster(*rows: str) -> bytes:
    return f"<root>{''.join(rows)}</root>".encode()


def read(data: bytes, limits: ReadLimits | None = None) -> tuple[list[ParsedRow], RosterSummary]:
    *rows, conclusion = sandbox.read_roster(
        BufferedReader(BytesIO(data)), limits or ReadLimits(), TODAY
    )
    assert isinstance(conclusion, RosterSummary)
    return [piece for piece in rows if isinstance(piece, ParsedRow)], conclusion


def codes(one: ParsedRow) -> list[tuple[str, str]]:
    return [(issue.field, issue.code) for issue in one.issues]


def read_one(changes: Mapping[str, str | None]) -> ParsedRow:
    (one,), _ = read(roster(row(changes)))
    return one


def rejection(data: bytes, limits: ReadLimits | None = None) -> str:
    """The code with which the file is rejected, or "read"."""
    try:
        read(data, limits)
    except FileRejected as rejected:
        return rejected.code
    return "read"
