"""The order of checks at the one public door: who (401), not too often (429), may they (403), was it done before, is it written down; then the route.

Every route of the API is made with `guarded`; nothing of a request's body is read before its sender may make it. An unsafe call
is two lines of the audit log: `intent` before it is carried out, `outcome` before it is answered. If the first cannot be
written, nothing is carried out.
"""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import Message

from libs.common.observability.logs import log
from libs.common.web.problem_details import Problem, request_id
from services.gateway.auth.rate_limit import Buckets
from services.gateway.auth.sessions import COOKIE, Auth, Person, WrongToken, check_page, check_role
from services.gateway.domain import access, request_rules
from services.gateway.domain.access import API
from services.gateway.domain.audit_chain import AuditEntry, AuditKind
from services.gateway.store import audit, idempotency_keys
from services.gateway.store.idempotency_keys import IdempotencyKey, StoredAnswer
from services.gateway.upstream import UpstreamRefusal

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
UPLOAD = "/batches"  # its body is a file: never read here
KEY_MAX = 255
LEASE_S, UPLOAD_LEASE_S = 60, 900
OUTCOME_TRIES = 5
DRAIN_MAX_BYTES = 1_000_000_000
PATH_MAX = 300
PASSED_HEADERS = ("retry-after",)


class ShownOnce(JSONResponse):
    """An answer with a secret in it: under an idempotency key only `kept` is stored, and told again."""

    def __init__(self, content: Any, kept: Any, status_code: int = 200) -> None:  # Any: JSON
        super().__init__(content, status_code)
        self.kept = self.render(kept)


@dataclass(frozen=True)
class Door:
    """What the checks need: who knows the people, where the audit log is, and how often anybody may ask or fail."""

    auth: Auth
    engine: Engine
    pace: Buckets
    failures: Buckets

    async def enter(self, request: Request, template: str, handler: Handler) -> Response:
        """Check a request, have it answered, and write down what is unsafe."""
        request = limited(
            request,
            request_rules.BODY_LIMITS.get((request.method, template), request_rules.BODY_MAX_BYTES),
        )
        try:
            person = await self.auth.who(request)
        except WrongToken:
            await self.failed(request, "", 401)
            raise
        self.keep_pace(person)
        request.state.person, request.state.still = person, lambda: self.auth.still(request)
        unsafe = request.method in access.UNSAFE_METHODS
        try:
            check_role(person, request.method, template)
            if unsafe and person.via == "session":
                check_page(request, by_cookie=True)
        except Problem:
            if unsafe:
                await self.before(
                    lambda c: audit.append_line(c, entry(request, person, "refused", 403))
                )
            raise
        response = await (
            self._unsafe(request, person, template, handler)
            if unsafe
            else respond(request, handler)
        )
        response.headers["X-Request-Id"] = request_id(request)
        return response

    def keep_pace(self, person: Person) -> None:
        """Count a call of a person, by whichever session or token.

        Raises:
            Problem: 429, with the seconds to wait.
        """
        if wait_s := self.pace.take(person.id):
            raise _too_often(
                f"{person.name} asks more than {self.pace.per_min} times a minute.", wait_s
            )

    async def failed(self, request: Request, subject: str, status: int) -> None:
        """Write down a sign-in that failed. What fails too often from one address is not written down, so that nobody fills the log.

        Raises:
            Problem: 429, with the seconds to wait.
        """
        if wait_s := self.failures.take(request.client.host if request.client else ""):
            raise _too_often("Too many sign-ins from this address have failed.", wait_s)
        await self.before(
            lambda c: audit.append_line(
                c, entry(request, Person("", "", frozenset()), "refused", status, subject)
            )
        )

    async def signed_in(
        self, request: Request, person: Person, status: int, id_token: str = ""
    ) -> str:
        """Start a person's session and write it down, in one transaction; the session's id for the cookie."""

        def work(connection: Connection) -> str:
            audit.append_line(connection, entry(request, person, "outcome", status, person.id))
            return self.auth.start(connection, person, request.cookies.get(COOKIE), id_token)

        self.keep_pace(person)
        started: str = await self.before(work)
        return started

    async def _unsafe(
        self, request: Request, person: Person, template: str, handler: Handler
    ) -> Response:
        key, claim_id = _key(request, person), uuid.uuid4()
        if key is not None:
            fingerprint, lease_s = (
                await _fingerprint(request, template),
                UPLOAD_LEASE_S if template == UPLOAD else LEASE_S,
            )
            known = await self.before(
                lambda c: idempotency_keys.claim_key(c, key, fingerprint, claim_id, lease_s)
            )
            if known.other_request:
                raise Problem(
                    422,
                    "idempotency.reused",
                    "This Idempotency-Key was used for another request.",
                    "Use a new key for a new request.",
                )
            if known.in_progress:
                raise Problem(
                    409,
                    "idempotency.in-progress",
                    "The first request with this Idempotency-Key is still being answered.",
                    "Wait for its answer, or send the same request again in a while.",
                )
            if known.answer is not None:
                replayed = known.answer
                await _drain(request)
                await self.before(
                    lambda c: audit.append_line(
                        c, entry(request, person, "replayed", replayed.status)
                    )
                )
                return Response(
                    replayed.body,
                    replayed.status,
                    media_type=replayed.media_type,
                    headers={"Idempotent-Replayed": "true"},
                )
        await self.before(lambda c: audit.append_line(c, entry(request, person, "intent")))
        response = await respond(request, handler)
        await self._after(request, person, response, None if key is None else (key, claim_id))
        return response

    async def before(
        self, work: Callable[[Connection], Any]
    ) -> Any:  # Any: whatever the store's function returns
        """Write before anything is carried out.

        Raises:
            Problem: 503, it could not be written, so nothing was done.
        """
        try:
            return await self._write(work)
        except SQLAlchemyError as error:
            log.error("audit_away", error=type(error).__name__)
            raise Problem(
                503,
                "audit.away",
                "This cannot be written to the audit log at the moment, so it was not done.",
                "Try again in a few seconds.",
            ) from None

    async def _after(
        self,
        request: Request,
        person: Person,
        response: Response,
        claimed: tuple[IdempotencyKey, uuid.UUID] | None,
    ) -> None:
        """Write how it ended. It has ended, so a database that stays away does not change the answer: the line `intent` stands alone."""
        outcome = entry(request, person, "outcome", response.status_code, _subject(response))
        body = response.kept if isinstance(response, ShownOnce) else response.body
        answer = StoredAnswer(
            response.status_code, response.headers.get("content-type", ""), bytes(body)
        )

        def work(connection: Connection) -> None:
            audit.append_line(connection, outcome)
            if claimed is None:
                return
            if answer.status >= 500:
                idempotency_keys.release_key(connection, *claimed)
            else:
                idempotency_keys.store_answer(connection, *claimed, answer)

        for attempt in range(OUTCOME_TRIES):
            try:
                await self._write(work)
            except SQLAlchemyError as error:
                log.error(
                    "outcome_not_written",
                    error=type(error).__name__,
                    attempt=attempt,
                    request_id=request_id(request),
                    status=answer.status,
                )
                await asyncio.sleep(0.2 * 2**attempt)
            else:
                return

    async def _write(self, work: Callable[[Connection], Any]) -> Any:
        def transaction() -> Any:
            with self.engine.begin() as connection:
                return work(connection)

        return await asyncio.to_thread(transaction)


def guarded(door: Door) -> type[APIRoute]:
    """A kind of route that lets a request in through the door. A route that the table of roles does not name cannot be made."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handler:
            handler, template = super().get_route_handler(), self.path.removeprefix(API)
            for method in self.methods or ():
                if (method, template) not in access.ROUTE_ROLES:
                    raise LookupError(f"{method} {template} is not in the table of roles")

            async def enter(request: Request) -> Response:
                return await door.enter(request, template, handler)

            return enter

    return Guarded


class Open(APIRoute):
    """A route for those who are not signed in yet."""

    def get_route_handler(self) -> Handler:
        """The handler behind the limit of its body; another site's page signs nobody in."""
        handler = super().get_route_handler()

        async def enter(request: Request) -> Response:
            if request.method in access.UNSAFE_METHODS:
                check_page(request, by_cookie=False)
            response = await respond(limited(request, request_rules.BODY_MAX_BYTES), handler)
            response.headers["X-Request-Id"] = request_id(request)
            return response

        return enter


def limited(request: Request, most: int | None) -> Request:
    """The request with a body of at most so many bytes.

    The framework's own limit replaces the answer after the route has done its work; here nothing is done for a body that says it is too large.

    Raises:
        HTTPException: 413, at once if the body says so, else when it is read.
    """
    declared = request.headers.get("content-length", "")
    too_large = HTTPException(
        413,
        f"The body of this request may have {most} bytes; nothing was done.",
        {"Connection": "close"},
    )
    if most is None:
        return request
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large
        return message

    return Request(request.scope, receive)


async def respond(request: Request, handler: Handler) -> Response:
    """The route's answer, also when that is a problem, a service's refusal, or a bug."""
    try:
        return await handler(request)
    except UpstreamRefusal as refusal:
        return passed(refusal.answer)
    except RequestValidationError as error:
        if any(e["loc"][0] == "path" for e in error.errors()):
            return await _problem(
                request,
                Problem(404, "not-found", "There is nothing of this name.", "Check the address."),
            )
        return await _problem(request, error)
    except Exception as error:  # noqa: BLE001 - every error has an answer, and an unsafe call's outcome is written down
        return await _problem(request, error)


def passed(answer: httpx.Response) -> Response:
    """A service's answer, unchanged."""
    headers = {name: answer.headers[name] for name in PASSED_HEADERS if name in answer.headers}
    return Response(
        answer.content,
        answer.status_code,
        media_type=answer.headers.get("content-type"),
        headers=headers,
    )


async def _problem(request: Request, error: Exception) -> Response:
    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = (
        request.app.exception_handlers
    )
    return await next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)(
        request, error
    )


def entry(
    request: Request, person: Person, kind: AuditKind, status: int | None = None, subject: str = ""
) -> AuditEntry:
    """A line for the audit log about this request."""
    subject = subject or next(
        (str(v) for v in request.path_params.values() if str(v).isprintable()), ""
    )
    return AuditEntry(
        datetime.now(UTC).isoformat(),
        kind,
        request_id(request),
        person.id,
        tuple(sorted(person.roles)),
        request.method,
        _path(request),
        status,
        subject[:64],
        person.via,
    )


def _too_often(detail: str, wait_s: int) -> Problem:
    problem = Problem(429, "rate.limited", detail, f"Wait {wait_s} s, and ask less often.")
    problem.headers["Retry-After"] = str(wait_s)
    return problem


def _path(request: Request) -> str:
    """The path as it was sent, still percent-encoded; the query may name a person, so it is left out."""
    return bytes(request.scope["raw_path"]).decode("ascii", "replace")[:PATH_MAX]


def _subject(response: Response) -> str:
    """What came into being, where the answer names it."""
    try:
        found = json.loads(bytes(response.body))
    except ValueError:
        return ""
    return (
        str(found.get("batch_id") or found.get("token_id") or "")
        if isinstance(found, dict) and response.status_code < 400
        else ""
    )


def _key(request: Request, person: Person) -> IdempotencyKey | None:
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not 0 < len(given) <= KEY_MAX or not given.isprintable():
        raise Problem(
            400,
            "idempotency.key",
            f"An Idempotency-Key has 1 to {KEY_MAX} printable characters.",
            "Use a random UUID.",
        )
    return IdempotencyKey(person.id, request.method, _path(request), given)


async def _drain(request: Request) -> None:
    """Read a body on and forget it: a sender who closes after sending would lose an answer that comes before the end of the body."""
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > DRAIN_MAX_BYTES:
            return


async def _fingerprint(request: Request, template: str) -> str:
    """What the request says; of an upload only its query, because its body is not read a second time."""
    body = b"" if template == UPLOAD else await request.body()
    return hashlib.sha256(request.url.query.encode() + b"\n" + body).hexdigest()
