"""The table `session`: sessions of browsers, found by the hash of their id."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from libs.common.database.engine import run

SESSIONS_LISTED_MAX = 1_000
SEEN_RESOLUTION_S = 30  # `seen_at` is written at most this often, to save writes


@dataclass(frozen=True)
class SignInFacts:
    """What the identity provider said of a sign-in, as the table keeps it.

    `authenticated_at` and `acr`: when and how strongly the person proved who they are.
    `provider_session`: the provider's name of its own session (`sid`). The tokens are encrypted.
    """

    authenticated_at: datetime | None = None
    acr: str = ""
    provider_session: str = ""
    encrypted_id_token: bytes | None = field(default=None, repr=False)
    encrypted_refresh_token: bytes | None = field(default=None, repr=False)


def delete_ended_sessions(connection: Connection, idle_s: int) -> None:
    """Remove the sessions that reached their end or were unused for `idle_s` seconds."""
    run(
        connection,
        """
        DELETE FROM session
        WHERE ends_at < now()
           OR seen_at < now() - make_interval(secs => :idle_s)""",
        idle_s=idle_s,
    )


def insert_session(
    connection: Connection,
    session_hash: bytes,
    person_id: str,
    max_s: int,
    sessions_max: int,
    facts: SignInFacts,
) -> None:
    """Add a session that ends after `max_s` seconds.

    The person's least recently used sessions beyond `sessions_max` are removed. A second call with
    the same hash is an error of the database: ids are random. An `authenticated_at` in the future
    counts as now, so that it is not recent for longer.
    """
    run(
        connection,
        """
        DELETE FROM session
        WHERE session_hash IN (
            SELECT session_hash
            FROM session
            WHERE person = :person
            ORDER BY seen_at DESC
            OFFSET :others_max)""",
        person=person_id,
        others_max=sessions_max - 1,
    )
    run(
        connection,
        """
        INSERT INTO session (session_hash, person, ends_at, sealed_id_token, sealed_refresh_token,
            authenticated_at, acr, provider_session)
        VALUES (:hash, :person, now() + make_interval(secs => :max_s), :id_token, :refresh_token,
            CASE WHEN CAST(:authenticated_at AS timestamptz) < now() THEN :authenticated_at
                 WHEN :authenticated_at IS NOT NULL THEN now() END,
            :acr, :provider_session)""",
        hash=session_hash,
        person=person_id,
        max_s=max_s,
        id_token=facts.encrypted_id_token,
        refresh_token=facts.encrypted_refresh_token,
        authenticated_at=facts.authenticated_at,
        acr=facts.acr,
        provider_session=facts.provider_session,
    )


@dataclass(frozen=True)
class SessionOwner:
    """Whose a session is. `is_due`: the identity provider should be asked about the person."""

    person_id: str
    is_due: bool


def find_session_owner(
    connection: Connection, session_hash: bytes, idle_s: int, confirm_s: int, *, touch: bool
) -> SessionOwner | None:
    """Whose a session is; None if it has ended.

    Args:
        confirm_s: how old the provider's word about the person may be, in seconds.
        idle_s: a session unused for so many seconds has ended.
        touch: record that the session is in use now.
    """
    row = run(
        connection,
        """
        SELECT person,
               seen_at < now() - make_interval(secs => :resolution_s) AS is_stale,
               sealed_refresh_token IS NOT NULL
                   AND confirmed_at < now() - make_interval(secs => :confirm_s) AS is_due
        FROM session
        WHERE session_hash = :hash
          AND ends_at > now()
          AND seen_at > now() - make_interval(secs => :idle_s)""",
        hash=session_hash,
        idle_s=idle_s,
        confirm_s=confirm_s,
        resolution_s=SEEN_RESOLUTION_S,
    ).first()
    if row is None:
        return None
    if touch and row.is_stale:
        run(
            connection,
            """
            UPDATE session
            SET seen_at = now()
            WHERE session_hash = :hash""",
            hash=session_hash,
        )
    return SessionOwner(row.person, row.is_due)


def session_exists(connection: Connection, session_hash: bytes) -> bool:
    """Whether a session is stored, ended or not."""
    return (
        run(
            connection,
            """
            SELECT 1
            FROM session
            WHERE session_hash = :hash""",
            hash=session_hash,
        ).first()
        is not None
    )


_SESSION_ID = "encode(substring(session_hash FOR 16), 'hex')"


def list_sessions(
    connection: Connection, person_id: str | None, idle_s: int, current_hash: bytes
) -> list[dict[str, Any]]:
    """Open sessions, the last used one first, at most SESSIONS_LISTED_MAX. Never a secret.

    Args:
        person_id: whose; None for everybody's.
        current_hash: the hash of the caller's own session; b"" if the caller has none.
    """
    rows = run(
        connection,
        f"""
        SELECT {_SESSION_ID} AS session_id, person, started_at, seen_at, ends_at,
            session_hash = :current AS current
        FROM session
        WHERE (CAST(:person AS text) IS NULL OR person = :person)
          AND ends_at > now()
          AND seen_at > now() - make_interval(secs => :idle_s)
        ORDER BY seen_at DESC, session_id
        LIMIT :count_max""",  # noqa: S608 - constant text
        current=current_hash,
        person=person_id,
        idle_s=idle_s,
        count_max=SESSIONS_LISTED_MAX,
    )
    return [dict(row) for row in rows.mappings()]


def end_listed_session(
    connection: Connection, session_id: str, person_id: str | None
) -> str | None:
    """End a session by the id under which it is listed; whose it was, None if there is none.

    A second call finds none.

    Args:
        person_id: only a session of this person; None for anybody's.
    """
    found = run(
        connection,
        f"""
        DELETE FROM session
        WHERE {_SESSION_ID} = :id
          AND (CAST(:person AS text) IS NULL OR person = :person)
        RETURNING person""",  # noqa: S608 - constant text
        id=session_id,
        person=person_id,
    ).scalar()
    return None if found is None else str(found)


def delete_session(connection: Connection, session_hash: bytes) -> bytes | None:
    """Remove a session and return its encrypted ID token, if it has one.

    A second call does nothing and returns None.
    """
    row = run(
        connection,
        """
        DELETE FROM session
        WHERE session_hash = :hash
        RETURNING sealed_id_token""",
        hash=session_hash,
    ).first()
    return None if row is None or row.sealed_id_token is None else bytes(row.sealed_id_token)
