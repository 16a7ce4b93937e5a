"""What changed against the roster approved before: people, loans, amounts, sources and branches, read from the stored rows and from nowhere else.

Refused rows count for one thing only: who, and which loan, stands in one has not gone. Rows are compared as they were read, whatever became of them.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.money import dollars
from libs.common.database.engine import run
from services.ingest.domain import APPROVED, NOT_LIVE, Refused
from services.ingest.store import batches
from services.ingest.store.queries import LIMIT_MAX, Page, like, next_cursor

#: In the order they are listed: what may send money to a stranger first.
KINDS: Final = ("new_person", "loan", "source", "amount", "branch", "gone_person")
SORTS: Final = ("position", "employee_id", "swing_cents")

# Both sides are joined in full only, which the database does by hashing or by order: no plan of it can be slow for want of statistics.
_COMPARED: Final = """
WITH line AS (
        SELECT r.batch_id = :id AS after, r.employee_id, r.loan_index, max(r.institution_id) AS institution_id, max(r.loan_last4) AS loan_last4,
            count(*) FILTER (WHERE r.status <> 'refused')::int AS rows,
            coalesce(sum(r.amount_cents) FILTER (WHERE r.status <> 'refused'), 0)::bigint AS cents,
            array_agg(DISTINCT s.ein || '/' || s.account_index) FILTER (WHERE r.status <> 'refused') AS accounts,
            array_agg(DISTINCT r.source_account_id || ' …' || s.account_last4) FILTER (WHERE r.status <> 'refused') AS sources,
            max(ARRAY[r.first_name, r.last_name]) AS names
        FROM batch_row r LEFT JOIN batch_source s ON s.batch_id = r.batch_id AND s.source_account_id = r.source_account_id
        WHERE r.batch_id IN (:id, :against) AND r.employee_id <> '' GROUP BY 1, 2, 3),
     person AS (
        SELECT r.batch_id = :id AS after, r.employee_id, count(*) FILTER (WHERE r.status <> 'refused')::int AS rows,
            coalesce(sum(r.amount_cents) FILTER (WHERE r.status <> 'refused'), 0)::bigint AS cents,
            array_agg(DISTINCT r.branch_id) FILTER (WHERE r.status <> 'refused') AS branches, max(ARRAY[r.first_name, r.last_name]) AS names
        FROM batch_row r WHERE r.batch_id IN (:id, :against) AND r.employee_id <> '' GROUP BY 1, 2),
     people AS (
        SELECT employee_id, o.rows AS old_rows, o.cents AS old_cents, o.branches AS old_branches, n.rows AS new_rows, n.cents AS new_cents,
            n.branches AS new_branches, coalesce(n.names, o.names) AS names
        FROM (SELECT * FROM person WHERE NOT after) o FULL JOIN (SELECT * FROM person WHERE after) n USING (employee_id)),
     loans AS (
        SELECT employee_id, loan_index, o.rows AS old_rows, o.institution_id AS old_institution, o.loan_last4 AS old_last4,
            o.cents AS old_cents, o.accounts AS old_accounts, o.sources AS old_sources, n.rows AS new_rows,
            n.institution_id AS new_institution, n.loan_last4 AS new_last4, n.cents AS new_cents, n.accounts AS new_accounts, n.sources AS new_sources,
            coalesce(n.names, o.names) AS names, count(o.employee_id) OVER w > 0 AND count(n.employee_id) OVER w > 0 AS stayed
        FROM (SELECT * FROM line WHERE NOT after) o FULL JOIN (SELECT * FROM line WHERE after) n USING (employee_id, loan_index)
        WINDOW w AS (PARTITION BY employee_id)),
     moved AS (
        SELECT *, row_number() OVER (PARTITION BY employee_id, old_rows IS NULL
                                     ORDER BY coalesce(old_institution, new_institution), coalesce(old_last4, new_last4), loan_index) AS n
        FROM loans WHERE stayed AND ((old_rows > 0 AND new_rows IS NULL) OR (new_rows > 0 AND old_rows IS NULL))),
     found AS (
        SELECT 'new_person' AS kind, employee_id, names, NULL AS before, jsonb_build_object('amount_cents', new_cents, 'rows', new_rows) AS after
        FROM people WHERE old_rows IS NULL AND new_rows > 0
        UNION ALL
        SELECT 'gone_person', employee_id, names, jsonb_build_object('amount_cents', old_cents, 'rows', old_rows), NULL
        FROM people WHERE new_rows IS NULL AND old_rows > 0
        UNION ALL
        SELECT 'branch', employee_id, names, jsonb_build_object('amount_cents', old_cents, 'rows', old_rows, 'branch_ids', old_branches),
            jsonb_build_object('amount_cents', new_cents, 'rows', new_rows, 'branch_ids', new_branches)
        FROM people WHERE old_branches <> new_branches
        UNION ALL
        SELECT 'loan', employee_id, max(names),
            (array_agg(jsonb_build_object('amount_cents', old_cents, 'rows', old_rows, 'institution_id', old_institution, 'loan_last4', old_last4,
                                          'sources', old_sources)) FILTER (WHERE old_rows > 0))[1],
            (array_agg(jsonb_build_object('amount_cents', new_cents, 'rows', new_rows, 'institution_id', new_institution, 'loan_last4', new_last4,
                                          'sources', new_sources)) FILTER (WHERE new_rows > 0))[1]
        FROM moved GROUP BY employee_id, n
        UNION ALL
        SELECT k.kind, employee_id, names,
            jsonb_build_object('amount_cents', old_cents, 'rows', old_rows, 'institution_id', old_institution, 'loan_last4', old_last4, 'sources', old_sources),
            jsonb_build_object('amount_cents', new_cents, 'rows', new_rows, 'institution_id', new_institution, 'loan_last4', new_last4, 'sources', new_sources)
        FROM loans CROSS JOIN (VALUES ('amount'), ('source')) AS k(kind)
        WHERE old_rows > 0 AND new_rows > 0 AND CASE k.kind WHEN 'amount' THEN old_cents <> new_cents ELSE old_accounts <> new_accounts END),
     listed AS (
        SELECT *, row_number() OVER (ORDER BY array_position(CAST(:kinds AS text[]), kind), employee_id, before ->> 'institution_id',
                                              before ->> 'loan_last4', after ->> 'institution_id', after ->> 'loan_last4',
                                              before, after) AS position,
            abs(coalesce(CAST(after ->> 'amount_cents' AS bigint), 0) - coalesce(CAST(before ->> 'amount_cents' AS bigint), 0)) AS swing_cents
        FROM found),
     chosen AS (
        SELECT * FROM listed WHERE (:kind = '' OR kind = :kind)
            AND (:q = '' OR employee_id ILIKE :pattern OR names[1] || ' ' || names[2] ILIKE :pattern))"""


def changes(connection: Connection, batch_id: UUID, page: Page, kind: str) -> dict[str, Any]:
    """A page of what changed, how many changes there are of each kind, and against which batch; `against` is None where there is nothing to compare.

    Raises:
        Refused: no such batch, or no such kind.
    """
    if kind and kind not in KINDS:
        raise Refused(
            "invalid",
            "changes.kind",
            f"There is no such kind of change; there are {', '.join(KINDS)}.",
            "Ask for one of these.",
        )
    order, offset, limit = (
        page.order(SORTS, "position", "position"),
        page.offset(),
        min(max(page.limit, 1), LIMIT_MAX),
    )
    against = reference(connection, batch_id)
    if against is None:
        return {
            "items": [],
            "next": None,
            "total": 0,
            "against": None,
            "counts": dict.fromkeys(KINDS, 0),
        }
    found = run(
        connection,
        f"""{_COMPARED}
        SELECT (SELECT jsonb_object_agg(kind, n) FROM (SELECT kind, count(*) AS n FROM listed GROUP BY 1) k) AS counts,
            (SELECT count(*) FROM chosen) AS total,
            ARRAY(SELECT to_jsonb(c) FROM (SELECT * FROM chosen {order} LIMIT :limit OFFSET :offset) c) AS items""",  # noqa: S608 - a name of SORTS
        id=batch_id,
        against=against,
        kinds=list(KINDS),
        kind=kind,
        q=page.q,
        pattern=like(page.q),
        limit=limit,
        offset=offset,
    ).one()
    counts = found.counts or {}
    return {
        "items": [_item(item) for item in found.items],
        "next": next_cursor(offset + len(found.items), found.total),
        "total": found.total,
        "against": against,
        "counts": {name: counts.get(name, 0) for name in KINDS},
    }


def reference(connection: Connection, batch_id: UUID) -> UUID | None:
    """The batch before this one: the roster uploaded last before it that was approved and not cancelled. None if there is none.

    Child batches are no rosters: neither is one compared (its rows are its parent's), nor is anything compared with one. The same goes for
    a batch whose rows were never read.

    Raises:
        Refused: there is no such batch.
    """
    batch = batches.find(connection, batch_id)
    if (
        batch.parent_batch_id is not None
        or run(
            connection, "SELECT 1 FROM batch_row WHERE batch_id = :id LIMIT 1", id=batch_id
        ).first()
        is None
    ):
        return None
    found = run(
        connection,
        """
        SELECT batch_id FROM batch WHERE status = ANY(:approved) AND parent_batch_id IS NULL AND family_id <> :family AND uploaded_at <= :uploaded_at
        ORDER BY uploaded_at DESC, batch_id DESC LIMIT 1""",
        approved=[status for status in APPROVED if status not in NOT_LIVE],
        family=batch.family_id,
        uploaded_at=batch.uploaded_at,
    ).scalar()
    return found if isinstance(found, UUID) else None


def _item(found: Mapping[str, Any]) -> dict[str, Any]:
    """A change as people see it. `sources` and `branch_ids` are empty where they say nothing about this kind of change."""
    return {
        "kind": found["kind"],
        "employee_id": found["employee_id"],
        "first_name": found["names"][0],
        "last_name": found["names"][1],
        "before": _side(found["before"]),
        "after": _side(found["after"]),
        "swing_cents": found["swing_cents"],
    }


def _side(side: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "amount": dollars(side["amount_cents"]),
        "amount_cents": side["amount_cents"],
        "rows": side["rows"],
        "institution_id": side.get("institution_id") or "",
        "loan_last4": side.get("loan_last4") or "",
        "sources": side.get("sources") or [],
        "branch_ids": side.get("branch_ids") or [],
    }
