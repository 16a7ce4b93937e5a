"""Authentication: a session's cookie, an API token or a demo token becomes a person with roles."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from fastapi import Request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.observability.logs import log
from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import (
    SESSION_COOKIE,
    TOKEN_PREFIX,
    TokenPurpose,
    decrypt_token,
    encrypt_token,
    new_session_id,
    secret_hash,
)
from services.gateway.auth.people import PeopleDirectory, Person
from services.gateway.auth.provider_tokens import Identity
from services.gateway.store import sessions, tokens

BEARER = "bearer "
T = TypeVar("T")


class InvalidCredential(Problem):
    """401 for a token or person that does not exist: it may be an attempt to guess one."""


@dataclass(frozen=True)
class Authenticator:
    """Identifies who makes a request, and starts and ends sessions."""

    people: PeopleDirectory
    engine: Engine
    idle_s: int = 1_800
    max_s: int = 28_800
    sessions_max: int = 10
    confirm_s: int = 300

    async def identify(self, request: Request, *, touch: bool = True) -> Person:
        """The person who makes a request, by its token if it has one, else by its session.

        Args:
            touch: record that the session is in use.

        Raises:
            Problem: 401 without a token or session, or with a session that has ended; 503 while
                the database does not answer.
            InvalidCredential: 401 with a token or a session id that nobody has.
        """
        authorization = request.headers.get("authorization", "")
        if authorization:
            return await self._identify_by_token(authorization)
        return await self._identify_by_session(request.cookies.get(SESSION_COOKIE), touch=touch)

    async def is_still_signed_in(self, request: Request) -> bool:
        """Whether the sign-in of an open request still counts. This does not extend a session."""
        try:
            await self.identify(request, touch=False)
        except Problem as problem:
            return problem.status != 401
        return True

    def start_session(
        self,
        connection: Connection,
        person: Person,
        replaced_session_id: str | None,
        identity: Identity | None = None,
    ) -> str:
        """Start a session in place of the browser's previous one; the new id, for its cookie.

        Args:
            identity: what the identity provider said; None without one.
        """
        if replaced_session_id:
            sessions.delete_session(connection, secret_hash(replaced_session_id))
        session_id = new_session_id()
        sessions.delete_ended_sessions(connection, self.idle_s)
        sessions.insert_session(
            connection,
            secret_hash(session_id),
            person.id,
            self.max_s,
            self.sessions_max,
            _facts(session_id, identity),
        )
        return session_id

    def end_session(self, connection: Connection, session_id: str) -> str:
        """End a session; the identity provider's ID token for its sign-out, "" if there is none."""
        encrypted = sessions.delete_session(connection, secret_hash(session_id))
        return "" if encrypted is None else decrypt_token(session_id, encrypted, "id")

    async def _identify_by_token(self, authorization: str) -> Person:
        is_bearer = authorization[: len(BEARER)].lower() == BEARER
        token = authorization[len(BEARER) :].strip() if is_bearer else ""
        person = self.people.find_by_demo_token(token)
        if person is None and token.startswith(TOKEN_PREFIX):
            person = await self._read(lambda c: self._find_by_token(c, token))
        if person is None:
            raise unknown_credential(InvalidCredential)
        return person

    async def _identify_by_session(self, session_id: str | None, *, touch: bool) -> Person:
        if not session_id:
            raise with_challenge(
                Problem(401, "auth.required", "You are not signed in.", "Sign in and try again.")
            )
        person = await self._read(lambda c: self._find_by_session(c, session_id, touch=touch))
        if person is None:
            session_hash = secret_hash(session_id)
            exists = await self._read(lambda c: sessions.session_exists(c, session_hash))
            raise unknown_credential(Problem if exists else InvalidCredential)
        return person

    def _find_by_session(
        self, connection: Connection, session_id: str, *, touch: bool
    ) -> Person | None:
        owner = sessions.find_session_owner(
            connection, secret_hash(session_id), self.idle_s, self.confirm_s, touch=touch
        )
        person = None if owner is None else self.people.find(connection, owner.person_id)
        if owner is None or person is None:
            return None
        made_for = tokens.list_people_of_tokens_made_by(connection, person.id)
        return replace(person, via="session", is_due=owner.is_due, counts_as=made_for)

    def _find_by_token(self, connection: Connection, token: str) -> Person | None:
        found = tokens.use_active_token(connection, secret_hash(token))
        person = None if found is None else self.people.find(connection, found.person)
        if found is None or person is None:
            return None
        return replace(
            person,
            roles=person.roles & found.roles,
            via=f"token {found.token_id}",
            read_only=found.read_only,
            counts_as=frozenset({found.created_by}) - {person.id},
        )

    async def _read(self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        try:
            return await asyncio.to_thread(transaction)
        except SQLAlchemyError as error:
            log.error("auth_away", error=type(error).__name__)
            raise Problem(
                503,
                "auth.away",
                "Your sign-in cannot be checked at the moment. Nothing was done.",
                "Try again in a few seconds.",
            ) from None


def encrypted_or_none(session_id: str, token: str, purpose: TokenPurpose) -> bytes | None:
    """A token of the identity provider as it is stored; None if there is none."""
    return encrypt_token(session_id, token, purpose) if token else None


def _facts(session_id: str, identity: Identity | None) -> sessions.SignInFacts:
    if identity is None:
        return sessions.SignInFacts()
    return sessions.SignInFacts(
        authenticated_at=identity.authenticated_at,
        acr=identity.acr,
        provider_session=identity.provider_session,
        encrypted_id_token=encrypted_or_none(session_id, identity.id_token, "id"),
        encrypted_refresh_token=encrypted_or_none(session_id, identity.refresh_token, "refresh"),
    )


def unknown_credential(kind: type[Problem]) -> Problem:
    """A 401 for a token, session or person that does not exist or has ended."""
    return with_challenge(
        kind(
            401,
            "auth.required",
            "This sign-in is not known, or it has ended.",
            "Sign in and try again.",
        )
    )


def with_challenge(problem: Problem) -> Problem:
    """The problem with the WWW-Authenticate header that RFC 9110 requires of a 401."""
    problem.headers["WWW-Authenticate"] = "Bearer"
    return problem
