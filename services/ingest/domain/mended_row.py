"""Mended rows: which refused row each one mends, and what an approver is warned about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.ingest.roster.canonical_ids import canonical_person
from services.ingest.roster.issue_codes import FileRejected
from services.ingest.roster.row_rules import ParsedRow

ALSO_PAID: Final = "W_MENDED_ALSO_PAID"
ALSO_PAID_SENTENCE: Final = (
    "Another row of the same roster pays this loan of this employee on the same days. Both are "
    "paid; make sure that the mended row is not that one."
)
ALSO_PAID_FIELD: Final = "Payee/LoanAccountNumber"


@dataclass(frozen=True)
class RefusedRow:
    """A refused row as far as a mended one is compared with it.

    Attributes:
        person_key: the canonical id of its employee; empty if it was not readable.
        is_person_in_doubt: whether it was refused for its employee, so that the id may be wrong.
    """

    person_key: str
    is_person_in_doubt: bool


@dataclass
class Originals:
    """The refused rows that a file mends, by the id of the row in the file it was first in."""

    refused: Mapping[str, RefusedRow]
    mended: set[str] = field(default_factory=set)

    def take(self, row: ParsedRow) -> str:
        """The id of the row that this one mends. Each row is mended once in a file.

        Raises:
            FileRejected: it mends none, one that is not refused, one that was mended before, or
                the row of somebody else.
        """
        original = self.refused.get(row.mends)
        if not row.mends:
            raise _rejected("E_FILE_MENDED_LINK", row)
        if original is None:
            raise _rejected("E_FILE_MENDED_ROW", row)
        if row.mends in self.mended:
            raise _rejected("E_FILE_MENDED_TWICE", row)
        person = canonical_person(row.values.employee_id or "")
        if person and original.person_key not in ("", person) and not original.is_person_in_doubt:
            raise _rejected("E_FILE_MENDED_PERSON", row)
        self.mended.add(row.mends)
        return row.mends


def also_paid_value(batch_id: object, file_row: int) -> str:
    """Which row pays the same loan."""
    return f"row {file_row} of batch {batch_id}"


def _rejected(code: str, row: ParsedRow) -> FileRejected:
    rejected = FileRejected(code, row.line)
    return rejected.at(rejected.place._replace(row=row.file_row, rows_before=row.file_row - 1))
