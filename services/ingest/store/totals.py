"""Table `batch_total`: rows and cents of a batch, by source or branch and by outcome."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def replace_totals(connection: Connection, batch_id: UUID) -> None:
    """Compute the totals of a batch again from its rows."""
    run(connection, "DELETE FROM batch_total WHERE batch_id = :id", id=batch_id)
    run(
        connection,
        """
        INSERT INTO batch_total (batch_id, kind, id, status, rows, amount_cents)
        SELECT batch_id, 'source', source_account_id, status, count(*), sum(amount_cents)
        FROM batch_row
        WHERE batch_id = :id
        GROUP BY 1, 3, 4
        UNION ALL
        SELECT batch_id, 'branch', branch_id, status, count(*), sum(amount_cents)
        FROM batch_row
        WHERE batch_id = :id
        GROUP BY 1, 3, 4""",
        id=batch_id,
    )


def list_totals(connection: Connection, batch_id: UUID) -> Sequence[Any]:
    """List the totals of a batch."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT kind, id, status, rows, amount_cents
        FROM batch_total
        WHERE batch_id = :id
        ORDER BY id""",
        id=batch_id,
    ).all()
    return found


def list_source_totals(connection: Connection, batch_ids: Sequence[UUID]) -> Sequence[Any]:
    """List the totals of several batches by outcome, over all their sources."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT batch_id, kind, status,
            sum(rows)::int AS rows,
            sum(amount_cents)::bigint AS amount_cents
        FROM batch_total
        WHERE batch_id = ANY(CAST(:ids AS uuid[])) AND kind = 'source'
        GROUP BY 1, 2, 3""",
        ids=list(batch_ids),
    ).all()
    return found
