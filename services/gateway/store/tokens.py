"""The table `api_token`: API tokens of scripts, found by the hash of their secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run

LAST_USED_RESOLUTION_S = 30  # `last_used_at` is written at most this often, to save writes
PAGE_MAX = 1_000

_COLUMNS = """
    seq, token_id, name,
    person, roles, read_only,
    created_by, created_at, expires_at,
    last_used_at, revoked_at, revoked_by,
    CASE
        WHEN revoked_at IS NOT NULL THEN 'revoked'
        WHEN expires_at <= now() THEN 'expired'
        ELSE 'active'
    END AS status"""


@dataclass(frozen=True)
class NewToken:
    """A token to be stored: for whom, with which rights, created by whom."""

    token_id: UUID
    token_hash: bytes
    name: str
    person: str
    roles: tuple[str, ...]
    read_only: bool
    created_by: str
    days: int


@dataclass(frozen=True)
class ActiveToken:
    """A token that is neither revoked nor expired."""

    token_id: UUID
    person: str
    roles: frozenset[str]
    read_only: bool
    created_by: str


def insert_token(connection: Connection, token: NewToken) -> dict[str, Any]:
    """Add a token and return it as it is listed.

    A second call with the same id or hash is an error of the database: both are random.
    """
    row = run(
        connection,
        f"""
        INSERT INTO api_token (
            token_id, token_hash, name,
            person, roles, read_only,
            created_by, expires_at)
        VALUES (
            :id, :hash, :name,
            :person, CAST(:roles AS text[]), :read_only,
            :created_by, now() + make_interval(days => :days))
        RETURNING {_COLUMNS}""",  # noqa: S608 - constant text
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


def use_active_token(connection: Connection, token_hash: bytes) -> ActiveToken | None:
    """The active token of a hash, after recording that it is in use; None if there is none."""
    row = run(
        connection,
        """
        SELECT token_id, person, roles, read_only, created_by,
               last_used_at IS NULL
               OR last_used_at < now() - make_interval(secs => :resolution_s) AS is_stale
        FROM api_token
        WHERE token_hash = :hash
          AND revoked_at IS NULL
          AND expires_at > now()""",
        hash=token_hash,
        resolution_s=LAST_USED_RESOLUTION_S,
    ).first()
    if row is None:
        return None
    if row.is_stale:
        run(
            connection,
            """
            UPDATE api_token
            SET last_used_at = now()
            WHERE token_id = :id""",
            id=row.token_id,
        )
    return ActiveToken(
        row.token_id, row.person, frozenset(row.roles), row.read_only, row.created_by
    )


def list_people_of_tokens_made_by(connection: Connection, person: str) -> frozenset[str]:
    """The people for whom a person ever made a token that could change something.

    Tokens that have ended count as well: what was done with them stays.
    """
    rows = run(
        connection,
        """
        SELECT DISTINCT person
        FROM api_token
        WHERE created_by = :person
          AND NOT read_only""",
        person=person,
    )
    return frozenset(rows.scalars()) - {person}


def list_tokens(
    connection: Connection, limit: int, before_seq: int | None
) -> tuple[list[dict[str, Any]], int]:
    """Tokens with a number below `before_seq`, newest first, and how many there are in all."""
    rows = run(
        connection,
        f"""
        SELECT {_COLUMNS}
        FROM api_token
        WHERE CAST(:before_seq AS bigint) IS NULL OR seq < :before_seq
        ORDER BY seq DESC
        LIMIT :limit""",  # noqa: S608 - constant text
        before_seq=before_seq,
        limit=min(limit, PAGE_MAX),
    )
    items = [dict(row) for row in rows.mappings()]
    total = run(connection, "SELECT count(*) FROM api_token").scalar_one()
    return items, int(total)


def revoke_token(connection: Connection, token_id: UUID, by: str) -> dict[str, Any] | None:
    """End a token for good and return it as it is listed; None if there is none.

    A second call changes nothing and returns the same.
    """
    run(
        connection,
        """
        UPDATE api_token
        SET revoked_at = now(), revoked_by = :by
        WHERE token_id = :id AND revoked_at IS NULL""",
        id=token_id,
        by=by,
    )
    rows = run(
        connection,
        f"""
        SELECT {_COLUMNS}
        FROM api_token
        WHERE token_id = :id""",  # noqa: S608 - constant text
        id=token_id,
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


def read_ending_soon(connection: Connection) -> tuple[int, datetime | None]:
    """Tokens that end within 30 days, and when the first does.

    Those that were made for less than 60 days are meant to end, and do not count.
    """
    row = run(
        connection,
        """
        SELECT count(*) AS tokens, min(expires_at) AS first
        FROM api_token
        WHERE revoked_at IS NULL
          AND expires_at > now()
          AND expires_at < now() + interval '30 days'
          AND expires_at - created_at >= interval '60 days'""",
    ).one()
    return row.tokens, row.first
