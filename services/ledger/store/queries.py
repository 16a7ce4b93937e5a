"""What the ledger shows to people: certificates, totals, accounts, journals, runs and breaks.

Reads only. Money is shown in cents and, beside it, as text.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.money import CURRENCY, dollars
from libs.common.database.engine import run
from services.ledger.domain.outcomes import Tally, current_tallies
from services.ledger.store import batches

Item = dict[str, Any]  # JSON

ACCOUNTS = """
    SELECT
        b.batch_id, b.account,
        CAST(coalesce(
            sum(b.amount_cents) FILTER (WHERE b.layer = 'pending'), 0
        ) AS bigint) AS pending_cents,
        CAST(coalesce(
            sum(b.row_count) FILTER (WHERE b.layer = 'pending'), 0
        ) AS bigint) AS pending_rows,
        CAST(coalesce(
            sum(b.amount_cents) FILTER (WHERE b.layer = 'posted'), 0
        ) AS bigint) AS posted_cents,
        CAST(coalesce(
            sum(b.row_count) FILTER (WHERE b.layer = 'posted'), 0
        ) AS bigint) AS posted_rows
    FROM balance b
    WHERE (CAST(:batch_id AS uuid) IS NULL OR b.batch_id = :batch_id)
        AND (:q = '' OR b.account LIKE '%' || :q || '%')
    GROUP BY 1, 2
    ORDER BY 1, 2"""
JOURNALS = """
    SELECT
        j.journal_id, j.batch_id, j.payment_id, j.kind,
        j.amount_cents, j.row_count AS rows,
        j.posted_at,
        (
            SELECT jsonb_agg(
                jsonb_build_object(
                    'n', e.n, 'account', e.account, 'layer', e.layer,
                    'amount_cents', e.amount_cents, 'rows', e.row_count
                )
                ORDER BY e.n
            )
            FROM entry e
            WHERE e.journal_id = j.journal_id
        ) AS entries
    FROM journal j
    WHERE (CAST(:batch_id AS uuid) IS NULL OR j.batch_id = :batch_id)
        AND (CAST(:payment_id AS uuid) IS NULL OR j.payment_id = :payment_id)
        AND (:kind = '' OR j.kind = :kind)
    ORDER BY
        j.posted_at, j.payment_id,
        array_position(ARRAY['hold', 'settle', 'release', 'reverse'], j.kind)"""
RUNS = """
    SELECT
        run_id, batch_id,
        complete, pages, lines, amount_cents,
        from_at, begun_at, closed_at,
        requested_by, message,
        coalesce(verdict, 'waiting') AS status, break_count, judged_at
    FROM statement_run
    WHERE (CAST(:batch_id AS uuid) IS NULL OR batch_id = :batch_id)
        AND (:status = '' OR coalesce(verdict, 'waiting') = :status)
    ORDER BY begun_at DESC, run_id"""
#: An acknowledged break is still found, but as it was seen it bars no certificate.
BREAKS = """
    WITH found AS (
        SELECT
            b.*,
            CASE
                WHEN b.closed_at IS NOT NULL THEN 'closed'
                WHEN a.evidence IS NOT NULL THEN 'acknowledged'
                ELSE 'open'
            END AS status,
            CASE WHEN a.evidence IS NOT NULL THEN jsonb_build_object(
                'act', a.act, 'reason', a.reason,
                'proposed_by', a.proposed_by, 'confirmed_by', a.confirmed_by,
                'confirmed_at', a.confirmed_at,
                'journals', a.journals
            ) END AS acknowledgement,
            CASE WHEN p.evidence IS NOT NULL THEN jsonb_build_object(
                'act', p.act, 'reason', p.reason,
                'by_whom', p.proposed_by, 'at', p.proposed_at
            ) END AS proposal
        FROM reconciliation_break b
        LEFT JOIN acknowledgement a ON a.evidence = b.evidence
        LEFT JOIN acknowledgement_proposal p
            ON p.break_id = b.break_id AND p.evidence = b.evidence
        WHERE (CAST(:batch_id AS uuid) IS NULL OR b.batch_id = :batch_id)
            AND (:kind = '' OR b.kind = :kind)
    )
    SELECT
        break_id, batch_id,
        kind, subject, payment_id, provider_payment_id,
        expected, found, evidence,
        (
            SELECT CAST(coalesce(sum(CAST(m ->> 'amount_cents' AS bigint)), 0) AS bigint)
            FROM jsonb_array_elements(outside) AS m
        ) AS amount_cents,
        first_run_id, last_run_id,
        opened_at, last_seen_at, closed_at,
        status,
        acknowledgement, proposal,
        CAST(extract(epoch FROM coalesce(closed_at, now()) - opened_at) AS bigint) AS age_s
    FROM found
    WHERE :status = '' OR status = :status
    ORDER BY array_position(ARRAY['open', 'acknowledged', 'closed'], status), opened_at, break_id"""
#: Correcting journals, newest first.
CORRECTIONS = """
    SELECT
        c.journal_id, c.batch_id, c.break_id, c.provider_payment_id,
        c.from_account, c.to_account, c.amount_cents, c.posted_at,
        a.act, a.reason, a.proposed_by, a.confirmed_by
    FROM correction c
    JOIN LATERAL (
        SELECT act, reason, proposed_by, confirmed_by
        FROM acknowledgement
        WHERE break_id = c.break_id
            AND confirmed_at = c.posted_at
        ORDER BY evidence
        LIMIT 1
    ) AS a ON true
    WHERE (CAST(:batch_id AS uuid) IS NULL OR c.batch_id = :batch_id)
    ORDER BY c.posted_at DESC, c.journal_id"""
#: The lists by their names in the API.
LISTS = {
    "accounts": ACCOUNTS,
    "journals": JOURNALS,
    "runs": RUNS,
    "breaks": BREAKS,
    "corrections": CORRECTIONS,
}


def read_page(
    connection: Connection, name: str, limit: int, offset: int, **filters: Any
) -> tuple[list[Item], int]:
    """One page of a list in LISTS, and how many items the list has with these filters."""
    query = LISTS[name]
    total = run(
        connection,
        f"SELECT count(*) FROM ({query}) AS everything",  # noqa: S608 - one of the texts above
        **filters,
    ).scalar_one()
    rows = run(
        connection,
        f"{query} LIMIT :limit OFFSET :offset",
        **filters,
        limit=limit,
        offset=offset,
    ).mappings()
    return [with_amounts(dict(row)) for row in rows], total


def with_amounts(value: Any) -> Any:  # JSON
    """The same value with a text beside each amount in cents, in nested values too.

    `amount_cents` gives `amount`, `pending_cents` gives `pending`.
    """
    if isinstance(value, list):
        return [with_amounts(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, item in value.items():
        if name.endswith("_cents"):
            result |= {name: int(item), name.removesuffix("_cents"): dollars(int(item))}
        else:
            result[name] = with_amounts(item)
    return result


def read_certificates(connection: Connection, batch_id: UUID) -> list[Item]:
    """Every version of a batch's certificate, newest first."""
    rows = run(
        connection,
        """
        SELECT body, issued_at
        FROM certificate
        WHERE batch_id = :id
        ORDER BY version DESC""",
        id=batch_id,
    )
    return [
        with_amounts({**row.body, "currency": CURRENCY, "issued_at": row.issued_at}) for row in rows
    ]


def read_totals(connection: Connection, batch_id: UUID) -> Item | None:
    """A batch's outcomes at this moment, and its balances by source and by branch.

    None if the batch is unknown.
    """
    batch = batches.find_batch(connection, batch_id)
    if batch is None:
        return None
    statuses = run(
        connection,
        """
        SELECT
            status,
            sum(row_count) AS rows, sum(amount_cents) AS cents,
            max(status_at) AS newest
        FROM payment
        WHERE batch_id = :id
        GROUP BY 1""",
        id=batch_id,
    ).all()
    tallies = current_tallies(
        batch, {row.status: Tally(int(row.rows), int(row.cents)) for row in statuses}
    )
    balances = run(connection, ACCOUNTS, batch_id=batch_id, q="").mappings().all()
    return {
        "batch_id": batch_id,
        "status": batch.status,
        "currency": CURRENCY,
        "as_of": max((row.newest for row in statuses), default=batch.changed_at),
        "outcomes": {
            outcome: with_amounts({"rows": tally.rows, "amount_cents": tally.amount_cents})
            for outcome, tally in tallies.items()
        },
        "sources": _side("source", "source_account_id", balances),
        "branches": _side("branch", "branch_id", balances),
    }


def _side(prefix: str, id_field: str, balances: Sequence[Mapping[str, Any]]) -> list[Item]:
    """The balances of the accounts with a prefix, each with what follows the prefix as its id."""
    return [
        with_amounts({id_field: balance["account"].removeprefix(f"{prefix}:"), **balance})
        for balance in balances
        if balance["account"].startswith(f"{prefix}:")
    ]
