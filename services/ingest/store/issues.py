"""Table `issue`: what is wrong with a file or a row, and what an approver is warned about."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.correction import ADDRESS_WARNINGS
from services.ingest.store import bulk_copy


class StoredIssue(NamedTuple):
    """An issue of a row, or with file_row 0 of the batch; `value` is masked."""

    batch_id: UUID
    file_row: int
    line: int
    field: str
    code: str
    outcome: str
    value: str
    message: str


def insert_issues(connection: Connection, issues: Iterable[StoredIssue]) -> None:
    """Insert issues; a second call inserts them once more."""
    bulk_copy.copy_rows(connection, "issue", StoredIssue._fields, issues)


def insert_for_rows(
    connection: Connection,
    batch_id: UUID,
    column: str,
    key: str,
    issue: tuple[str, str, str],
) -> None:
    """Insert one issue for each row of one employee or one source.

    Args:
        column: `employee_id` or `source_account_id`.
        key: the value of that column, which the issue shows.
        issue: its field, code and message.
    """
    assert column in {"employee_id", "source_account_id"}
    field, code, message = issue
    run(
        connection,
        f"""
        INSERT INTO issue (batch_id, file_row, line, field, code, outcome, value, message)
        SELECT batch_id, file_row, line, :field, :code, 'row', :key, :message
        FROM batch_row
        WHERE batch_id = :id AND {column} = :key
        ORDER BY file_row""",  # noqa: S608 - one of two column names
        id=batch_id,
        key=key,
        code=code,
        message=message,
        field=field,
    )


def delete_address_warnings(
    connection: Connection, batch_id: UUID, source_account_ids: Sequence[str]
) -> None:
    """Delete the warnings about the addresses of these sources."""
    run(
        connection,
        """
        DELETE FROM issue i
        USING batch_row r
        WHERE i.batch_id = :id AND i.code = ANY(:codes)
            AND r.batch_id = i.batch_id AND r.file_row = i.file_row
            AND r.source_account_id = ANY(:sources)""",
        id=batch_id,
        codes=list(ADDRESS_WARNINGS),
        sources=list(source_account_ids),
    )


def delete_of_rows(connection: Connection, batch_id: UUID, file_rows: Sequence[int]) -> None:
    """Delete the issues of these rows."""
    run(
        connection,
        "DELETE FROM issue WHERE batch_id = :id AND file_row = ANY(CAST(:rows AS int[]))",
        id=batch_id,
        rows=list(file_rows),
    )


def delete_without_value(connection: Connection, batch_id: UUID, code: str) -> None:
    """Delete the issues of one code that show no value: those found by comparing with the past."""
    run(
        connection,
        "DELETE FROM issue WHERE batch_id = :id AND code = :code AND file_row > 0 AND value = ''",
        id=batch_id,
        code=code,
    )


def replace_batch_warnings(
    connection: Connection, batch_id: UUID, code: str, warnings: Iterable[tuple[str, str]]
) -> None:
    """Replace the warnings of one code about the whole batch by these (value, sentence)."""
    run(
        connection,
        "DELETE FROM issue WHERE batch_id = :id AND file_row = 0 AND code = :code",
        id=batch_id,
        code=code,
    )
    insert_issues(
        connection,
        [
            StoredIssue(batch_id, 0, 0, "", code, "warning", value, message)
            for value, message in warnings
        ],
    )


def replace_row_warnings(
    connection: Connection,
    batch_id: UUID,
    code: str,
    message: str,
    places: Iterable[tuple[int, int, str, str]],
) -> None:
    """Replace the warnings of one code about rows by these (file row, line, field, value)."""
    run(
        connection,
        "DELETE FROM issue WHERE batch_id = :id AND file_row > 0 AND code = :code",
        id=batch_id,
        code=code,
    )
    insert_issues(
        connection,
        [
            StoredIssue(batch_id, file_row, line, field, code, "warning", value, message)
            for file_row, line, field, value in places
        ],
    )


def list_row_warnings(connection: Connection, batch_id: UUID, code: str) -> set[tuple[int, str]]:
    """The warnings of one code about rows, as (file row, value)."""
    found = run(
        connection,
        "SELECT file_row, value FROM issue WHERE batch_id = :id AND code = :code AND file_row > 0",
        id=batch_id,
        code=code,
    )
    return {(row.file_row, row.value) for row in found}


def list_warning_codes(connection: Connection, batch_id: UUID) -> list[str]:
    """List the codes of a batch's warnings, which an approver must acknowledge."""
    return list(
        run(
            connection,
            """
            SELECT DISTINCT code
            FROM issue
            WHERE batch_id = :id AND outcome = 'warning'
            ORDER BY code""",
            id=batch_id,
        ).scalars()
    )


def find_file_fault(connection: Connection, batch_id: UUID) -> Any | None:
    """Where and what the fault of a rejected file is: file_row (0: in no row), field, value."""
    return run(
        connection,
        """
        SELECT file_row, field, value
        FROM issue
        WHERE batch_id = :id AND outcome = 'file'
        ORDER BY issue_id
        LIMIT 1""",
        id=batch_id,
    ).first()


def count_by_code(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """Count a batch's issues by code."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT code, outcome, message, count(*) AS number
        FROM issue
        WHERE batch_id = :id
        GROUP BY 1, 2, 3
        ORDER BY outcome, code""",
        id=batch_id,
    ).all()
    return found


def list_of_rows(
    connection: Connection, batch_id: UUID, file_rows: Sequence[int], outcome: str = ""
) -> Sequence[Any]:
    """List the issues of these rows, or only those with this outcome."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT file_row, line, field, code, outcome, value, message
        FROM issue
        WHERE batch_id = :id AND file_row = ANY(CAST(:rows AS int[]))
            AND (:outcome = '' OR outcome = :outcome)
        ORDER BY issue_id""",
        id=batch_id,
        rows=list(file_rows),
        outcome=outcome,
    ).all()
    return found
