"""Who is asking: a session's cookie, an API token or a demo token becomes a person with roles."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.observability.logs import log
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.gateway.domain import access, request_rules
from services.gateway.store import people, sessions, tokens

BEARER = "bearer "
COOKIE = "__Host-paydown"
TOKEN_PREFIX = "paydown_"  # noqa: S105 - how a token begins, so that searchers for leaked secrets know one
NONCE = 12
T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """A human. `id` is what every record names, whichever token was used."""

    id: str
    name: str
    roles: frozenset[str]
    via: str = ""  # as in the audit log: `session`, `token <id>`, or nothing for a demo token
    read_only: bool = False

    def actor(self) -> Actor:
        """The person as the services are told of it."""
        return Actor(self.id, self.roles)


class WrongToken(Problem):
    """401 for a token that nobody has, apart from having none: somebody may be guessing."""


class People(Protocol):
    """The port to whatever knows the people."""

    def find(self, connection: Connection, person_id: str) -> Person | None:
        """The person of this id; None if there is none."""

    def all(self, connection: Connection) -> Sequence[Person]:
        """Everybody a token can be made for."""

    def of_demo_token(self, token: str) -> Person | None:
        """The person of a token that is no secret."""


class DemoPeople:
    """Five people, one for each role, whose tokens are no secret."""

    def __init__(self) -> None:
        names = {
            access.PREPARER: "Prea Preparer",
            access.APPROVER: "Appy Approver",
            access.AUDITOR: "Audra Auditor",
            access.OPERATOR: "Otto Operator",
            access.ADMIN: "Ada Admin",
        }
        self.by_token: Mapping[str, Person] = {
            f"demo-{role}": Person(f"demo-{role}", name, frozenset({role}))
            for role, name in names.items()
        }

    def find(self, _: Connection, person_id: str) -> Person | None:
        """The person whose id, and token, it is."""
        return self.by_token.get(person_id)

    def all(self, _: Connection) -> Sequence[Person]:
        """The five."""
        return tuple(self.by_token.values())

    def of_demo_token(self, token: str) -> Person | None:
        """The person whose token it is."""
        return self.by_token.get(token)


class KnownPeople:
    """Whoever has signed in through the identity provider, with the roles of the newest sign-in."""

    def find(self, connection: Connection, person_id: str) -> Person | None:
        """The person, if it ever signed in."""
        found = people.find_person(connection, person_id)
        return None if found is None else Person(found.id, found.name, found.roles)

    def all(self, connection: Connection) -> Sequence[Person]:
        """Everybody who ever signed in."""
        return tuple(Person(one.id, one.name, one.roles) for one in people.list_people(connection))

    def of_demo_token(self, _: str) -> Person | None:
        """Nobody."""
        return None


@dataclass(frozen=True)
class Auth:
    """Reads who makes a request, and starts and ends sessions."""

    people: People
    engine: Engine
    idle_s: int = 1_800
    max_s: int = 28_800

    async def who(self, request: Request, *, touch: bool = True) -> Person:
        """The person who makes a request.

        Raises:
            Problem: 401, nothing that says who, or nothing that counts (`WrongToken`); 503, it cannot be looked up.
        """
        given = request.headers.get("authorization", "")
        if given:
            token = given[len(BEARER) :].strip() if given[: len(BEARER)].lower() == BEARER else ""
            person = self.people.of_demo_token(token)
            if person is None and token.startswith(TOKEN_PREFIX):
                person = await self._read(lambda c: self._of_token(c, token))
            if person is None:
                raise unknown(WrongToken)
            return person
        cookie = request.cookies.get(COOKIE)
        person = (
            None
            if cookie is None
            else await self._read(lambda c: self._of_session(c, cookie, touch=touch))
        )
        if person is None:
            raise (
                unknown(Problem)
                if cookie
                else asked_to(
                    Problem(
                        401, "auth.required", "You are not signed in.", "Sign in and try again."
                    )
                )
            )
        return person

    async def still(self, request: Request) -> bool:
        """Whether who was let in would be let in now; this does not keep a session alive."""
        try:
            await self.who(request, touch=False)
        except Problem as problem:
            return problem.status != 401
        return True

    def start(
        self, connection: Connection, person: Person, replaced: str | None, id_token: str = ""
    ) -> str:
        """Start a session in place of the one the browser had; the id for its cookie."""
        if replaced:
            sessions.delete_session(connection, hashed(replaced))
        session_id = secrets.token_urlsafe(32)
        sealed = _seal(session_id, id_token) if id_token else None
        sessions.delete_ended_sessions(connection, self.idle_s)
        sessions.insert_session(connection, hashed(session_id), person.id, self.max_s, sealed)
        return session_id

    def end(self, connection: Connection, session_id: str) -> str:
        """End a session, wherever its id may still lie; the identity provider's token for its sign-out, if there is one."""
        sealed = sessions.delete_session(connection, hashed(session_id))
        return "" if sealed is None else _unseal(session_id, sealed)

    def _of_session(self, connection: Connection, session_id: str, *, touch: bool) -> Person | None:
        found = sessions.find_session_person(
            connection, hashed(session_id), self.idle_s, touch=touch
        )
        person = None if found is None else self.people.find(connection, found)
        return None if person is None else Person(person.id, person.name, person.roles, "session")

    def _of_token(self, connection: Connection, token: str) -> Person | None:
        row = tokens.use_active_token(connection, hashed(token))
        person = None if row is None else self.people.find(connection, row.person)
        return (
            None
            if row is None or person is None
            else Person(
                person.id,
                person.name,
                person.roles & row.roles,
                f"token {row.token_id}",
                row.read_only,
            )
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
                "Who you are cannot be looked up at the moment; nothing was done.",
                "Try again in a few seconds.",
            ) from None


def unknown(kind: type[Problem]) -> Problem:
    """401 for what says who, but does not count (any more)."""
    return asked_to(
        kind(
            401,
            "auth.required",
            "This sign-in is not known, or it has ended.",
            "Sign in and try again.",
        )
    )


def asked_to(problem: Problem) -> Problem:
    """The problem, with the header that a 401 has to have."""
    problem.headers["WWW-Authenticate"] = "Bearer"
    return problem


def hashed(secret: str) -> bytes:
    """What is kept of a secret. It has 256 random bits, so a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def new_token() -> tuple[UUID, str]:
    """The id and the secret of a new API token."""
    return uuid4(), TOKEN_PREFIX + secrets.token_urlsafe(32)


def check_role(person: Person, method: str, path: str) -> None:
    """Refuse a person whose roles, or whose token, do not allow a route.

    Raises:
        Problem: 403, naming the roles that may.
    """
    may = access.ROUTE_ROLES[method, path]
    if not person.roles & may:
        allowed = " or ".join(role for role in access.ROLES if role in may)
        raise Problem(
            403,
            "auth.forbidden",
            f"{person.name} may not do this.",
            f"Ask a person with the role {allowed}.",
        )
    if person.read_only and method in access.UNSAFE_METHODS:
        raise Problem(
            403,
            "auth.read-only",
            "This token may only read.",
            "Use a token that is not read-only, or sign in.",
        )


def check_page(request: Request, *, by_cookie: bool) -> None:
    """Refuse what another site's page makes a browser do: a call that carries our cookie has to say that it comes from a page of ours.

    Raises:
        Problem: 403.
    """
    headers = request.headers
    ours = request_rules.is_same_origin(
        headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host")
    )
    if ours is False or (by_cookie and ours is None):
        raise Problem(
            403,
            "auth.cross-site",
            "This request does not come from a page of this system; nothing was done.",
            "Use the dashboard, or a token in the Authorization header.",
        )


def _cipher(session_id: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"paydown id token").derive(session_id.encode()))


def _seal(session_id: str, text: str) -> bytes:
    """Sealed under the session's own id, which only the browser has: a copy of the database tells nothing."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + _cipher(session_id).encrypt(nonce, text.encode(), None)


def _unseal(session_id: str, sealed: bytes) -> str:
    try:
        return _cipher(session_id).decrypt(sealed[:NONCE], sealed[NONCE:], None).decode()
    except InvalidTag:
        return ""


def described(person: Person, **more: Any) -> dict[str, Any]:  # Any: JSON
    """A person for people."""
    return {"id": person.id, "name": person.name, "roles": sorted(person.roles), **more}
