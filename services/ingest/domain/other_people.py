"""Loans that are paid for another employee id on the same days: one person with two ids, or two."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

OTHER_PERSON: Final = "W_LOAN_OTHER_PERSON"
OTHER_PERSON_SENTENCE: Final = (
    "This loan is already being paid on the same days for another employee id. If it is the same "
    "person, pay it under one of the two ids; if not, make sure that the loan number is right."
)
FIELD: Final = "Payee/LoanAccountNumber"


@dataclass(frozen=True)
class OtherPayee:
    """A row whose loan another employee id is paid for, in another batch, on a day of its period.

    `same_name` and `same_birth_date` compare the two rows. `is_redirected`: what both have is the
    loan of at least one of them before its redirection.
    """

    row_id: UUID
    file_row: int
    line: int
    batch_id: UUID
    employee_id: str
    same_name: bool
    same_birth_date: bool
    is_redirected: bool = False

    @property
    def is_same_person(self) -> bool:
        """Whether name and birth date are the same, so that it is one person with two ids."""
        return self.same_name and self.same_birth_date


def warning_value(found: OtherPayee) -> str:
    """The other batch and the other id, and whether name and birth date are the same."""
    loan = ", the loan before its redirection" if found.is_redirected else ""
    name = "same name" if found.same_name else "another name"
    born = "same birth date" if found.same_birth_date else "another birth date"
    return f"{found.employee_id} in batch {found.batch_id} ({name}, {born}{loan})"


def exclusions(found: Iterable[OtherPayee]) -> dict[UUID, str]:
    """The rows of people who are paid under another id, with the reason why they are excluded."""
    return {
        one.row_id: (
            f"already in batch {one.batch_id} on days of this period, under another employee id "
            "with the same name and birth date"
        )
        for one in found
        if one.is_same_person
    }
