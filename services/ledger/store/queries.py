"""What the ledger shows: certificates, totals, accounts, journals, runs and breaks. Reads only; money as cents and as text."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.money import CURRENCY, dollars
from libs.common.database.engine import run
from services.ledger.reconciliation import rules
from services.ledger.reconciliation.rules import Tally

#: A batch in one of these pays nothing any more: what was payable and never sent counts as cancelled.
ENDED = frozenset({"discarded", "expired", "rejected", "cancelled"})

ACCOUNTS = """
    SELECT b.batch_id, b.account,
        CAST(coalesce(sum(b.amount_cents) FILTER (WHERE b.layer = 'pending'), 0) AS bigint) AS pending_cents,
        CAST(coalesce(sum(b.row_count) FILTER (WHERE b.layer = 'pending'), 0) AS bigint) AS pending_rows,
        CAST(coalesce(sum(b.amount_cents) FILTER (WHERE b.layer = 'posted'), 0) AS bigint) AS posted_cents,
        CAST(coalesce(sum(b.row_count) FILTER (WHERE b.layer = 'posted'), 0) AS bigint) AS posted_rows
    FROM balance b WHERE (CAST(:batch_id AS uuid) IS NULL OR b.batch_id = :batch_id) AND (:q = '' OR b.account LIKE '%' || :q || '%')
    GROUP BY 1, 2 ORDER BY 1, 2"""
JOURNALS = """
    SELECT j.journal_id, j.batch_id, j.payment_id, j.kind, j.amount_cents, j.row_count AS rows, j.posted_at,
        (SELECT jsonb_agg(jsonb_build_object('n', e.n, 'account', e.account, 'layer', e.layer, 'amount_cents', e.amount_cents, 'rows', e.row_count)
                          ORDER BY e.n) FROM entry e WHERE e.journal_id = j.journal_id) AS entries
    FROM journal j WHERE (CAST(:batch_id AS uuid) IS NULL OR j.batch_id = :batch_id)
        AND (CAST(:payment_id AS uuid) IS NULL OR j.payment_id = :payment_id) AND (:kind = '' OR j.kind = :kind)
    ORDER BY j.posted_at, j.payment_id, array_position(ARRAY['hold', 'settle', 'release', 'reverse'], j.kind)"""
RUNS = """
    SELECT run_id, batch_id, complete, pages, lines, amount_cents, from_at, begun_at, closed_at, requested_by, message,
        coalesce(verdict, 'waiting') AS status, break_count, judged_at
    FROM statement_run WHERE (CAST(:batch_id AS uuid) IS NULL OR batch_id = :batch_id) AND (:status = '' OR coalesce(verdict, 'waiting') = :status)
    ORDER BY begun_at DESC, run_id"""
BREAKS = """
    SELECT break_id, batch_id, kind, subject, payment_id, provider_payment_id, expected, found, first_run_id, last_run_id, opened_at, last_seen_at,
        closed_at, CASE WHEN closed_at IS NULL THEN 'open' ELSE 'closed' END AS status,
        CAST(extract(epoch FROM coalesce(closed_at, now()) - opened_at) AS bigint) AS age_s
    FROM reconciliation_break WHERE (CAST(:batch_id AS uuid) IS NULL OR batch_id = :batch_id) AND (:kind = '' OR kind = :kind)
        AND (:status = '' OR (:status = 'open') = (closed_at IS NULL))
    ORDER BY closed_at IS NOT NULL, opened_at, break_id"""


def page(
    connection: Connection, query: str, limit: int, offset: int, **filters: Any
) -> tuple[list[dict[str, Any]], int]:
    """One page of an ordered query above, and how many rows it has in all."""
    total = run(connection, f"SELECT count(*) FROM ({query}) AS everything", **filters).scalar_one()  # noqa: S608 - one of the texts above
    rows = (
        run(
            connection,
            f"{query} LIMIT :limit OFFSET :offset",
            **filters,
            limit=limit,
            offset=offset,
        )
        .mappings()
        .all()
    )
    return [spoken(dict(row)) for row in rows], total


def spoken(value: Any) -> Any:  # JSON
    """Beside each `…cents` its text: `amount_cents` gives `amount`, `pending_cents` gives `pending`; in nested values too."""
    if isinstance(value, list):
        return [spoken(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, item in value.items():
        if name.endswith("_cents"):
            result |= {name: int(item), name.removesuffix("_cents"): dollars(int(item))}
        else:
            result[name] = spoken(item)
    return result


def certificates(connection: Connection, batch_id: UUID) -> list[dict[str, Any]]:
    """Every version of a batch's certificate, newest first."""
    rows = run(
        connection,
        "SELECT body, issued_at FROM certificate WHERE batch_id = :id ORDER BY version DESC",
        id=batch_id,
    )
    return [spoken({**row.body, "currency": CURRENCY, "issued_at": row.issued_at}) for row in rows]


def totals(connection: Connection, batch_id: UUID) -> dict[str, Any] | None:
    """The outcomes of a batch at this moment, and its balances by source and by branch; None if the batch is unknown."""
    batch = run(connection, "SELECT * FROM batch WHERE batch_id = :id", id=batch_id).first()
    if batch is None:
        return None
    statuses = run(
        connection,
        """
        SELECT status, sum(row_count) AS rows, sum(amount_cents) AS cents, max(status_at) AS last FROM payment WHERE batch_id = :id GROUP BY 1""",
        id=batch_id,
    ).all()
    outcomes = _outcomes(
        batch, {row.status: Tally(int(row.rows), int(row.cents)) for row in statuses}
    )
    accounts = run(connection, ACCOUNTS, batch_id=batch_id, q="").mappings().all()
    sides: dict[str, list[dict[str, Any]]] = {"source": [], "branch": []}
    for row in accounts:
        side, _, name = row["account"].partition(":")
        sides[side].append(
            spoken({f"{'source_account' if side == 'source' else 'branch'}_id": name, **row})
        )
    return {
        "batch_id": batch_id,
        "status": batch.status,
        "currency": CURRENCY,
        "as_of": max((row.last for row in statuses), default=batch.changed_at),
        "outcomes": {
            name: spoken({"rows": t.rows, "amount_cents": t.amount_cents})
            for name, t in outcomes.items()
        },
        "sources": sides["source"],
        "branches": sides["branch"],
    }


def _outcomes(batch: Any, by_status: Mapping[str, Tally]) -> dict[str, Tally]:  # a row of `batch`
    found = {name: by_status.get(status, Tally()) for status, name in rules.OUTCOMES.items()}
    rest = Tally(
        batch.row_counts["payable"] - sum(t.rows for t in found.values()),
        batch.amounts_cents["payable"] - sum(t.amount_cents for t in found.values()),
    )
    where = "cancelled" if batch.status in ENDED else "pending"
    known = found.get(where, Tally())
    found[where] = Tally(known.rows + rest.rows, known.amount_cents + rest.amount_cents)
    found |= {
        name: Tally(batch.row_counts[name], batch.amounts_cents[name]) for name in rules.UNPAID
    }
    return {
        "total": Tally(batch.row_counts["total"], batch.amounts_cents["total"]),
        "pending": Tally(),
        **found,
    }
