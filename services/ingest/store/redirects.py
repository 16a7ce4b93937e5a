"""Redirected loans: rows of `batch_row` that take the place of others, and what they need.

Which redirections stand, their amendments say (`amendments`): `from` the rows whose place is taken,
`to` those that take it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.store.claimed_days import on_given_days
from services.ingest.store.claims import CLAIMED_AS_SPELLED
from services.ingest.store.paid_loans import REDIRECTED as REDIRECTED_LOANS

#: The redirection that stands of a row `r`, for a LATERAL join, found by its index for each row.
REDIRECTED: Final = """
    SELECT s.about, a.decided_by, a.reason
    FROM amendment_row s
    JOIN amendment a USING (decision_id)
    WHERE s.batch_id = r.batch_id AND s.act = 'redirect' AND s.about IN ('from', 'to')
        AND s.file_row = r.file_row AND s.standing AND s.known IN ('', CAST(r.row_id AS text))"""
#: The loans of a batch that are redirected, by person and loan: a row that was refused when its
#: loan was redirected was not. Found once, not for each row.
LOANS_REDIRECTED: Final = """
    SELECT DISTINCT ON (f.person_key, f.loan_key)
        f.person_key, f.loan_key, a.decided_by, a.reason
    FROM amendment_row s
    JOIN amendment a USING (decision_id)
    JOIN batch_row f ON f.batch_id = s.batch_id AND f.file_row = s.file_row
    WHERE s.batch_id = :id AND s.act = 'redirect' AND s.about = 'from' AND s.standing
        AND f.loan_key <> '' AND f.person_key <> ''
    ORDER BY f.person_key, f.loan_key, f.file_row"""
#: The rows of a batch that take the place of loans which another family pays on these days.
OLD_LOANS_PAID: Final = f"""
    SELECT DISTINCT ON (r.row_id) r.row_id, coalesce(d.batch_id, c.batch_id) AS paid_in,
        CASE WHEN e.batch_id = :id THEN 'the loan of row ' || e.file_row
        ELSE 'the loan before its redirection' END AS loan
    FROM ({REDIRECTED_LOANS}) e
    JOIN batch_row r ON r.root_row_id = e.root_row_id AND r.loan_key <> e.loan_key
    LEFT JOIN LATERAL ({CLAIMED_AS_SPELLED.format(row="e")}) c ON true
    LEFT JOIN claimed_days d ON d.loan_key = e.loan_key AND d.person_key = e.person_key
        AND d.family_id <> :family AND {on_given_days("d")}
    WHERE e.family_id = CAST(:family AS uuid) AND r.batch_id = :id
        AND (c.batch_id IS NOT NULL OR d.batch_id IS NOT NULL)
    ORDER BY r.row_id, d.batch_id, c.batch_id"""  # noqa: S608 - our own text


def find_rows_of_loan(connection: Connection, batch_id: UUID, row_id: UUID) -> Sequence[Any]:
    """Find the rows of a batch with the person and the loan of a row, with encrypted fields.

    Those that were refused are left out, but for the row itself. Columns: all of `batch_row`,
    `<field>_encrypted`, `decided_act` ("": no decision stands), `is_redirected`.
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.*,
            s.first_name AS first_name_encrypted, s.last_name AS last_name_encrypted,
            s.dob AS dob_encrypted, s.phone AS phone_encrypted, s.loan AS loan_encrypted,
            s.written AS written_encrypted,
            coalesce(
                (SELECT d.act
                FROM decision_row w
                JOIN decision d USING (decision_id)
                WHERE w.batch_id = r.batch_id AND w.file_row = r.file_row AND w.standing),
                '') AS decided_act,
            EXISTS ({REDIRECTED}) AS is_redirected
        FROM batch_row n
        JOIN batch_row r ON r.batch_id = n.batch_id AND (r.row_id = n.row_id OR (
            r.person_key = n.person_key AND r.loan_key = n.loan_key
            AND n.person_key <> '' AND n.loan_key <> '' AND r.status <> 'refused'
            AND r.reason_code <> 'redirect_taken_back'))
        JOIN row_seal s ON s.row_id = r.row_id
        WHERE n.batch_id = :id AND n.row_id = :row_id
        ORDER BY r.file_row""",  # noqa: S608 - our own text
        id=batch_id,
        row_id=row_id,
    ).all()
    return found


def list_rows_with_loan(connection: Connection, batch_id: UUID, loan_key: str) -> Sequence[Any]:
    """List the rows of a batch with a loan, of those that may be paid.

    Columns: file_row, person_key, source_account_id, loan_index, amount_cents, is_redirected (to
    another loan).
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.file_row, r.person_key, r.source_account_id, r.loan_index, r.amount_cents,
            EXISTS (SELECT FROM ({REDIRECTED}) a WHERE a.about = 'from') AS is_redirected
        FROM batch_row r
        WHERE r.batch_id = :id AND r.loan_key = :loan AND r.loan_key <> ''
            AND r.status <> 'refused' AND r.reason_code <> 'redirect_taken_back'
        ORDER BY r.file_row""",  # noqa: S608 - our own text
        id=batch_id,
        loan=loan_key,
    ).all()
    return found


def last_number(connection: Connection, batch_id: UUID) -> int:
    """The highest number that a row of a batch has, or had before a restore lost it."""
    number: int = run(
        connection,
        """
        SELECT greatest(
            (SELECT max(file_row) FROM batch_row WHERE batch_id = :id),
            (SELECT max(file_row) FROM amendment_row WHERE batch_id = :id))""",
        id=batch_id,
    ).scalar_one()
    return number


def list_taken_numbers(connection: Connection, batch_id: UUID) -> dict[int, UUID]:
    """The numbers of the rows of a batch that took the place of others, with their ids."""
    found = run(
        connection,
        "SELECT file_row, row_id FROM batch_row WHERE batch_id = :id AND redirect_of > 0",
        id=batch_id,
    )
    return {row.file_row: row.row_id for row in found}


def delete_rows(connection: Connection, batch_id: UUID, row_ids: Sequence[UUID]) -> None:
    """Delete rows of an unapproved batch that took the place of others."""
    values = {"id": batch_id, "ids": [str(one) for one in row_ids]}
    run(
        connection,
        """
        DELETE FROM issue i
        USING batch_row r
        WHERE r.batch_id = :id AND r.row_id = ANY(CAST(:ids AS uuid[])) AND r.redirect_of > 0
            AND i.batch_id = r.batch_id AND i.file_row = r.file_row""",
        **values,
    )
    run(
        connection,
        "DELETE FROM row_seal WHERE row_id = ANY(CAST(:ids AS uuid[]))",
        ids=values["ids"],
    )
    run(
        connection,
        """
        DELETE FROM batch_row
        WHERE batch_id = :id AND row_id = ANY(CAST(:ids AS uuid[])) AND redirect_of > 0""",
        **values,
    )


def list_old_loans(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List the loans whose place others take in a batch, with the amendment that says so.

    Columns: decision_id, decided_by, reason, change, loan_key, institution_id, loan_last4.
    """
    found: Sequence[Any] = run(
        connection,
        """
        SELECT DISTINCT ON (a.decision_id, r.loan_key)
            a.decision_id, a.decided_by, a.reason, a.change,
            r.loan_key, r.institution_id, r.loan_last4
        FROM amendment a
        JOIN amendment_row s USING (decision_id)
        JOIN batch_row r ON r.batch_id = a.batch_id AND r.file_row = s.file_row
        WHERE a.batch_id = :id AND s.act = 'redirect' AND s.about = 'from' AND s.standing
            AND r.loan_key <> ''
        ORDER BY a.decision_id, r.loan_key, r.file_row""",
        id=batch_id,
    ).all()
    return found


def list_unheld_days(
    connection: Connection, loan_key: str, first: date
) -> Sequence[tuple[date, date | None]]:
    """The days from one on, for good, on which no hold on a loan stands: first and last of each."""
    found = run(
        connection,
        """
        SELECT lower(gap) AS first_day, upper(gap) - 1 AS last_day
        FROM (
            SELECT unnest(
                datemultirange(daterange(CAST(:first AS date), NULL))
                - coalesce(range_agg(days), datemultirange())) AS gap
            FROM hold
            WHERE kind = 'loan' AND key = :key AND lifted_at IS NULL) g
        ORDER BY 1""",
        key=loan_key,
        first=first,
    )
    return [(row.first_day, row.last_day) for row in found]
