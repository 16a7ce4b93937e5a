"""Rows whose loan is paid for another employee id on the same days, from `payment`."""

from typing import Final

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.domain.other_people import OtherPayee
from services.ingest.store.claimed_days import DAYS_OF_BATCH, GIVEN_DAYS
from services.ingest.store.paid_loans import REDIRECTED, STANDING_REDIRECTED, TAKES_PLACE

#: The loans of a batch that a batch of another family pays for somebody else on one of its days, or
#: more: a redirected loan counts as well, here and there.
_SHARED_LOANS: Final = f"""
    SELECT loan_key
    FROM (
        SELECT loan_key, person_key, true AS is_here
        FROM batch_row
        WHERE batch_id = :id AND status <> 'refused' AND loan_key <> ''
        UNION ALL
        SELECT loan_key, person_key, true
        FROM ({REDIRECTED}) e
        WHERE family_id = CAST(:family AS uuid)
        UNION ALL
        SELECT loan_key, person_key, false
        FROM batch_row
        WHERE (status = 'payable' OR reason_code = 'redirected') AND loan_key <> ''
            AND batch_id <> :id
            AND batch_id = ANY(ARRAY(
                SELECT b.batch_id
                FROM approval
                JOIN batch b USING (batch_id)
                WHERE {DAYS_OF_BATCH} && {GIVEN_DAYS} AND b.family_id <> :family))) r
    GROUP BY loan_key
    HAVING count(DISTINCT person_key) > 1 AND bool_or(is_here) AND bool_or(NOT is_here)"""  # noqa: S608 - our own text
_OF_ROW: Final = """
    n.row_id, n.file_row, n.line, n.person_key, n.first_name, n.last_name, n.dob_index"""
#: The rows of a batch, once for each of `:loans` that they would pay, or whose place they take.
_MINE: Final = f"""
    SELECT {_OF_ROW}, n.loan_key, false AS is_redirected
    FROM batch_row n
    WHERE n.batch_id = :id AND n.status <> 'refused'
        AND n.loan_key = ANY(CAST(:loans AS text[])) AND (n.redirect_of = 0 OR {TAKES_PLACE})
    UNION ALL
    SELECT {_OF_ROW}, e.loan_key, true
    FROM ({REDIRECTED}) e
    JOIN batch_row n ON n.root_row_id = e.root_row_id AND n.loan_key <> e.loan_key
    WHERE e.family_id = CAST(:family AS uuid) AND e.loan_key = ANY(CAST(:loans AS text[]))
        AND n.batch_id = :id AND n.status <> 'refused' AND (n.redirect_of = 0 OR {TAKES_PLACE})"""  # noqa: S608 - our own text


def lock_approvals(connection: Connection) -> None:
    """Wait for other approvals, and let others wait until this transaction ends."""
    run(connection, "SELECT pg_advisory_xact_lock(hashtext('ingest.approvals'))")


def find_other_payees(connection: Connection, batch: Batch) -> list[OtherPayee]:
    """Find the rows of a batch whose loan a payment of another person and family pays.

    One line for each row and other payment. A payment counts while its rows are not released.
    A loan whose place a row or a payment takes counts as its own. Rows of this batch that are
    refused, or whose redirection was taken back, do not count.

    The loans are found first, by reading the rows of these batches once, each by the index of its
    batch, so that no plan can become slow for lack of statistics (as in `overlaps`); the rest is
    found by indexes.
    """
    values = {"id": batch.batch_id, "family": batch.family_id}
    days = {"first": batch.period, "last": batch.last_day}
    loans: list[str] = (
        run(
            connection,
            _SHARED_LOANS,
            **values,
            **days,
        )
        .scalars()
        .all()
    )
    if not loans:
        return []
    found = run(
        connection,
        f"""
        WITH mine AS MATERIALIZED ({_MINE}),
        found AS (
            SELECT r.*, b.batch_id, p.employee_id, l.row_id AS other_row_id,
                r.is_redirected AS by_redirection
            FROM mine r
            JOIN payment p ON p.loan_key = r.loan_key AND p.person_key <> r.person_key
            JOIN batch b ON b.batch_id = p.batch_id AND {DAYS_OF_BATCH} && {GIVEN_DAYS}
                AND b.family_id <> :family
            JOIN payment_row l ON l.payment_id = p.payment_id AND NOT l.released
            UNION ALL
            SELECT r.*, p.batch_id, p.employee_id, p.row_id, true
            FROM mine r
            JOIN ({STANDING_REDIRECTED}) p ON p.loan_key = r.loan_key
                AND p.person_key <> r.person_key AND p.days && {GIVEN_DAYS}
                AND p.family_id <> :family
        )
        SELECT DISTINCT ON (r.file_row, r.batch_id, r.employee_id)
            r.row_id, r.file_row, r.line, r.batch_id, r.employee_id,
            (lower(r.first_name), lower(r.last_name))
                = (lower(o.first_name), lower(o.last_name)) AS same_name,
            r.dob_index = o.dob_index AND r.dob_index <> '' AS same_birth_date,
            r.by_redirection AS is_redirected
        FROM found r
        JOIN batch_row o ON o.row_id = r.other_row_id
        ORDER BY r.file_row, r.batch_id, r.employee_id, r.by_redirection, r.other_row_id""",  # noqa: S608 - our own text
        loans=loans,
        **values,
        **days,
    )
    return [OtherPayee(**row) for row in found.mappings()]
