"""The uploaded files, as table `batch` knows them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def list_batch_ids(connection: Connection) -> Collection[UUID]:
    """List the ids of all batches."""
    found: Collection[UUID] = run(connection, "SELECT batch_id FROM batch").scalars().all()
    return found


def list_files(connection: Connection) -> dict[UUID, str]:
    """The SHA-256 of the inflated file of each batch that was uploaded as one."""
    rows = run(
        connection,
        """
        SELECT batch_id, content_sha256
        FROM batch
        WHERE content_sha256 IS NOT NULL
        UNION ALL
        SELECT batch_id, content_sha256
        FROM mended_file""",
    )
    return {row.batch_id: row.content_sha256 for row in rows}


def list_old(connection: Connection, before: datetime) -> Sequence[UUID]:
    """The batches that were uploaded as a file before then, and whose file was read."""
    found: Sequence[UUID] = (
        run(
            connection,
            """
            SELECT batch_id
            FROM batch
            LEFT JOIN mended_file USING (batch_id)
            WHERE coalesce(batch.content_sha256, mended_file.content_sha256) IS NOT NULL
              AND uploaded_at < :before
              AND status NOT IN ('receiving', 'reading')
            ORDER BY uploaded_at""",
            before=before,
        )
        .scalars()
        .all()
    )
    return found
