"""The uploaded files, as table `batch` knows them."""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run


def list_files(connection: Connection) -> dict[UUID, str]:
    """The SHA-256 of the inflated file of each batch that was uploaded as one."""
    rows = run(
        connection,
        """
        SELECT batch_id, content_sha256
        FROM batch
        WHERE content_sha256 IS NOT NULL""",
    )
    return {row.batch_id: row.content_sha256 for row in rows}
