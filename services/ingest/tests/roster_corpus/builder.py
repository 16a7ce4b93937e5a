"""Builds the files of the corpus: a good roster, and one change in a row that is known.

A row is a list of pieces: its tags, and its leaves. A change replaces pieces by other text, or
leaves them out. So the row, the line and everything that must stay as it was are known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.ingest.roster.file_place import masked_employee
from services.ingest.roster.row_rules import FIELDS

Change = Mapping[str, str | None]  # piece -> its new text; None leaves it out
ROWS = 9
#: The row that is changed, with its neighbours on both sides.
CHANGED = 5
#: In the text of a change: the fault is here. It is taken out of the file.
HERE = "\u241f"
LAYOUTS = {"one line": "", "many lines": "\n"}
_TAGS = ("Employee", "Payor", "Payor/Address", "Payee")


def good_values(number: int) -> dict[str, str]:
    """The texts of a good row. Every person, payor and loan is another one.

    Rows 2 and 6 have one person, with two loans.
    """
    person = 2 if number == 6 else number
    return {
        "Employee/DunkinId": f"EMP-7d0c9a4e-000{person}",
        "Employee/DunkinBranch": f"BRC-{person}",
        "Employee/FirstName": f"Ida{'abcdefghij'[person]}",
        "Employee/LastName": "O'Brien",
        "Employee/DOB": f"03-1{person}-1988",
        "Employee/PhoneNumber": f"+1512555010{person}",
        "Payor/DunkinId": f"CORP-{number}",
        "Payor/ABARouting": "021000021",
        "Payor/AccountNumber": f"0001234567{number}",
        "Payor/Name": "Dunkin' Donuts LLC",
        "Payor/DBA": "Dunkin'",
        "Payor/EIN": "321202401",
        "Payor/Address/Line1": "1 Main St",
        "Payor/Address/City": "Ames",
        "Payor/Address/State": "IA",
        "Payor/Address/Zip": "50010",
        "Payee/PlaidId": "ins_116944",
        "Payee/LoanAccountNumber": f"0123456{number}",
        "Amount": f"${number}.03",
    }


def pieces(values: Mapping[str, str]) -> dict[str, str]:
    """The pieces of a row, in order: `<row>`, `<Employee>`, `Employee/DunkinId`, … `</row>`."""
    found = {"<row>": "<row>"}
    open_tags: list[str] = []
    for path in FIELDS:
        group = path.rpartition("/")[0]
        while open_tags and not f"{group}/".startswith(f"{open_tags[-1]}/"):
            found |= _end(open_tags.pop())
        for tag in _TAGS:
            if f"{group}/".startswith(f"{tag}/") and tag not in open_tags:
                open_tags.append(tag)
                found[f"<{tag}>"] = f"<{tag.rpartition('/')[2]}>"
        found[path] = leaf(path, values[path])
    return found | {"</row>": "</row>"}


def _end(tag: str) -> dict[str, str]:
    return {f"</{tag}>": f"</{tag.rpartition('/')[2]}>"}


def leaf(path: str, text: str) -> str:
    """A leaf with this text, given as XML."""
    name = path.rpartition("/")[2]
    return f"<{name}>{text}</{name}>"


@dataclass(frozen=True)
class Built:
    """A file, and where its rows, the leaves of its rows and its fault are."""

    text: str
    row_lines: Mapping[int, int]
    leaf_lines: Mapping[tuple[int, str], int]
    fault_line: int

    @property
    def data(self) -> bytes:
        return self.text.encode("utf-8", "surrogatepass")

    def line_of(self, row: int, path: str) -> int:
        """The line that an issue of a field has."""
        return self.leaf_lines.get((row, path), self.row_lines[row])


@dataclass
class _Writer:
    newline: str
    text: str = "<root>"
    row_lines: dict[int, int] = field(default_factory=dict)
    leaf_lines: dict[tuple[int, str], int] = field(default_factory=dict)
    fault_line: int = 0

    @property
    def line(self) -> int:
        return 1 + self.text.count("\n")

    def write(self, row: int, piece: str, text: str) -> None:
        self.text += self.newline
        before, mark, after = text.partition(HERE)
        self.text += before
        if mark:
            self.fault_line = self.line
        if piece == "<row>":
            self.row_lines[row] = self.line
        self.text += after
        if piece in FIELDS:
            self.leaf_lines[row, piece] = self.line


def build(
    changes: Mapping[int, Change], layout: str, numbers: Iterable[int] = range(1, ROWS + 1)
) -> Built:
    """The good roster with these changes, by row; of the good rows only those with `numbers`."""
    writer = _Writer(LAYOUTS[layout])
    for number in numbers:
        change = changes.get(number, {})
        row = pieces(good_values(number))
        assert change.keys() <= row.keys(), change
        for piece, text in {**row, **change}.items():
            if text is not None:
                writer.write(number, piece, text)
    return Built(
        f"{writer.text}{writer.newline}</root>",
        writer.row_lines,
        writer.leaf_lines,
        writer.fault_line,
    )


def place_after(row: int) -> dict[str, object]:
    """What a refusal says about the rows before it, if `row` was the last whole one."""
    employee = good_values(row)["Employee/DunkinId"] if row else ""
    return {"rows_before": row, "employee_before": masked_employee(employee)}
