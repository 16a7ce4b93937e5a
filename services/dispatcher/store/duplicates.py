"""Table `duplicate`: payments that are alive twice at the provider, and what people decided."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.events.provider import DecidedDuplicate
from libs.common.database.engine import run


def record(connection: Connection, payment: Row[Any], provider_ids: Sequence[str]) -> bool:
    """Record that these provider payments of one of ours are alive; whether that is news.

    It is news if one of them was in no finding before, or if people had decided that the second
    one had ended. It becomes a finding of its own, or part of the open one, of which a proposal
    then lapses.
    """
    known = run(
        connection,
        """
        SELECT coalesce(max(n), 0) AS n,
               coalesce(
                   bool_or(
                       provider_ids @> CAST(:ids AS text[])
                       AND (decided_at IS NULL OR act <> 'ended')
                   ),
                   false
               ) AS is_known
        FROM duplicate
        WHERE payment_id = :payment_id""",
        payment_id=payment.payment_id,
        ids=list(provider_ids),
    ).one()
    if known.is_known:
        return False
    run(
        connection,
        """
        INSERT INTO duplicate (payment_id, n, batch_id, account_index, provider_ids, alive)
        VALUES (
            :payment_id, :n, :batch_id, :account_index,
            CAST(:ids AS text[]), cardinality(CAST(:ids AS text[]))
        )
        ON CONFLICT (payment_id) WHERE decided_at IS NULL DO UPDATE
        SET provider_ids = ARRAY(
                SELECT DISTINCT unnest(duplicate.provider_ids || excluded.provider_ids)
            ),
            alive = excluded.alive, act = NULL, proposed_by = NULL""",
        payment_id=payment.payment_id,
        n=known.n + 1,
        batch_id=payment.batch_id,
        account_index=payment.account_index,
        ids=list(provider_ids),
    )
    return True


def write_alive(connection: Connection, counts: Mapping[str, int]) -> None:
    """Note how many provider payments of each of ours were alive in the newest list."""
    run(
        connection,
        """
        UPDATE duplicate d
        SET alive = x.alive
        FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS int[])) AS x(payment_id, alive)
        WHERE d.payment_id = x.payment_id AND d.decided_at IS NULL AND d.alive <> x.alive""",
        ids=list(counts),
        counts=list(counts.values()),
    )


def lock_open(connection: Connection, payment_id: UUID) -> Row[Any] | None:
    """Lock the open finding about a payment; None if there is none."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT *
        FROM duplicate
        WHERE payment_id = :id AND decided_at IS NULL
        FOR UPDATE""",
        id=payment_id,
    ).first()
    return found


def propose(connection: Connection, payment_id: UUID, act: str, reason: str, by: str) -> None:
    """Propose what became of the second payment; a second proposal replaces the first."""
    run(
        connection,
        """
        UPDATE duplicate
        SET act = :act, reason = :reason, proposed_by = :by
        WHERE payment_id = :id AND decided_at IS NULL""",
        id=payment_id,
        act=act,
        reason=reason,
        by=by,
    )


def decide(connection: Connection, payment_id: UUID, by: str) -> None:
    """Confirm what was proposed; it stays for ever."""
    run(
        connection,
        """
        UPDATE duplicate
        SET decided_by = :by, decided_at = now()
        WHERE payment_id = :id AND decided_at IS NULL""",
        id=payment_id,
        by=by,
    )


def list_findings(connection: Connection, payment_id: UUID | None = None) -> list[dict[str, Any]]:
    """Return the findings about one payment, or all open ones, oldest first."""
    rows = run(
        connection,
        """
        SELECT payment_id, batch_id, provider_ids AS provider_payment_ids, alive, found_at,
               act, reason, proposed_by, decided_by, decided_at
        FROM duplicate
        WHERE payment_id = :id OR (CAST(:id AS uuid) IS NULL AND decided_at IS NULL)
        ORDER BY found_at, payment_id, n
        LIMIT 1000""",
        id=payment_id,
    )
    return [dict(row) for row in rows.mappings()]


def list_decided(connection: Connection, batch_id: UUID) -> list[DecidedDuplicate]:
    """Return what two people decided about duplicates of a batch, oldest first."""
    rows = run(
        connection,
        """
        SELECT payment_id, provider_ids AS provider_payment_ids, act, reason,
               proposed_by, decided_by, decided_at
        FROM duplicate
        WHERE batch_id = :id AND decided_at IS NOT NULL
        ORDER BY decided_at, payment_id, n
        LIMIT 1000""",
        id=batch_id,
    )
    return [DecidedDuplicate(**row) for row in rows.mappings()]


def count_open(connection: Connection, batch_id: UUID | None = None) -> int:
    """Count the payments, of one batch or all, whose duplicate nobody has decided yet."""
    count: int = run(
        connection,
        """
        SELECT count(*)
        FROM duplicate
        WHERE decided_at IS NULL AND (batch_id = :id OR CAST(:id AS uuid) IS NULL)""",
        id=batch_id,
    ).scalar_one()
    return count


def is_any_alive(connection: Connection) -> bool:
    """Whether an undecided duplicate is still alive at the provider."""
    found = run(
        connection, "SELECT 1 FROM duplicate WHERE decided_at IS NULL AND alive > 1 LIMIT 1"
    ).first()
    return found is not None
