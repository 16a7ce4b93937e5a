"""Table `merchant`: the student-loan merchant of each institution, as the provider listed it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.database.engine import run


def list_read_since(connection: Connection, institutions: Collection[str], days: int) -> set[str]:
    """Return those of the institutions that were read from the provider in the last `days`."""
    return set(
        run(
            connection,
            """
            SELECT institution_id
            FROM merchant
            WHERE institution_id = ANY(CAST(:ids AS text[]))
                AND read_at > now() - make_interval(days => :days)""",
            ids=list(institutions),
            days=days,
        ).scalars()
    )


def upsert_merchant(
    connection: Connection, institution: str, merchant_id: str, reason: str
) -> None:
    """Store what the provider lists for an institution; a second call replaces the first."""
    run(
        connection,
        """
        INSERT INTO merchant (institution_id, merchant_id, reason)
        VALUES (:id, :merchant_id, :reason)
        ON CONFLICT (institution_id) DO UPDATE
        SET merchant_id = excluded.merchant_id, reason = excluded.reason, read_at = now()""",
        id=institution,
        merchant_id=merchant_id,
        reason=reason,
    )


def list_merchants(connection: Connection, institutions: Collection[str]) -> list[Row[Any]]:
    """Return the merchants of these institutions, in the order of their ids."""
    return list(
        run(
            connection,
            """
            SELECT institution_id, merchant_id, reason
            FROM merchant
            WHERE institution_id = ANY(CAST(:ids AS text[]))
            ORDER BY institution_id""",
            ids=list(institutions),
        )
    )
