"""Table `person`: every spelling of an employee id that was approved, with the row last approved.

Spellings with one `person_key` are one person. Later rosters are compared with the row that was
approved last under any of them.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.decision import Selection
from services.ingest.store.decisions import selected


def _known(where: str = "", join: str = "JOIN") -> str:
    """Rows (r) of a batch, with the row last approved (k) of the same employee.

    The rows of a person are gathered, so that row k is looked for once for all of them. Nothing is
    joined with the rows of the batch, of which statistics may know nothing yet.

    Args:
        where: conditions on the rows of the batch, each after AND.
        join: "LEFT JOIN" gives rows of people who were never approved, too.
    """
    return f"""
        FROM (
            SELECT b.person_key, array_agg(b) AS of_person
            FROM batch_row b
            WHERE b.batch_id = :id{where}
            GROUP BY b.person_key) n
        {join} LATERAL (
            SELECT l.*
            FROM person p
            JOIN batch_row l ON l.row_id = p.row_id
            LEFT JOIN approval a ON a.batch_id = l.batch_id
            WHERE p.person_key = n.person_key
            ORDER BY a.approved_at DESC NULLS LAST, p.employee_id
            LIMIT 1) k ON true
        CROSS JOIN LATERAL unnest(n.of_person) AS r"""  # noqa: S608 - our own text


# Compared are rows that are not refused.
_COMPARED = _known(" AND b.status <> 'refused'")
# A person accepted row `r` as a change of row `k`, and of no other.
_ACCEPTED = """EXISTS (
        SELECT
        FROM amendment_row a
        WHERE a.batch_id = r.batch_id AND a.file_row = r.file_row AND a.act = 'accept'
            AND a.standing AND a.known = k.person_index)"""
_OTHER_BIRTH_DATE = f"r.dob_index <> k.dob_index AND NOT {_ACCEPTED}"
_OTHER_NAME = "(r.first_name, r.last_name) <> (k.first_name, k.last_name)"
# The fields of `domain.amendment.FIELDS` that differ.
_DIFFERS = f"""array_remove(ARRAY[
        CASE WHEN r.dob_index <> k.dob_index THEN 'birth date' END,
        CASE WHEN {_OTHER_NAME} THEN 'name' END,
        CASE WHEN r.phone_index <> k.phone_index THEN 'phone' END], NULL)"""

# What differs, by the code of its warning.
_DIFFERENCES = {
    "W_EMPLOYEE_NAME": f"{_OTHER_NAME} AND NOT {_ACCEPTED}",
    "W_EMPLOYEE_PHONE": f"r.phone_index <> k.phone_index AND NOT {_ACCEPTED}",
    "W_EMPLOYEE_BRANCH": "r.branch_id <> k.branch_id",
}
_IS_FOUND = " ".join(f"WHEN '{code}' THEN {sql}" for code, sql in _DIFFERENCES.items())


def list_other_birth_dates(connection: Connection, batch_id: UUID) -> list[str]:
    """List the employees of a batch who were paid before under another birth date."""
    return list(
        run(
            connection,
            f"""
            SELECT DISTINCT r.employee_id
            {_COMPARED}
            WHERE {_OTHER_BIRTH_DATE}
            ORDER BY r.employee_id""",
            id=batch_id,
        ).scalars()
    )


def insert_difference_warnings(
    connection: Connection, batch_id: UUID, warnings: Sequence[tuple[str, str, str]]
) -> None:
    """Insert one warning of each code for each employee whose details differ from those paid.

    Args:
        warnings: of each the code (which details, a key of `_DIFFERENCES`), field and message.
    """
    codes, fields, messages = (list(part) for part in zip(*warnings, strict=True))
    run(
        connection,
        f"""
        INSERT INTO issue (batch_id, file_row, line, field, code, outcome, value, message)
        SELECT DISTINCT ON (w.n, r.employee_id)
            r.batch_id, r.file_row, r.line, w.field, w.code, 'warning', '', w.message
        {_COMPARED}
        JOIN unnest(
            CAST(:codes AS text[]), CAST(:fields AS text[]), CAST(:messages AS text[])
        ) WITH ORDINALITY AS w(code, field, message, n) ON CASE w.code {_IS_FOUND} END
        WHERE {_OTHER_NAME} OR r.phone_index <> k.phone_index OR r.branch_id <> k.branch_id
        ORDER BY w.n, r.employee_id, r.file_row""",
        id=batch_id,
        codes=codes,
        fields=fields,
        messages=messages,
    )


def find_changed(
    connection: Connection, batch_id: UUID, selection: Selection, person_key: str
) -> Sequence[Any]:
    """Find the rows that a selection names, and what differs from the row last approved.

    Columns: file_row, status, reason_code, amount_cents; known_index and known_batch_id of the row
    last approved (NULL: the person was never paid); differs, the names of the fields of
    `domain.amendment.FIELDS` that differ; is_accepted.
    """
    where, values = selected(selection, person_key)
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.file_row, r.status, r.reason_code, r.amount_cents,
            k.person_index AS known_index, k.batch_id AS known_batch_id,
            k.row_id IS NOT NULL AND EXISTS (
                SELECT
                FROM amendment_row a
                WHERE a.batch_id = r.batch_id AND a.file_row = r.file_row
                    AND a.act = 'accept' AND a.standing) AS is_accepted,
            {_DIFFERS} AS differs
        {_known(where, "LEFT JOIN")}
        ORDER BY r.file_row""",  # noqa: S608 - our own text
        **values,
        id=batch_id,
    ).all()
    return found


def admit_rows(connection: Connection, batch_id: UUID, code: str) -> None:
    """Let rows be checked again that were refused for their birth date, and are not any more.

    Their change was accepted, or the person was paid under their birth date since.

    Args:
        code: the code with which they were refused.
    """
    run(
        connection,
        f"""
        WITH admitted AS (
            UPDATE batch_row
            SET status = 'payable', reason_code = '', reason = '', revision = 0
            WHERE row_id IN (
                SELECT r.row_id
                {_known(" AND b.status = 'refused' AND b.reason_code = :code")}
                WHERE NOT ({_OTHER_BIRTH_DATE}))
            RETURNING batch_id, file_row)
        DELETE FROM issue i
        USING admitted a
        WHERE i.batch_id = a.batch_id AND i.file_row = a.file_row AND i.code = :code""",  # noqa: S608 - our own text
        id=batch_id,
        code=code,
    )


def refuse_rows(connection: Connection, batch_id: UUID, code: str, field: str, message: str) -> int:
    """Refuse the rows whose birth date is another one than the accepted one; how many there were.

    A second call finds none.
    """
    return int(
        run(
            connection,
            f"""
            WITH wrong AS (
                UPDATE batch_row
                SET status = 'refused', reason_code = :code, reason = :message, revision = 0,
                    payment_id = NULL, merchant_id = ''
                WHERE row_id IN (SELECT r.row_id {_COMPARED} WHERE {_OTHER_BIRTH_DATE})
                RETURNING batch_id, file_row, line, employee_id)
            INSERT INTO issue (batch_id, file_row, line, field, code, outcome, value, message)
            SELECT batch_id, file_row, line, :field, :code, 'row', employee_id, :message
            FROM wrong
            ORDER BY file_row""",  # noqa: S608 - our own text
            id=batch_id,
            code=code,
            field=field,
            message=message,
        ).rowcount
    )


def count_payable_changed(connection: Connection, batch_id: UUID) -> int:
    """Count the rows that a batch would pay though their birth date is not the accepted one."""
    number: int = run(
        connection,
        f"""
        SELECT count(*)
        {_known(" AND b.status = 'payable'")}
        WHERE {_OTHER_BIRTH_DATE}""",
        id=batch_id,
    ).scalar_one()
    return number


def list_identities(connection: Connection, person_key: str) -> Sequence[Any]:
    """List what a person was approved under, the accepted one first, then the newest ones.

    One line for each name, birth date and phone together: first_name, last_name; accepted, whether
    later rosters are compared with it; differs, the fields that differ from the accepted one; and
    the first and the last batch approved with it.
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        WITH approved AS (
            SELECT r.*, a.approved_at
            FROM batch_row r
            JOIN payment_row p USING (row_id)
            JOIN approval a USING (batch_id)
            WHERE r.person_key = :key AND r.person_key <> ''
        ), k AS (
            SELECT l.*
            FROM person p
            JOIN batch_row l ON l.row_id = p.row_id
            LEFT JOIN approval a ON a.batch_id = l.batch_id
            WHERE p.person_key = :key
            ORDER BY a.approved_at DESC NULLS LAST, p.employee_id
            LIMIT 1
        ), identity AS (
            SELECT person_index, min(first_name) AS first_name, min(last_name) AS last_name,
                min(dob_index) AS dob_index, min(phone_index) AS phone_index,
                max(approved_at) AS last_approved_at,
                (array_agg(batch_id ORDER BY approved_at, file_row))[1] AS first_batch_id,
                (array_agg(batch_id ORDER BY approved_at DESC, file_row))[1] AS last_batch_id
            FROM approved
            GROUP BY person_index
        )
        SELECT r.first_name, r.last_name, r.first_batch_id, r.last_batch_id,
            r.person_index = k.person_index AS accepted, {_DIFFERS} AS differs
        FROM identity r
        CROSS JOIN k
        ORDER BY accepted DESC, r.last_approved_at DESC, r.person_index""",  # noqa: S608 - our own text
        key=person_key,
    ).all()
    return found


def upsert_people(connection: Connection, batch_id: UUID) -> None:
    """Make the first payable row of each employee in an approved batch the one last approved.

    The first and the last batch of each spelling are kept with it. Rows without the digest of a
    birth date are of people who were forgotten: nobody is compared with them again.
    """
    run(
        connection,
        """
        INSERT INTO person (employee_id, row_id, person_key, first_batch_id, last_batch_id)
        SELECT DISTINCT ON (employee_id) employee_id, row_id, person_key, batch_id, batch_id
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable' AND dob_index <> ''
        ORDER BY employee_id, file_row
        ON CONFLICT (employee_id) DO UPDATE
        SET row_id = excluded.row_id, last_batch_id = excluded.last_batch_id,
            person_key = excluded.person_key,
            first_batch_id = coalesce(person.first_batch_id, excluded.first_batch_id)""",
        id=batch_id,
    )
