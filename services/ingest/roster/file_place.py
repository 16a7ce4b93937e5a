"""Where in a file reading stopped, in words. Pure.

The words are shown to people who may not see personal data, and are published: an employee id is
masked to its last four characters, and nothing else of a row is in them.
"""

from typing import Final, NamedTuple

from services.ingest.roster.field_parsers import masked

_SHOWN_CHARACTERS: Final = 4


class FilePlace(NamedTuple):
    """A place in a roster.

    Attributes:
        line: its line, from 1; None if no line is the cause.
        row: the row in which it is, from 1; 0: in none.
        field: the path of the element in which it is, such as `Payor/Name`; empty: in none.
        rows_before: how many rows were read before it.
        employee_before: the employee id of the last of them, masked; empty: it has none.
        found: what was found there, such as a byte; never a value of the file.
    """

    line: int | None = None
    row: int = 0
    field: str = ""
    rows_before: int = 0
    employee_before: str = ""
    found: str = ""

    def or_else(self, other: "FilePlace") -> "FilePlace":
        """This place, and `other` where this one says nothing."""
        return FilePlace._make(mine or its for mine, its in zip(self, other, strict=True))

    def sentences(self) -> str:
        """The place in words; empty if there is nothing to say beyond the line."""
        said = [f"Found: {self.found}."] if self.found else []
        if self.row:
            inside = f", in {self.field}" if self.field else ""
            said.append(f"It is in row {self.row:,}{inside}.")
        if self.rows_before:
            whose = f" of employee {self.employee_before}" if self.employee_before else ""
            said.append(f"The row before it is row {self.rows_before:,}{whose}.")
        elif self.row:
            said.append("No row is before it.")
        return " ".join(said)


def masked_employee(employee_id: str) -> str:
    """An employee id as it may be shown to all: its last four characters, or its shape if short."""
    shown = masked("Payee/LoanAccountNumber", employee_id.strip())
    return f"…{shown[-_SHOWN_CHARACTERS:]}" if len(shown) > 2 * _SHOWN_CHARACTERS else shown
