"""What is paid for people in a calendar year: approved payments that have not ended unpaid.

A payment counts in the year in which the last day of its pay period lies.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.domain.year_limit import YearRow

#: The year of a batch `b`.
YEAR_OF_BATCH = "CAST(extract(year FROM coalesce(b.period_end, b.period + 13)) AS int)"

#: Rows and sums are put below each other, and summed by person: a join of both took minutes for
#: 50,000 rows where the statistics did not know the rows of a batch that was just read.
OVER_IN_YEAR = f"""
    SELECT file_row, line, person_key, CAST(year_cents AS bigint) AS year_cents
    FROM (
        SELECT file_row, line, person_key, sum(cents) OVER (PARTITION BY person_key) AS year_cents
        FROM (
            SELECT file_row, line, person_key, CAST(amount_cents AS numeric) AS cents
            FROM batch_row
            WHERE batch_id = :id AND status = 'payable' AND person_key <> ''
            UNION ALL
            SELECT NULL, NULL, p.person_key, sum(p.amount_cents)
            FROM payment p
            WHERE p.batch_id IN (
                    SELECT b.batch_id
                    FROM approval
                    JOIN batch b USING (batch_id)
                    WHERE {YEAR_OF_BATCH} = :year AND b.batch_id <> :id)
                AND p.status = 'live' AND p.person_key <> ''
            GROUP BY p.person_key) u) summed
    WHERE file_row IS NOT NULL AND year_cents > :more_than
    ORDER BY file_row"""  # noqa: S608 - our own text


def sum_year(connection: Connection, person_key: str, year: int) -> int:
    """The cents of a person's payments of a year that are neither failed, cancelled nor reversed.

    The person's rows are found first: there is an index on them.
    """
    cents: int = run(
        connection,
        f"""
        SELECT CAST(coalesce(sum(l.amount_cents), 0) AS bigint)
        FROM batch_row r
        JOIN payment_row l USING (row_id)
        JOIN payment p ON p.payment_id = l.payment_id AND p.status = 'live'
        JOIN batch b ON b.batch_id = p.batch_id
        WHERE r.person_key = :key AND r.person_key <> '' AND {YEAR_OF_BATCH} = :year""",  # noqa: S608 - our own text
        key=person_key,
        year=year,
    ).scalar_one()
    return cents


def list_year_rows(
    connection: Connection, batch: Batch, year: int, more_than: int
) -> list[YearRow]:
    """List the payable rows of people for whom more than so many cents would be paid in the year.

    Counted are the payable rows of the batch, and the payments of other batches that are neither
    failed, cancelled nor reversed.
    """
    found = run(
        connection,
        OVER_IN_YEAR,
        id=batch.batch_id,
        year=year,
        more_than=more_than,
    )
    return [YearRow(**row) for row in found.mappings()]


def list_people(connection: Connection, year: int) -> list[dict[str, Any]]:
    """List everybody for whom something of the year is paid or to be paid, ordered by employee id.

    Of each: the newest spelling of the employee id and the newest branch, how many payments, their
    cents. Payments that failed, were cancelled or were returned do not count.
    """
    found = run(
        connection,
        f"""
        WITH counted AS (
            SELECT p.person_key, count(*) AS payments,
                CAST(sum(p.amount_cents) AS bigint) AS counted_cents
            FROM payment p
            JOIN batch b USING (batch_id)
            WHERE p.status = 'live' AND p.person_key <> '' AND {YEAR_OF_BATCH} = :year
            GROUP BY p.person_key
        ), newest AS (
            SELECT DISTINCT ON (r.person_key) r.person_key, r.employee_id, r.branch_id
            FROM batch_row r
            JOIN batch b USING (batch_id)
            WHERE r.person_key IN (SELECT person_key FROM counted)
            ORDER BY r.person_key, b.uploaded_at DESC, r.file_row
        )
        SELECT n.employee_id, n.branch_id, c.payments, c.counted_cents
        FROM counted c
        JOIN newest n USING (person_key)
        ORDER BY n.employee_id COLLATE "C", c.person_key""",  # noqa: S608 - our own text
        year=year,
    )
    return [dict(row) for row in found.mappings()]


def list_batches(connection: Connection, year: int) -> list[dict[str, Any]]:
    """List the approved batches that count in a year, oldest pay period first."""
    found = run(
        connection,
        f"""
        SELECT CAST(b.batch_id AS text) AS batch_id, CAST(b.period AS text) AS period, b.status,
            b.version, coalesce(b.digest, '') AS digest
        FROM approval a
        JOIN batch b USING (batch_id)
        WHERE {YEAR_OF_BATCH} = :year
        ORDER BY b.period, b.batch_id""",  # noqa: S608 - our own text
        year=year,
    )
    return [dict(row) for row in found.mappings()]


def list_people_included(connection: Connection, batch_id: UUID) -> frozenset[str]:
    """List the keys of the people of whom the approver includes a row in the act of approving."""
    return frozenset(
        run(
            connection,
            """
            SELECT DISTINCT r.person_key
            FROM decision d
            JOIN decision_row o USING (decision_id)
            JOIN batch_row r ON r.batch_id = o.batch_id AND r.file_row = o.file_row
            WHERE d.batch_id = :id AND d.at_approval""",
            id=batch_id,
        ).scalars()
    )
