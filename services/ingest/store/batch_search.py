"""Batches by file name, id or period; branches and source accounts by the beginning of their id."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.store.person_search import like_prefix


def find_batches(connection: Connection, given: str, limit: int) -> Sequence[Any]:
    """Find batches whose file name has the text in it, or whose id or period begins with it."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT batch_id, filename, status, period, uploaded_at
        FROM batch
        WHERE filename ILIKE :anywhere OR CAST(batch_id AS text) LIKE :prefix
            OR CAST(period AS text) LIKE :prefix
        ORDER BY uploaded_at DESC, batch_id
        LIMIT :limit""",
        anywhere=f"%{like_prefix(given)}",
        prefix=like_prefix(given.lower()),
        limit=limit,
    ).all()
    return found


def find_accounts(connection: Connection, kind: str, given: str, limit: int) -> Sequence[Any]:
    """Find branches or source accounts whose id begins with the text, with their newest batch.

    Args:
        kind: `branch` or `source`.
    """
    found: Sequence[Any] = run(
        connection,
        """
        SELECT f.id, n.batch_id, n.filename
        FROM (
            SELECT DISTINCT id
            FROM batch_total
            WHERE kind = :kind AND lower(id) LIKE :prefix AND id <> ''
            ORDER BY id
            LIMIT :limit) f
        CROSS JOIN LATERAL (
            SELECT b.batch_id, b.filename
            FROM batch_total t
            JOIN batch b USING (batch_id)
            WHERE t.kind = :kind AND lower(t.id) = lower(f.id) AND t.id = f.id
            ORDER BY b.uploaded_at DESC
            LIMIT 1) n
        ORDER BY f.id""",
        kind=kind,
        prefix=like_prefix(given.lower()),
        limit=limit,
    ).all()
    return found
