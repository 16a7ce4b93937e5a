"""Table `flag`: findings about payments that a person should look at."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run

DETAIL_MAX = 500


def insert_flag(connection: Connection, payment_id: UUID | None, kind: str, detail: str) -> None:
    """Record a finding; the same finding twice is one flag."""
    run(
        connection,
        """
        INSERT INTO flag (payment_id, kind, detail)
        VALUES (:payment_id, :kind, :detail)
        ON CONFLICT DO NOTHING""",
        payment_id=payment_id,
        kind=kind,
        detail=detail[:DETAIL_MAX],
    )


def count_not_believed(connection: Connection) -> int:
    """Count payments under way whose reading at the provider was not believed."""
    count: int = run(
        connection,
        """
        SELECT count(DISTINCT p.payment_id)
        FROM flag f
        JOIN payment p ON p.payment_id = f.payment_id
        WHERE f.kind IN ('impossible_status', 'not_at_provider')
            AND p.status IN ('sending', 'in_doubt', 'pending')""",
    ).scalar_one()
    return count


def list_flags(connection: Connection, payment_id: UUID) -> list[dict[str, Any]]:
    """Return the findings about a payment, oldest first."""
    rows = run(
        connection,
        """
        SELECT kind, detail, at
        FROM flag
        WHERE payment_id = :id
        ORDER BY flag_id""",
        id=payment_id,
    )
    return [dict(row) for row in rows.mappings()]
