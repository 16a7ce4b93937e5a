"""The table `session`: how a session began, and asking the identity provider about it again.

Two processes must not use a refresh token at once: providers that replace it at each use take the
second use for a theft. So a process asks only while it holds the session's lease.
"""

from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.gateway.domain.step_up import SignInProof


@dataclass(frozen=True)
class Question:
    """Whether to ask the provider about the person of a session.

    `confirmed`: it has answered just now. `busy`: another request asks. `ask`: this one holds the
    lease; without a token there is nothing to ask with, and `confirmed_s` is how old its last
    answer is. `ended`: there is no such session.
    """

    state: Literal["confirmed", "busy", "ask", "ended"]
    confirmed_s: float = 0.0
    encrypted_refresh_token: bytes | None = field(default=None, repr=False)


def read_proof(connection: Connection, session_hash: bytes) -> SignInProof | None:
    """How a session began; None if there is none."""
    row = run(
        connection,
        """
        SELECT EXTRACT(EPOCH FROM now() - authenticated_at)::float8 AS age_s, acr
        FROM session
        WHERE session_hash = :hash""",
        hash=session_hash,
    ).first()
    return None if row is None else SignInProof(row.age_s, row.acr)


def claim_question(
    connection: Connection, session_hash: bytes, recent_s: int, lease_s: int
) -> Question:
    """Take the lease to ask the provider about a session, unless it is not needed or taken.

    Args:
        recent_s: an answer of so many seconds ago is as good as a new one.
        lease_s: seconds after which another request may ask, if this one does not come back.
    """
    row = run(
        connection,
        """
        SELECT confirmed_at > now() - make_interval(secs => :recent_s) AS is_confirmed,
            COALESCE(asking_until > now(), false) AS is_busy,
            EXTRACT(EPOCH FROM now() - confirmed_at)::float8 AS confirmed_s,
            sealed_refresh_token
        FROM session
        WHERE session_hash = :hash
        FOR UPDATE""",
        hash=session_hash,
        recent_s=recent_s,
    ).first()
    if row is None:
        return Question("ended")
    if row.is_confirmed:
        return Question("confirmed")
    if row.is_busy:
        return Question("busy")
    if row.sealed_refresh_token is None:
        return Question("ask", row.confirmed_s)
    run(
        connection,
        """
        UPDATE session
        SET asking_until = now() + make_interval(secs => :lease_s)
        WHERE session_hash = :hash""",
        hash=session_hash,
        lease_s=lease_s,
    )
    return Question("ask", row.confirmed_s, bytes(row.sealed_refresh_token))


def store_confirmed(
    connection: Connection,
    session_hash: bytes,
    encrypted_refresh_token: bytes | None,
    encrypted_id_token: bytes | None,
) -> None:
    """Record that the provider has confirmed the person, and give the lease back.

    Tokens that the provider has not replaced (None) stay. A second call confirms once more.
    """
    run(
        connection,
        """
        UPDATE session
        SET confirmed_at = now(),
            asking_until = NULL,
            sealed_refresh_token = COALESCE(:refresh_token, sealed_refresh_token),
            sealed_id_token = COALESCE(:id_token, sealed_id_token)
        WHERE session_hash = :hash""",
        hash=session_hash,
        refresh_token=encrypted_refresh_token,
        id_token=encrypted_id_token,
    )


def release_question(connection: Connection, session_hash: bytes) -> None:
    """Give the lease back without an answer. A second call does nothing."""
    run(
        connection,
        """
        UPDATE session
        SET asking_until = NULL
        WHERE session_hash = :hash""",
        hash=session_hash,
    )


def end_provider_sessions(connection: Connection, person_id: str, provider_session: str) -> int:
    """End the sessions that the provider has ended; how many. A second call ends none.

    Args:
        person_id: whose; "" for anybody's.
        provider_session: only those of this session of the provider; "" for all of the person.

    Raises:
        ValueError: neither is named; that would end every session.
    """
    if not person_id and not provider_session:
        raise ValueError("neither a person nor a session is named")
    ended = run(
        connection,
        """
        DELETE FROM session
        WHERE (:person = '' OR person = :person)
          AND (:provider_session = '' OR provider_session = :provider_session)""",
        person=person_id,
        provider_session=provider_session,
    )
    return int(ended.rowcount)
