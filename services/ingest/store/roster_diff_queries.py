"""The differences between two rosters, computed from their stored rows.

Rows are compared as they were read, whatever became of them. Of refused rows only one thing
counts: an employee or a loan that a refused row names has not gone.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import APPROVED, NOT_LIVE, Batch
from services.ingest.store.queries import ListOrder, Page

CHANGES: Final = ListOrder(
    "changes", ("position", "employee_id", "swing_cents"), "position", "position"
)

# One line for each employee and loan, and one for each employee, of both rosters. `after` tells
# the rosters apart.
_LINES: Final = """
    line AS (
        SELECT r.batch_id = :id AS after, r.employee_id, r.loan_index,
            max(r.institution_id) AS institution_id, max(r.loan_last4) AS loan_last4,
            count(*) FILTER (WHERE r.status <> 'refused')::int AS rows,
            coalesce(sum(r.amount_cents) FILTER (WHERE r.status <> 'refused'), 0)::bigint AS cents,
            array_agg(DISTINCT s.ein || '/' || s.account_index)
                FILTER (WHERE r.status <> 'refused') AS accounts,
            array_agg(DISTINCT r.source_account_id || ' …' || s.account_last4)
                FILTER (WHERE r.status <> 'refused') AS sources,
            max(ARRAY[r.first_name, r.last_name]) AS names
        FROM batch_row r
        LEFT JOIN batch_source s
            ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
        WHERE r.batch_id IN (:id, :against) AND r.employee_id <> ''
        GROUP BY 1, 2, 3
    ), person AS (
        SELECT r.batch_id = :id AS after, r.employee_id,
            count(*) FILTER (WHERE r.status <> 'refused')::int AS rows,
            coalesce(sum(r.amount_cents) FILTER (WHERE r.status <> 'refused'), 0)::bigint AS cents,
            array_agg(DISTINCT r.branch_id) FILTER (WHERE r.status <> 'refused') AS branches,
            max(ARRAY[r.first_name, r.last_name]) AS names
        FROM batch_row r
        WHERE r.batch_id IN (:id, :against) AND r.employee_id <> ''
        GROUP BY 1, 2
    )"""

# Both sides are joined in full, which the database does by hashing or merging: no plan can become
# slow for lack of statistics. A loan has moved if its employee is in both rosters and it is not.
_PAIRS: Final = """
    people AS (
        SELECT employee_id, coalesce(n.names, o.names) AS names,
            o.rows AS old_rows, o.cents AS old_cents, o.branches AS old_branches,
            n.rows AS new_rows, n.cents AS new_cents, n.branches AS new_branches
        FROM (SELECT * FROM person WHERE NOT after) o
        FULL JOIN (SELECT * FROM person WHERE after) n USING (employee_id)
    ), loans AS (
        SELECT employee_id, loan_index, coalesce(n.names, o.names) AS names,
            o.rows AS old_rows, o.cents AS old_cents,
            o.institution_id AS old_institution, o.loan_last4 AS old_last4,
            o.accounts AS old_accounts, o.sources AS old_sources,
            n.rows AS new_rows, n.cents AS new_cents,
            n.institution_id AS new_institution, n.loan_last4 AS new_last4,
            n.accounts AS new_accounts, n.sources AS new_sources,
            count(o.employee_id) OVER w > 0 AND count(n.employee_id) OVER w > 0 AS stayed
        FROM (SELECT * FROM line WHERE NOT after) o
        FULL JOIN (SELECT * FROM line WHERE after) n USING (employee_id, loan_index)
        WINDOW w AS (PARTITION BY employee_id)
    ), moved AS (
        SELECT *,
            row_number() OVER (
                PARTITION BY employee_id, old_rows IS NULL
                ORDER BY coalesce(old_institution, new_institution),
                    coalesce(old_last4, new_last4), loan_index) AS n
        FROM loans
        WHERE stayed
            AND ((old_rows > 0 AND new_rows IS NULL) OR (new_rows > 0 AND old_rows IS NULL))
    )"""

_OLD_LOAN: Final = """
    jsonb_build_object(
        'amount_cents', old_cents, 'rows', old_rows, 'institution_id', old_institution,
        'loan_last4', old_last4, 'sources', old_sources)"""
_NEW_LOAN: Final = """
    jsonb_build_object(
        'amount_cents', new_cents, 'rows', new_rows, 'institution_id', new_institution,
        'loan_last4', new_last4, 'sources', new_sources)"""

_CHANGES: Final = f"""
    found AS (
        SELECT 'new_person' AS kind, employee_id, names, NULL AS before,
            jsonb_build_object('amount_cents', new_cents, 'rows', new_rows) AS after
        FROM people
        WHERE old_rows IS NULL AND new_rows > 0
        UNION ALL
        SELECT 'gone_person', employee_id, names,
            jsonb_build_object('amount_cents', old_cents, 'rows', old_rows), NULL
        FROM people
        WHERE new_rows IS NULL AND old_rows > 0
        UNION ALL
        SELECT 'branch', employee_id, names,
            jsonb_build_object(
                'amount_cents', old_cents, 'rows', old_rows, 'branch_ids', old_branches),
            jsonb_build_object(
                'amount_cents', new_cents, 'rows', new_rows, 'branch_ids', new_branches)
        FROM people
        WHERE old_branches <> new_branches
        UNION ALL
        SELECT 'loan', employee_id, max(names),
            (array_agg({_OLD_LOAN}) FILTER (WHERE old_rows > 0))[1],
            (array_agg({_NEW_LOAN}) FILTER (WHERE new_rows > 0))[1]
        FROM moved
        GROUP BY employee_id, n
        UNION ALL
        SELECT k.kind, employee_id, names, {_OLD_LOAN}, {_NEW_LOAN}
        FROM loans
        CROSS JOIN (VALUES ('amount'), ('source')) AS k(kind)
        WHERE old_rows > 0 AND new_rows > 0
            AND CASE k.kind
                WHEN 'amount' THEN old_cents <> new_cents
                ELSE old_accounts <> new_accounts
            END
    ), listed AS (
        SELECT *,
            row_number() OVER (
                ORDER BY array_position(CAST(:kinds AS text[]), kind), employee_id,
                    before ->> 'institution_id', before ->> 'loan_last4',
                    after ->> 'institution_id', after ->> 'loan_last4',
                    before, after) AS position,
            abs(
                coalesce(CAST(after ->> 'amount_cents' AS bigint), 0)
                - coalesce(CAST(before ->> 'amount_cents' AS bigint), 0)) AS swing_cents
        FROM found
    ), chosen AS (
        SELECT *
        FROM listed
        WHERE (:kind = '' OR kind = :kind)
            AND (:q = '' OR employee_id ILIKE :pattern
                OR names[1] || ' ' || names[2] ILIKE :pattern)
    )"""  # noqa: S608 - our own text


_STEP_SUMS: Final = ",".join(
    f"""
    CAST(coalesce(sum({unit}) FILTER (WHERE kind = '{kind}'), 0) AS bigint) AS {kind}_{unit}"""
    for kind in ("before", "after", "new_person", "gone_person", "loan", "amount")
    for unit in ("rows", "cents")
)


def find_changes(
    connection: Connection, rosters: tuple[UUID, UUID], kinds: Sequence[str], kind: str, page: Page
) -> Any:
    """Find a page of the changes between two rosters.

    Args:
        rosters: the earlier batch and the later one.
        kinds: the kinds of change, in the order in which they are listed.
        kind: only this kind is listed; all if empty.

    Returns:
        `items` (kind, employee_id, names, before, after, swing_cents), `total`, and `counts` by
        kind, which is None where there is no change.
    """
    earlier, later = rosters
    return run(
        connection,
        f"""
        WITH {_LINES}, {_PAIRS}, {_CHANGES}
        SELECT
            (SELECT jsonb_object_agg(kind, n)
             FROM (SELECT kind, count(*) AS n FROM listed GROUP BY kind) k) AS counts,
            (SELECT count(*) FROM chosen) AS total,
            ARRAY(
                SELECT to_jsonb(c)
                FROM (SELECT * FROM chosen {page.order_by} LIMIT :limit OFFSET :offset) c
            ) AS items""",  # noqa: S608 - our own text
        id=later,
        against=earlier,
        kinds=list(kinds),
        kind=kind,
        q=page.search,
        pattern=page.pattern,
        limit=page.limit,
        offset=page.offset,
    ).one()


def find_previous_roster(connection: Connection, batch: Batch) -> UUID | None:
    """Find the roster uploaded last before this batch that was approved and not cancelled.

    Child batches are no rosters.
    """
    found = run(
        connection,
        """
        SELECT batch_id
        FROM batch
        WHERE status = ANY(:approved) AND parent_batch_id IS NULL
            AND family_id <> :family AND uploaded_at <= :uploaded_at
        ORDER BY uploaded_at DESC, batch_id DESC
        LIMIT 1""",
        approved=[status for status in APPROVED if status not in NOT_LIVE],
        family=batch.family_id,
        uploaded_at=batch.uploaded_at,
    ).scalar()
    return found if isinstance(found, UUID) else None


def sum_steps(connection: Connection, rosters: tuple[UUID, UUID]) -> Any:
    """Rows and cents of two rosters, and what new and gone people, loans and amounts changed.

    Refused rows count in the whole rosters alone, as in the totals of a batch.

    Args:
        rosters: the earlier batch and the later one.

    Returns:
        `<part>_rows` and `<part>_cents` for the parts `before` and `after` (the rosters), and
        `new_person`, `gone_person`, `loan` and `amount` (differences; fewer are below zero).
    """
    earlier, later = rosters
    return run(
        connection,
        f"""
        WITH {_LINES}, {_PAIRS}, step AS (
            SELECT 'new_person' AS kind, new_rows AS rows, new_cents AS cents
            FROM people
            WHERE old_rows IS NULL
            UNION ALL
            SELECT 'gone_person', -old_rows, -old_cents
            FROM people
            WHERE new_rows IS NULL
            UNION ALL
            SELECT 'loan', coalesce(new_rows, 0) - coalesce(old_rows, 0),
                coalesce(new_cents, 0) - coalesce(old_cents, 0)
            FROM moved
            UNION ALL
            SELECT 'amount', new_rows - old_rows, new_cents - old_cents
            FROM loans
            WHERE old_rows > 0 AND new_rows > 0
            UNION ALL
            SELECT CASE WHEN batch_id = :id THEN 'after' ELSE 'before' END,
                count(*), sum(amount_cents)
            FROM batch_row
            WHERE batch_id IN (:id, :against)
            GROUP BY 1
        )
        SELECT {_STEP_SUMS}
        FROM step""",  # noqa: S608 - our own text
        id=later,
        against=earlier,
    ).one()
