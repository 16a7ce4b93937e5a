"""The figures of two rosters, and the amounts that jumped between them, from `batch_row`.

Rows that are refused do not count. Accounts are compared, not payor ids.
"""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.database.engine import run
from services.ingest.domain.roster_warnings import RosterComparison, RosterFigures

_ROWS: Final = """
    SELECT r.batch_id = :id AS after, r.file_row, r.line, r.employee_id, r.loan_index,
        r.branch_id, r.amount_cents, s.ein || '/' || s.account_index AS account,
        r.source_account_id || ' …' || s.account_last4 AS source_name
    FROM batch_row r
    LEFT JOIN batch_source s
        ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
    WHERE r.batch_id IN (:id, :against) AND r.status <> 'refused'"""


def compare_figures(connection: Connection, before: UUID, after: UUID) -> RosterComparison:
    """The figures of both rosters; `before` is the earlier batch."""
    groups = _group(connection, before, after, "account", "max(source_name)")
    branches = _group(connection, before, after, "branch_id", "''")
    people = run(
        connection,
        f"""
        SELECT count(*) FILTER (WHERE is_before) AS before,
            count(*) FILTER (WHERE is_after) AS after,
            count(*) FILTER (WHERE is_after AND NOT is_before) AS new,
            count(*) FILTER (WHERE is_before AND NOT is_after) AS gone
        FROM (
            SELECT employee_id, bool_or(after) AS is_after, bool_or(NOT after) AS is_before
            FROM ({_ROWS}) AS r
            GROUP BY employee_id
        ) AS person""",  # noqa: S608 - our own text
        id=after,
        against=before,
    ).one()

    def figures(is_after: bool, number: int) -> RosterFigures:
        return RosterFigures(
            people=number,
            cents=sum(one.cents for one in branches if one.after is is_after),
            sources={one.key: one.cents for one in groups if one.after is is_after and one.key},
            branches={one.key: one.rows for one in branches if one.after is is_after and one.key},
        )

    return RosterComparison(
        before=figures(False, people.before),
        after=figures(True, people.after),
        new_people=people.new,
        gone_people=people.gone,
        names={one.key: one.name for one in groups if one.after and one.key},
    )


def find_jumps(connection: Connection, before: UUID, after: UUID, times: int) -> list[Row[Any]]:
    """The rows of `after` whose loan or person gets at least `times` what the same one got before.

    Returns:
        `file_row`, `line`, and `old_cents` and `new_cents` of what jumped: the loan, else the
        person. Of a loan with several rows the first one is named.
    """
    return list(
        run(
            connection,
            f"""
            WITH r AS ({_ROWS}), loan AS (
                SELECT employee_id, loan_index,
                    coalesce(sum(amount_cents) FILTER (WHERE NOT after), 0)::bigint AS old_cents,
                    coalesce(sum(amount_cents) FILTER (WHERE after), 0)::bigint AS new_cents,
                    min(file_row) FILTER (WHERE after) AS file_row,
                    min(line) FILTER (WHERE after) AS line
                FROM r
                GROUP BY employee_id, loan_index
            ), whole AS (
                SELECT *,
                    sum(old_cents) OVER person AS old_person,
                    sum(new_cents) OVER person AS new_person
                FROM loan
                WINDOW person AS (PARTITION BY employee_id)
            )
            SELECT file_row, line,
                CASE WHEN old_cents > 0 THEN old_cents ELSE old_person END::bigint AS old_cents,
                CASE WHEN old_cents > 0 THEN new_cents ELSE new_person END::bigint AS new_cents
            FROM whole
            WHERE file_row IS NOT NULL
                AND CASE
                    WHEN old_cents > 0 THEN new_cents >= :times * old_cents
                    ELSE old_person > 0 AND new_person >= :times * old_person
                END
            ORDER BY file_row""",  # noqa: S608 - our own text
            id=after,
            against=before,
            times=times,
        )
    )


def _group(
    connection: Connection, before: UUID, after: UUID, column: str, name: str
) -> list[Row[Any]]:
    """Rows and cents of both rosters by one column."""
    return list(
        run(
            connection,
            f"""
            SELECT after, {column} AS key, {name} AS name,
                count(*)::int AS rows,
                coalesce(sum(amount_cents), 0)::bigint AS cents
            FROM ({_ROWS}) AS r
            GROUP BY 1, 2""",  # noqa: S608 - column names of this file
            id=after,
            against=before,
        )
    )
