"""The checks that every request of the API passes, in their order.

How large (413), who (401), how often (429), which role (403), whether it was done before
(Idempotency-Key), whether it can be recorded (503); then the route. Nothing of a body is read
before its sender may make the request. An unsafe call is two lines of the audit log: `intent`
before it is carried out, `outcome` before it is answered. If the first cannot be written, nothing
is carried out. A read of personal data is one line, `outcome`; if it cannot be written, nothing is
shown.
"""

from dataclasses import dataclass

from fastapi import Request, Response
from sqlalchemy import Connection

from libs.common.web.methods import UNSAFE_METHODS
from libs.common.web.problem_details import Problem, problem_response, request_id
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.auth.people import Person
from services.gateway.auth.provider_tokens import Identity
from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.auth.sessions import Authenticator, InvalidCredential
from services.gateway.domain.request_rules import BODY_LIMITS, BODY_MAX_BYTES
from services.gateway.request_guard import idempotency
from services.gateway.request_guard.audit_trail import (
    NOBODY,
    AuditTrail,
    audit_entry,
    caller_address,
    created_subject,
)
from services.gateway.request_guard.body_limit import limit_body
from services.gateway.request_guard.permissions import check_role, check_same_origin
from services.gateway.request_guard.personal_reads import RecentReads
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.request_guard.responses import RouteHandler, respond
from services.gateway.store import audit, idempotency_keys


@dataclass(frozen=True)
class RequestGuard:
    """The checks, with what they need: people, the audit log, and the limits of calls."""

    authenticator: Authenticator
    trail: AuditTrail
    call_limit: RateLimiter
    failure_limit: RateLimiter
    reads: RecentReads
    recent_sign_in: RecentSignIn

    async def handle(self, request: Request, template: str, handler: RouteHandler) -> Response:
        """Check a request, let its route answer it, and record it if it is unsafe.

        Args:
            template: the route's path without its prefix, as in the table of roles.
        """
        body_max = BODY_LIMITS.get((request.method, template), BODY_MAX_BYTES)
        request = limit_body(request, body_max)
        try:
            person = await self.authenticator.identify(request)
        except InvalidCredential:
            await self.record_failed_sign_in(request, "", 401)
            raise
        self.check_rate(person)
        person = await self.recent_sign_in.renew(request, person)
        request.state.person = person
        request.state.is_still_signed_in = lambda: self.authenticator.is_still_signed_in(request)
        await self._check_permission(request, person, template)
        if request.method in UNSAFE_METHODS:
            response = await self._handle_unsafe(request, person, template, handler)
        else:
            response = await respond(request, handler)
            response = await self._record_read(request, person, template, response)
        response.headers["X-Request-Id"] = request_id(request)
        return response

    def check_rate(self, person: Person) -> None:
        """Count a call of a person, by whichever session or token.

        Raises:
            Problem: 429, with the seconds to wait.
        """
        if wait_s := self.call_limit.take(person.id):
            raise _rate_limited(
                f"{person.name} sends more than {self.call_limit.per_min} requests a minute.",
                wait_s,
            )

    async def record_failed_sign_in(self, request: Request, subject: str, status: int) -> None:
        """Record a sign-in that failed.

        Failures beyond the limit of an address are not recorded, so that nobody can fill the log.

        Raises:
            Problem: 429, with the seconds to wait.
        """
        if wait_s := self.failure_limit.take(caller_address(request)):
            raise _rate_limited("Too many sign-ins from this address have failed.", wait_s)
        await self.trail.record(audit_entry(request, NOBODY, "refused", status, subject))

    async def start_session(
        self, request: Request, person: Person, status: int, identity: Identity | None = None
    ) -> str:
        """Start a person's session and record it in one transaction; the session's id."""

        def work(connection: Connection) -> str:
            entry = audit_entry(request, person, "outcome", status, person.id)
            audit.append_line(connection, entry)
            return self.authenticator.start_session(
                connection, person, request.cookies.get(SESSION_COOKIE), identity
            )

        self.check_rate(person)
        return await self.trail.write(work)

    async def _check_permission(self, request: Request, person: Person, template: str) -> None:
        """Check role and origin; a refused unsafe call is recorded."""
        is_unsafe = request.method in UNSAFE_METHODS
        try:
            check_role(person, request.method, template)
            if is_unsafe and person.via == "session":
                check_same_origin(request, by_cookie=True)
        except Problem:
            if is_unsafe:
                await self.trail.record(audit_entry(request, person, "refused", 403))
            raise

    async def _handle_unsafe(
        self, request: Request, person: Person, template: str, handler: RouteHandler
    ) -> Response:
        claim = await idempotency.read_claim(request, person, template)
        if claim is not None:
            replayed = await self._replay(request, person, claim)
            if replayed is not None:
                return replayed
        await self.trail.record(audit_entry(request, person, "intent"))
        response = await respond(request, handler)
        await self._record_outcome(request, person, response, claim)
        return response

    async def _record_read(
        self, request: Request, person: Person, template: str, response: Response
    ) -> Response:
        """Record a read of personal data; the response, or 503 where it cannot be recorded."""
        if response.status_code >= 400:
            return response
        entry = audit_entry(request, person, "outcome", response.status_code)
        read = (person.id, person.via, entry.address, entry.path)
        if not self.reads.must_record(request.method, template, read):
            return response
        try:
            await self.trail.record(entry)
        except Problem as problem:
            await _discard(response)
            return problem_response(request, problem)
        self.reads.recorded(read)
        return response

    async def _replay(
        self, request: Request, person: Person, claim: idempotency.Claim
    ) -> Response | None:
        """The stored answer of an idempotency key; None if this request has claimed the key."""
        result = await self.trail.write(
            lambda connection: idempotency_keys.claim_key(
                connection, claim.key, claim.fingerprint, claim.claim_id, claim.lease_s
            )
        )
        idempotency.check_claim(result)
        if result.answer is None:
            return None
        if result.body_sha256:
            await idempotency.check_same_body(request, result.body_sha256)
        else:
            await idempotency.drain_body(request)
        await self.trail.record(audit_entry(request, person, "replayed", result.answer.status))
        return idempotency.replayed_response(result.answer)

    async def _record_outcome(
        self,
        request: Request,
        person: Person,
        response: Response,
        claim: idempotency.Claim | None,
    ) -> None:
        """Record how a call ended, and with it the answer of its idempotency key."""
        body_sha256 = idempotency.body_sha256_of(request)

        def settle_claim(connection: Connection) -> None:
            if claim is None:
                return
            answer = None
            if not getattr(request.state, "is_repeatable", False):
                answer = idempotency.storable_answer(response, claim)
            if answer is None:
                idempotency_keys.release_key(connection, claim.key, claim.claim_id)
            else:
                idempotency_keys.store_answer(
                    connection, claim.key, claim.claim_id, answer, body_sha256
                )

        subject = created_subject(response)
        entry = audit_entry(request, person, "outcome", response.status_code, subject)
        await self.trail.record_outcome(entry, settle_claim)


async def _discard(response: Response) -> None:
    """Let go of an answer that is not sent: a download holds a connection to its service."""
    if response.background is not None:
        await response.background()


def _rate_limited(detail: str, wait_s: int) -> Problem:
    problem = Problem(429, "rate.limited", detail, f"Wait {wait_s} s, and send fewer requests.")
    problem.headers["Retry-After"] = str(wait_s)
    return problem
