"""Compares the people of a batch with those who were paid before, at its reading and its checks.

Another birth date refuses the row, another name, phone or branch is a warning, unless a person
accepted the change (`amendments`).
"""

from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from services.ingest.domain.amendment import OTHER_BIRTH_DATE
from services.ingest.roster.issue_codes import SENTENCES
from services.ingest.store import issues, people, totals

BIRTH_DATE: Final = "Employee/DOB"
#: Details of people who were paid before, and the code of the warning when they differ.
_COMPARED: Final = (
    ("W_EMPLOYEE_NAME", "Employee/LastName"),
    ("W_EMPLOYEE_PHONE", "Employee/PhoneNumber"),
    ("W_EMPLOYEE_BRANCH", "Employee/DunkinBranch"),
)


def warn(connection: Connection, batch_id: UUID) -> None:
    """Replace the warnings about details that differ from those paid before. Again: the same."""
    for code, _ in _COMPARED:
        issues.delete_without_value(connection, batch_id, code)
    people.insert_difference_warnings(
        connection, batch_id, [(code, path, SENTENCES[code]) for code, path in _COMPARED]
    )


def refuse_changed(connection: Connection, batch_id: UUID) -> None:
    """Refuse the rows of a batch whose birth date is not the accepted one."""
    people.refuse_rows(
        connection, batch_id, OTHER_BIRTH_DATE, BIRTH_DATE, SENTENCES[OTHER_BIRTH_DATE]
    )


def compare_again(connection: Connection, batch_id: UUID) -> None:
    """Compare the people of an unapproved batch once more, before its check; again: no change.

    The check asks the provider about the institutions of the rows that are not refused, so rows
    come back before it, never after.
    """
    people.admit_rows(connection, batch_id, OTHER_BIRTH_DATE)
    refuse_changed(connection, batch_id)
    warn(connection, batch_id)
    totals.replace_totals(connection, batch_id)
