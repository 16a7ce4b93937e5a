"""Table `mended_file`, and the refused rows of a batch that a file of mended rows may name."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import NOT_LIVE

CHILDREN_MAX: Final = 100

#: The refused rows of a batch that no live payment has paid, as mended rows, by now.
_OPEN: Final = """
    FROM batch_row r
    WHERE r.batch_id = :id AND r.status = 'refused'
        AND NOT EXISTS (
            SELECT
            FROM payment_row p
            WHERE p.root_row_id = r.root_row_id AND NOT p.released)"""


def insert_mended_file(connection: Connection, batch_id: UUID, content_sha256: str) -> None:
    """Insert the file of a child batch.

    Args:
        content_sha256: of its inflated bytes.
    """
    run(
        connection,
        "INSERT INTO mended_file (batch_id, content_sha256) VALUES (:id, :sha256)",
        id=batch_id,
        sha256=content_sha256,
    )


def find_live_mended_file(
    connection: Connection, parent_id: UUID, content_sha256: str
) -> UUID | None:
    """Find the oldest live child of a batch with these very bytes."""
    found = run(
        connection,
        """
        SELECT batch_id
        FROM mended_file m
        JOIN batch b USING (batch_id)
        WHERE m.content_sha256 = :sha256 AND b.parent_batch_id = :parent
            AND b.status <> ALL(:not_live)
        ORDER BY b.uploaded_at
        LIMIT 1""",
        sha256=content_sha256,
        parent=parent_id,
        not_live=list(NOT_LIVE),
    ).scalar()
    return found if isinstance(found, UUID) else None


def count_refused(connection: Connection, batch_id: UUID) -> int:
    """Count the refused rows of a batch that are not paid as mended rows."""
    number: int = run(connection, f"SELECT count(*) {_OPEN}", id=batch_id).scalar_one()
    return number


def list_refused(connection: Connection, batch_id: UUID, file_rows: Sequence[int]) -> Sequence[Any]:
    """List those of the rows that are refused and not paid as mended rows.

    Columns: file_row, root_row_id, reason (the first one).
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.file_row, r.root_row_id, r.reason
        {_OPEN} AND r.file_row = ANY(CAST(:rows AS int[]))""",
        id=batch_id,
        rows=list(file_rows),
    ).all()
    return found


def list_originals(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List all refused rows of a batch: root id, person key, and whether for their employee.

    What a row was refused for is not published, so after a restore it may have been the employee.
    """
    found: Sequence[Any] = run(
        connection,
        """
        SELECT r.root_row_id, r.person_key, coalesce(i.is_person, true) AS is_person_in_doubt
        FROM batch_row r
        CROSS JOIN LATERAL (
            SELECT bool_or(i.field = 'Employee' OR i.field LIKE 'Employee/%') AS is_person
            FROM issue i
            WHERE i.batch_id = r.batch_id AND i.file_row = r.file_row AND i.outcome = 'row') i
        WHERE r.batch_id = :id AND r.status = 'refused'""",
        id=batch_id,
    ).all()
    return found


def find_also_paid(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """Find the payable rows of a file of mended rows whose loan its family pays already.

    Each has the number and batch of one such row of the same employee. None for other batches.
    """
    found: Sequence[Any] = run(
        connection,
        """
        SELECT r.file_row, r.line, o.batch_id, o.file_row AS other_row
        FROM mended_file m
        JOIN batch b USING (batch_id)
        JOIN batch_row r ON r.batch_id = b.batch_id AND r.status = 'payable'
        CROSS JOIN LATERAL (
            SELECT o.batch_id, o.file_row
            FROM batch_row o
            JOIN batch f ON f.batch_id = o.batch_id AND f.family_id = b.family_id
            JOIN payment_row p ON p.row_id = o.row_id AND NOT p.released
            WHERE o.loan_key = r.loan_key AND o.loan_key <> '' AND o.person_key = r.person_key
                AND o.batch_id <> r.batch_id AND o.root_row_id <> r.root_row_id
            ORDER BY f.uploaded_at, o.file_row
            LIMIT 1) o
        WHERE m.batch_id = :id
        ORDER BY r.file_row""",
        id=batch_id,
    ).all()
    return found


def list_children(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List the child batches of a batch, oldest first, at most 100."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT c.batch_id, c.filename, c.status, c.uploaded_by, c.uploaded_at,
            m.batch_id IS NOT NULL AS is_mended,
            coalesce(t.rows, 0) AS rows, coalesce(t.cents, 0) AS amount_cents
        FROM batch c
        LEFT JOIN mended_file m USING (batch_id)
        LEFT JOIN LATERAL (
            SELECT sum(rows)::int AS rows, sum(amount_cents)::bigint AS cents
            FROM batch_total t
            WHERE t.batch_id = c.batch_id AND t.kind = 'source') t ON true
        WHERE c.parent_batch_id = :id
        ORDER BY c.uploaded_at, c.batch_id
        LIMIT :limit""",
        id=batch_id,
        limit=CHILDREN_MAX,
    ).all()
    return found
