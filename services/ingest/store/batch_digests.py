"""Columns of `batch`: its digest, and the part of it that is not of payments."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.digest import BatchDigest


def mark_ready(
    connection: Connection, batch_id: UUID, digest: str, contents_digest: str, now: datetime
) -> None:
    """Fix the digest of a batch in `checking`. It can be approved from now on.

    Args:
        contents_digest: the part of it that is not of payments; empty if its parts are not known.
    """
    run(
        connection,
        """
        UPDATE batch
        SET status = 'ready', digest = :digest, contents_digest = nullif(:contents, ''),
            ready_at = :now
        WHERE batch_id = :id AND status = 'checking'""",
        id=batch_id,
        digest=digest,
        contents=contents_digest,
        now=now,
    )


def set_digest(connection: Connection, batch_id: UUID, digest: BatchDigest) -> None:
    """Set the digest of a batch that is not approved. The database refuses it for one that is."""
    run(
        connection,
        "UPDATE batch SET digest = :digest, contents_digest = :contents WHERE batch_id = :id",
        id=batch_id,
        digest=digest.text,
        contents=digest.contents,
    )
