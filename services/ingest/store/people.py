"""Table `person`: every spelling of an employee id that was approved, with the row last approved.

Spellings with one `person_key` are one person. Later rosters are compared with the row that was
approved last under any of them.
"""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run

# Compared are rows (r) that are not refused with the row last approved (k) of the same employee.
_COMPARED = """
    FROM batch_row r
    JOIN LATERAL (
        SELECT p.row_id
        FROM person p
        JOIN batch_row l ON l.row_id = p.row_id
        LEFT JOIN approval a ON a.batch_id = l.batch_id
        WHERE p.person_key = r.person_key
        ORDER BY a.approved_at DESC NULLS LAST, p.employee_id
        LIMIT 1) known ON true
    JOIN batch_row k ON k.row_id = known.row_id
    WHERE r.batch_id = :id AND r.status <> 'refused'"""

#: What differs, by the code of its warning.
_DIFFERENCES = {
    "W_EMPLOYEE_NAME": "(r.first_name, r.last_name) <> (k.first_name, k.last_name)",
    "W_EMPLOYEE_PHONE": "r.phone_index <> k.phone_index",
    "W_EMPLOYEE_BRANCH": "r.branch_id <> k.branch_id",
}


def list_other_birth_dates(connection: Connection, batch_id: UUID) -> list[str]:
    """List the employees of a batch who were paid before under another birth date."""
    return list(
        run(
            connection,
            f"""
            SELECT DISTINCT r.employee_id
            {_COMPARED} AND r.dob_index <> k.dob_index
            ORDER BY r.employee_id""",
            id=batch_id,
        ).scalars()
    )


def insert_difference_warnings(
    connection: Connection, batch_id: UUID, code: str, field: str, message: str
) -> None:
    """Insert one warning for each employee whose details differ from those paid before.

    Args:
        code: which details, a key of `_DIFFERENCES`.
    """
    run(
        connection,
        f"""
        INSERT INTO issue (batch_id, file_row, line, field, code, outcome, value, message)
        SELECT DISTINCT ON (r.employee_id)
            r.batch_id, r.file_row, r.line, :field, :code, 'warning', '', :message
        {_COMPARED} AND {_DIFFERENCES[code]}
        ORDER BY r.employee_id, r.file_row""",
        id=batch_id,
        code=code,
        field=field,
        message=message,
    )


def upsert_people(connection: Connection, batch_id: UUID) -> None:
    """Make the first payable row of each employee in an approved batch the one last approved.

    The first and the last batch of each spelling are kept with it.
    """
    run(
        connection,
        """
        INSERT INTO person (employee_id, row_id, person_key, first_batch_id, last_batch_id)
        SELECT DISTINCT ON (employee_id) employee_id, row_id, person_key, batch_id, batch_id
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable'
        ORDER BY employee_id, file_row
        ON CONFLICT (employee_id) DO UPDATE
        SET row_id = excluded.row_id, last_batch_id = excluded.last_batch_id,
            person_key = excluded.person_key,
            first_batch_id = coalesce(person.first_batch_id, excluded.first_batch_id)""",
        id=batch_id,
    )
