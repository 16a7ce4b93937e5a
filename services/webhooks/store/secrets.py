"""The table `secret_in_use`: since when this service has had its secret, by a digest of it."""

from datetime import datetime

from sqlalchemy import Connection

from libs.common.database.engine import run


def in_use_since(connection: Connection, digest: str) -> datetime:
    """Since when a secret is in use. The first call for a secret is that moment."""
    run(
        connection,
        """
        INSERT INTO secret_in_use (secret_digest)
        VALUES (:digest)
        ON CONFLICT DO NOTHING""",
        digest=digest,
    )
    since: datetime = run(
        connection,
        "SELECT since FROM secret_in_use WHERE secret_digest = :digest",
        digest=digest,
    ).scalar_one()
    return since
