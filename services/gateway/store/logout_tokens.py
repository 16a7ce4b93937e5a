"""The table `logout_token`: which logout tokens of the identity provider were used."""

from sqlalchemy import Connection

from libs.common.database.engine import run


def use_once(connection: Connection, jti_hash: bytes, kept_s: int) -> bool:
    """Record a logout token by the hash of its id; False if it was used before.

    Args:
        kept_s: seconds after which the token is too old to be accepted, so its row may go.
    """
    run(connection, "DELETE FROM logout_token WHERE ends_at < now()")
    inserted = run(
        connection,
        """
        INSERT INTO logout_token (jti_hash, ends_at)
        VALUES (:jti_hash, now() + make_interval(secs => :kept_s))
        ON CONFLICT DO NOTHING""",
        jti_hash=jti_hash,
        kept_s=kept_s,
    )
    return bool(inserted.rowcount)
