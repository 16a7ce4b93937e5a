"""What the identity provider says of a signed-in person now, and how recent the sign-in is.

While a person uses the system, the provider is asked every few minutes; if it is away, the roles
stay as they were. Before an act that moves money it is asked anew: a disabled account or a lost
role refuses the act, and if it cannot be asked, nothing is done. In demo mode there is no provider,
and nothing is asked.
"""

import asyncio
import time
from dataclasses import dataclass, replace

from fastapi import Request
from sqlalchemy import Connection

from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import SESSION_COOKIE, decrypt_token, secret_hash
from services.gateway.auth.oidc import IdentityProvider
from services.gateway.auth.oidc_client import IdentityProviderUnavailable, SignInRefused
from services.gateway.auth.people import Person
from services.gateway.auth.provider_tokens import Identity
from services.gateway.auth.sessions import (
    encrypted_or_none,
    unknown_credential,
    with_challenge,
)
from services.gateway.domain.access import API, roles_of_groups
from services.gateway.domain.step_up import is_recent, why_sign_in_anew
from services.gateway.request_guard.audit_trail import AuditTrail
from services.gateway.request_guard.permissions import check_role
from services.gateway.settings import GatewaySettings
from services.gateway.store import people, session_questions, sessions

SIGN_IN_ANEW = f"{API}/sign-in/start?anew=true"
#: An answer of so many seconds ago counts as now: a double click does not ask twice.
RECENT_S = 5
LEASE_S = 60  # longer than the provider may take to answer
WAIT_S, PAUSE_S = 15.0, 0.2


@dataclass(frozen=True)
class RecentSignIn:
    """Whether the person of a request may act about money at this moment."""

    settings: GatewaySettings
    trail: AuditTrail
    provider: IdentityProvider | None

    @property
    def needs_amounts(self) -> bool:
        """Whether `confirm` looks at the amount, so that it must be read first."""
        return self.provider is not None and self.settings.step_up_max_age_s > 0

    async def renew(self, request: Request, person: Person) -> Person:
        """The person of a request, asked about if the provider's word is some minutes old.

        While it is away one request a minute tries, and everybody is as before.

        Raises:
            Problem: 401, the provider has ended the sign-in.
        """
        if self.provider is None or not person.is_due:
            return person
        session_id = request.cookies.get(SESSION_COOKIE, "")
        try:
            return await self._ask(request, self.provider, person, session_id, wait_s=0)
        except Problem as problem:
            if problem.status == 401:
                raise
            return person

    async def confirm(self, request: Request, amount_cents: int | None) -> None:
        """Check the sign-in, and give the request's person the roles of this moment.

        Args:
            amount_cents: what the act may move; None if that has no bound, or is not known.

        Raises:
            Problem: 403 `auth.step-up`, the person must sign in anew; 403 `auth.in-person`, an API
                token cannot do that; 401, the provider has ended the sign-in; 403, the role is
                lost; 503, the provider cannot be asked. Nothing was done.
        """
        person: Person = request.state.person
        if self.provider is None:
            return
        if person.via != "session":
            self._check_token(request, amount_cents)
            return
        session_id = request.cookies.get(SESSION_COOKIE, "")
        if self.settings.step_up.covers(amount_cents):
            await self._check_recent(request, session_id)
        person = await self._ask(request, self.provider, person, session_id)
        request.state.person = person  # whom the calls to the services name from now on
        check_role(person, request.method, request.scope["route"].path.removeprefix(API))

    def _check_token(self, request: Request, amount_cents: int | None) -> None:
        if self.settings.step_up.covers(amount_cents):
            request.state.is_repeatable = True
            raise Problem(
                403,
                "auth.in-person",
                "This needs a person who has signed in lately; an API token cannot do it.",
                "Use the dashboard.",
            )

    async def _check_recent(self, request: Request, session_id: str) -> None:
        session_hash = secret_hash(session_id)
        proof = await self.trail.write(lambda c: session_questions.read_proof(c, session_hash))
        if proof is None:
            raise unknown_credential(Problem)
        if not is_recent(proof, self.settings.step_up):
            raise self._sign_in_anew(request, why_sign_in_anew(self.settings.step_up))

    async def _ask(
        self,
        request: Request,
        provider: IdentityProvider,
        person: Person,
        session_id: str,
        wait_s: float = WAIT_S,
    ) -> Person:
        """The person with the roles that the provider gives now.

        Args:
            wait_s: how long to wait for another request that asks; 0 also leaves the lease where
                it is if the provider is away, so that nobody else waits for it.
        """
        question = await self._claim(session_id, wait_s)
        if question.state == "confirmed":
            return person
        if question.encrypted_refresh_token is None:
            if question.confirmed_s > self.settings.roles_max_age_s:
                raise self._sign_in_anew(
                    request,
                    "Your sign-in is too long ago to know whether you still have your role. "
                    "Nothing was done.",
                )
            return person
        token = decrypt_token(session_id, question.encrypted_refresh_token, "refresh")
        try:
            identity = await provider.refresh(token, person.id)
        except SignInRefused as refused:
            if refused.code == "ended":
                raise await self._ended(request, session_id) from None
            raise await self._unavailable(session_id, wait_s) from None
        except IdentityProviderUnavailable:
            raise await self._unavailable(session_id, wait_s) from None
        return await self._confirmed(person, session_id, identity)

    async def _claim(self, session_id: str, wait_s: float) -> session_questions.Question:
        """The lease to ask about a session; waits while another request asks.

        Raises:
            Problem: 401, the session has ended; 503, the other request does not come back.
        """
        session_hash, until = secret_hash(session_id), time.monotonic() + wait_s
        while True:
            question = await self.trail.write(
                lambda c: session_questions.claim_question(c, session_hash, RECENT_S, LEASE_S)
            )
            if question.state == "ended":
                raise unknown_credential(Problem)
            if question.state != "busy":
                return question
            if time.monotonic() >= until:
                raise _provider_away()
            await asyncio.sleep(PAUSE_S)

    async def _confirmed(self, person: Person, session_id: str, identity: Identity) -> Person:
        given = roles_of_groups(identity.groups, self.settings.oidc_roles)
        session_hash = secret_hash(session_id)
        refresh_token = encrypted_or_none(session_id, identity.refresh_token, "refresh")
        id_token = encrypted_or_none(session_id, identity.id_token, "id")

        def store(connection: Connection) -> None:
            people.update_roles(connection, person.id, identity.name, sorted(given))
            session_questions.store_confirmed(connection, session_hash, refresh_token, id_token)

        await self.trail.write(store)
        now = Person.with_given_roles(person.id, identity.name, given)
        return replace(now, via=person.via, counts_as=person.counts_as)

    async def _ended(self, request: Request, session_id: str) -> Problem:
        await self.trail.write(lambda c: sessions.delete_session(c, secret_hash(session_id)))
        request.state.is_repeatable = True
        return with_challenge(
            Problem(
                401,
                "auth.ended",
                "Your organisation has ended this sign-in, or your account there. Nothing was "
                "done.",
                "Sign in again.",
            )
        )

    async def _unavailable(self, session_id: str, wait_s: float) -> Problem:
        session_hash = secret_hash(session_id)
        if wait_s > 0:
            await self.trail.write(lambda c: session_questions.release_question(c, session_hash))
        return _provider_away()

    def _sign_in_anew(self, request: Request, why: str) -> Problem:
        request.state.is_repeatable = True  # the same call, with the same key, after the sign-in
        return Problem(
            403,
            "auth.step-up",
            why,
            "Sign in again; you come back to this page.",
            sign_in_url=SIGN_IN_ANEW,
            max_age_s=self.settings.step_up_max_age_s,
        )


def _provider_away() -> Problem:
    return Problem(
        503,
        "auth.provider-away",
        "The sign-in service of your organisation cannot say at the moment whether you still have "
        "your role. Nothing was done.",
        "Try again in a few seconds.",
    )
