"""Tables `batch_row` and `row_seal`: the rows of a batch, and their encrypted personal fields."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.store import bulk_copy

#: The messages of a page, 1.2 KB each, fit into the 4 MB that PostgreSQL usually gives to a sort.
PAGE_ROWS: Final = 2_000


class StagedRow(NamedTuple):
    """A row as it is inserted, before its outcome is known. Ids may be text, as COPY wants."""

    row_id: UUID | str
    root_row_id: UUID | str
    batch_id: UUID | str
    file_row: int
    line: int
    status: str
    reason_code: str
    reason: str
    own_payment_id: UUID | str
    employee_id: str
    branch_id: str
    source_account_id: str
    institution_id: str
    first_name: str
    last_name: str
    loan_last4: str
    loan_index: str
    person_index: str
    dob_index: str
    phone_index: str
    amount_text: str
    amount_cents: int
    person_key: str
    loan_key: str
    redirect_of: int = 0


class EncryptedFields(NamedTuple):
    """The encrypted fields of a row; empty where the row has none.

    `written` is JSON: the text of the file where the value was normalised.
    """

    row_id: UUID | str
    first_name: str
    last_name: str
    dob: str
    phone: str
    loan: str
    written: str


def insert_rows(connection: Connection, rows: Iterable[StagedRow]) -> None:
    """Insert rows that do not exist."""
    bulk_copy.copy_rows(connection, "batch_row", StagedRow._fields, rows)


def insert_encrypted_fields(connection: Connection, fields: Iterable[EncryptedFields]) -> None:
    """Insert the encrypted fields of rows that have none."""
    bulk_copy.copy_rows(connection, "row_seal", EncryptedFields._fields, fields)


def refuse_rows(
    connection: Connection, batch_id: UUID, column: str, key: str, code: str, message: str
) -> None:
    """Refuse all rows of one employee or one source; refused rows keep their first reason.

    Rows that are refused for their source lose it.

    Args:
        column: `employee_id` or `source_account_id`.
        key: the value of that column.
    """
    assert column in {"employee_id", "source_account_id"}
    without_source = ", source_account_id = ''" if column == "source_account_id" else ""
    run(
        connection,
        f"""
        UPDATE batch_row
        SET status = 'refused',
            reason_code = CASE status WHEN 'refused' THEN reason_code ELSE :code END,
            reason = CASE status WHEN 'refused' THEN reason ELSE :message END
            {without_source}
        WHERE batch_id = :id AND {column} = :key""",  # noqa: S608 - one of two column names
        id=batch_id,
        key=key,
        code=code,
        message=message,
    )


def rename_source(connection: Connection, batch_id: UUID, old: str, new: str) -> None:
    """Move the rows of one payor id to another: two ids on one account are one source."""
    run(
        connection,
        """
        UPDATE batch_row
        SET source_account_id = :new
        WHERE batch_id = :id AND source_account_id = :old""",
        id=batch_id,
        old=old,
        new=new,
    )


def has_rows(connection: Connection, batch_id: UUID) -> bool:
    """Whether rows were read from the batch's file."""
    found = run(
        connection, "SELECT 1 FROM batch_row WHERE batch_id = :id LIMIT 1", id=batch_id
    ).first()
    return found is not None


def count_payable(connection: Connection, batch_id: UUID) -> int:
    """Count the rows that would be paid."""
    number: int = run(
        connection,
        """
        SELECT count(*)
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable'""",
        id=batch_id,
    ).scalar_one()
    return number


def sum_payable(connection: Connection, batch_id: UUID) -> tuple[int, int]:
    """The number of payments that the payable rows make, and their cents."""
    found = run(
        connection,
        """
        SELECT count(DISTINCT payment_id) AS payments,
            coalesce(sum(amount_cents), 0)::bigint AS cents
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable'""",
        id=batch_id,
    ).one()
    return found.payments, found.cents


def count_and_sum_payable(
    connection: Connection, batch_id: UUID, row_ids: Collection[UUID] | None = None
) -> tuple[int, int]:
    """The number of payable rows, of all or of these, and their cents."""
    found = run(
        connection,
        """
        SELECT count(*) AS rows, coalesce(sum(amount_cents), 0)::bigint AS cents
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable'
            AND (CAST(:ids AS uuid[]) IS NULL OR row_id = ANY(CAST(:ids AS uuid[])))""",
        id=batch_id,
        ids=None if row_ids is None else [str(one) for one in row_ids],
    ).one()
    return found.rows, found.cents


def find_row(connection: Connection, row_id: UUID) -> Any:
    """Find a row; None if there is no such row."""
    return run(connection, "SELECT * FROM batch_row WHERE row_id = :id", id=row_id).first()


def list_institutions(connection: Connection, batch_id: UUID) -> Sequence[str]:
    """List the institutions of all rows that are not refused."""
    found: Sequence[str] = (
        run(
            connection,
            """
            SELECT DISTINCT institution_id
            FROM batch_row
            WHERE batch_id = :id AND status <> 'refused'
            ORDER BY institution_id""",
            id=batch_id,
        )
        .scalars()
        .all()
    )
    return found


def list_excluded_in_period(
    connection: Connection, batch_id: UUID, row_ids: Collection[UUID]
) -> Sequence[Any]:
    """List those of the rows, with their reasons, that are excluded because of their pay period."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT row_id, file_row, reason, amount_cents
        FROM batch_row
        WHERE row_id = ANY(CAST(:ids AS uuid[])) AND batch_id = :id
            AND status = 'excluded'
            AND reason_code IN ('already_in_period', 'same_person_in_period')""",
        ids=[str(one) for one in row_ids],
        id=batch_id,
    ).all()
    return found


def list_included(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List the rows, with their reasons, that an approver included."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT row_id, reason
        FROM batch_row
        WHERE batch_id = :id AND status = 'payable' AND reason_code = 'included'
        ORDER BY file_row""",
        id=batch_id,
    ).all()
    return found


def list_unpaid(connection: Connection, row_ids: Sequence[UUID]) -> dict[UUID, str]:
    """List those of the rows that may be paid in a child batch, and what became of each.

    These are unpayable rows and rows of payments that failed or were cancelled, unless another
    payment of the same file row is live.
    """
    found = run(
        connection,
        """
        SELECT r.row_id, CASE r.status WHEN 'payable' THEN p.status ELSE r.status END AS outcome
        FROM batch_row r
        LEFT JOIN payment p ON p.payment_id = r.payment_id AND p.batch_id = r.batch_id
        WHERE r.row_id = ANY(CAST(:ids AS uuid[]))
            AND (r.status = 'unpayable'
                OR (r.status = 'payable' AND p.status IN ('failed', 'cancelled')))
            AND NOT EXISTS (
                SELECT
                FROM payment_row l
                WHERE l.root_row_id = r.root_row_id AND NOT l.released)""",
        ids=list(row_ids),
    )
    return {row.row_id: row.outcome for row in found}


_PAGE_FOR_DIGEST = """
    SELECT r.row_id::text, r.root_row_id::text, r.file_row,
        r.status, r.reason_code, r.reason, r.amount_text, r.amount_cents, r.payment_id::text,
        r.employee_id, r.branch_id, r.source_account_id, r.institution_id, r.merchant_id,
        r.person_index, r.loan_index, r.revision = b.revision AS changed
    FROM batch_row r
    JOIN batch b USING (batch_id)
    WHERE r.batch_id = :id AND r.file_row > :after
    ORDER BY r.file_row
    LIMIT :page"""

_PAGE_WITH_ENCRYPTED_FIELDS = """
    SELECT r.*,
        s.first_name AS first_name_encrypted, s.last_name AS last_name_encrypted,
        s.dob AS dob_encrypted, s.phone AS phone_encrypted, s.loan AS loan_encrypted,
        s.written AS written_encrypted
    FROM batch_row r
    JOIN row_seal s USING (row_id)
    WHERE r.batch_id = :id AND r.file_row > :after
    ORDER BY r.file_row
    LIMIT :page"""


def pages_for_digest(connection: Connection, batch_id: UUID) -> Iterator[Sequence[Any]]:
    """All rows of a batch in the order of the file, with what a digest covers, as text.

    The last column, `changed`, says whether the row changed in the newest revision.
    """
    return _pages(connection, _PAGE_FOR_DIGEST, batch_id)


def pages_with_encrypted_fields(connection: Connection, batch_id: UUID) -> Iterator[Sequence[Any]]:
    """All rows of a batch in the order of the file, with their `<field>_encrypted`."""
    return _pages(connection, _PAGE_WITH_ENCRYPTED_FIELDS, batch_id)


def _pages(connection: Connection, sql: str, batch_id: UUID) -> Iterator[Sequence[Any]]:
    after = 0
    while True:
        page = run(connection, sql, id=batch_id, after=after, page=PAGE_ROWS).all()
        if not page:
            return
        yield page
        after = page[-1].file_row
