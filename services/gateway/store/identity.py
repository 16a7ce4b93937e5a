"""The SQL of people, sessions and API tokens. Of a session's id and of a token only the hash comes here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run

SESSIONS_MAX = 100  # of one person; the one longest unused gives way
TOUCH_S = 30  # how exactly `seen_at` and `last_used_at` are kept, to spare writes
READ_MAX = 1_000


def put_person(connection: Connection, person: str, name: str, roles: Sequence[str]) -> None:
    """Keep who has signed in, with the roles of this moment; the newest sign-in counts for every session and token of the person."""
    run(
        connection,
        """
        INSERT INTO person (person, name, roles) VALUES (:person, :name, CAST(:roles AS text[]))
        ON CONFLICT (person) DO UPDATE SET name = excluded.name, roles = excluded.roles, signed_in_at = now()""",
        person=person,
        name=name,
        roles=list(roles),
    )


def person(connection: Connection, wanted: str) -> Any:  # Any: a row
    """A person (name, roles) who has signed in before; None if nobody of this id has."""
    return run(
        connection, "SELECT person, name, roles FROM person WHERE person = :person", person=wanted
    ).first()


def persons(connection: Connection) -> list[dict[str, Any]]:
    """Everybody who has ever signed in, by name."""
    rows = run(
        connection,
        "SELECT person AS id, name, roles FROM person ORDER BY name, person LIMIT :most",
        most=READ_MAX,
    )
    return [dict(row) for row in rows.mappings()]


def start_session(
    connection: Connection,
    session_hash: bytes,
    of_person: str,
    idle_s: int,
    max_s: int,
    sealed_id_token: bytes | None,
) -> None:
    """Add a session that ends after `max_s` at the latest, and remove those that have ended."""
    run(
        connection,
        "DELETE FROM session WHERE ends_at < now() OR seen_at < now() - make_interval(secs => :idle_s)",
        idle_s=idle_s,
    )
    run(
        connection,
        """
        DELETE FROM session WHERE session_hash IN (
            SELECT session_hash FROM session WHERE person = :person ORDER BY seen_at DESC OFFSET :most)""",
        person=of_person,
        most=SESSIONS_MAX - 1,
    )
    run(
        connection,
        """
        INSERT INTO session (session_hash, person, ends_at, sealed_id_token)
        VALUES (:hash, :person, now() + make_interval(secs => :max_s), :sealed)""",
        hash=session_hash,
        person=of_person,
        max_s=max_s,
        sealed=sealed_id_token,
    )


def session_person(
    connection: Connection, session_hash: bytes, idle_s: int, *, touch: bool
) -> str | None:
    """Whose session it is; None if it has ended. `touch`: this is a sign of life."""
    row = run(
        connection,
        """
        SELECT person, seen_at < now() - make_interval(secs => :touch_s) AS stale FROM session
        WHERE session_hash = :hash AND ends_at > now() AND seen_at > now() - make_interval(secs => :idle_s)""",
        hash=session_hash,
        idle_s=idle_s,
        touch_s=TOUCH_S,
    ).first()
    if row is None:
        return None
    if touch and row.stale:
        run(
            connection,
            "UPDATE session SET seen_at = now() WHERE session_hash = :hash",
            hash=session_hash,
        )
    return str(row.person)


def end_session(connection: Connection, session_hash: bytes) -> bytes | None:
    """Remove a session; its sealed ID token, if it has one. Nothing happens if it is gone already."""
    row = run(
        connection,
        "DELETE FROM session WHERE session_hash = :hash RETURNING sealed_id_token",
        hash=session_hash,
    ).first()
    return None if row is None or row.sealed_id_token is None else bytes(row.sealed_id_token)


@dataclass(frozen=True)
class Token:
    """A token to be made: for whom, with what scope, by whom."""

    token_id: UUID
    token_hash: bytes
    name: str
    person: str
    roles: tuple[str, ...]
    read_only: bool
    created_by: str
    days: int


SHOWN = """seq, token_id, name, person, roles, read_only, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'active' END AS status"""


def add_token(connection: Connection, token: Token) -> dict[str, Any]:
    """Add a token; it as it is shown."""
    row = run(
        connection,
        f"""
        INSERT INTO api_token (token_id, token_hash, name, person, roles, read_only, created_by, expires_at)
        VALUES (:id, :hash, :name, :person, CAST(:roles AS text[]), :read_only, :created_by, now() + make_interval(days => :days))
        RETURNING {SHOWN}""",  # noqa: S608 - our own text
        id=token.token_id,
        hash=token.token_hash,
        name=token.name,
        person=token.person,
        roles=list(token.roles),
        read_only=token.read_only,
        created_by=token.created_by,
        days=token.days,
    )
    return dict(row.mappings().one())


def live_token(connection: Connection, token_hash: bytes) -> Any:  # Any: a row
    """The token of this hash (token_id, person, roles, read_only) if it counts now, and that it was used; else None."""
    row = run(
        connection,
        """
        SELECT token_id, person, roles, read_only, last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :touch_s) AS stale
        FROM api_token WHERE token_hash = :hash AND revoked_at IS NULL AND expires_at > now()""",
        hash=token_hash,
        touch_s=TOUCH_S,
    ).first()
    if row is not None and row.stale:
        run(
            connection,
            "UPDATE api_token SET last_used_at = now() WHERE token_id = :id",
            id=row.token_id,
        )
    return row


def tokens(
    connection: Connection, limit: int, before: int | None
) -> tuple[list[dict[str, Any]], int]:
    """Tokens made before number `before`, newest first, and how many there are in all."""
    rows = (
        run(
            connection,
            f"""
        SELECT {SHOWN} FROM api_token WHERE CAST(:before AS bigint) IS NULL OR seq < :before ORDER BY seq DESC LIMIT :limit""",  # noqa: S608 - our own text
            before=before,
            limit=min(limit, READ_MAX),
        )
        .mappings()
        .all()
    )
    return [dict(row) for row in rows], int(
        run(connection, "SELECT count(*) FROM api_token").scalar_one()
    )


def revoke_token(connection: Connection, token_id: UUID, by: str) -> dict[str, Any] | None:
    """End a token for ever; it as it is shown, None if there is none. A second call changes nothing."""
    run(
        connection,
        "UPDATE api_token SET revoked_at = now(), revoked_by = :by WHERE token_id = :id AND revoked_at IS NULL",
        id=token_id,
        by=by,
    )
    row = (
        run(connection, f"SELECT {SHOWN} FROM api_token WHERE token_id = :id", id=token_id)  # noqa: S608
        .mappings()
        .first()
    )
    return None if row is None else dict(row)
