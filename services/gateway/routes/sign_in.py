"""Sign-in and sign-out in every mode: /sign-in, /session, /me."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.auth.oidc import IdentityProvider
from services.gateway.auth.people import DemoPeople, Person, person_fields
from services.gateway.auth.provider_tokens import Identity
from services.gateway.auth.sessions import InvalidCredential, unknown_credential
from services.gateway.dependencies import api_router
from services.gateway.domain.access import API, why_lost
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.responses import SecretResponse
from services.gateway.request_guard.route_classes import PublicRoute
from services.gateway.schemas import sign_in as schemas
from services.gateway.schemas.problems import PROBLEMS
from services.gateway.settings import GatewaySettings

LOGIN_PATH = f"{API}/sign-in/start"


@dataclass(frozen=True)
class SignInContext:
    """What the sign-in routes need. `provider` is None where there is no identity provider."""

    guard: RequestGuard
    settings: GatewaySettings
    provider: IdentityProvider | None

    def me(self, person: Person) -> dict[str, Any]:
        """A person as `GET /me` shows it."""
        mode = self.settings.auth_mode
        return person_fields(
            person,
            auth_mode=mode,
            via=person.via,
            read_only=person.read_only,
            notice=why_lost(person.lost_roles),
        )

    async def sign_in(
        self,
        request: Request,
        person: Person,
        response: Response,
        identity: Identity | None = None,
    ) -> Response:
        """Start a person's session and put its cookie into the response.

        No script reads the cookie, no other host gets it, and it ends with the session.
        """
        session_id = await self.guard.start_session(request, person, response.status_code, identity)
        response.set_cookie(
            SESSION_COOKIE,
            session_id,
            max_age=self.settings.session_max_s,
            path="/",
            secure=True,
            httponly=True,
            samesite="lax",
        )
        return response


def provider_of(context: SignInContext) -> IdentityProvider:
    """The identity provider.

    Raises:
        Problem: 409 in demo mode, where there is none.
    """
    if context.provider is None:
        raise Problem(
            409,
            "auth.mode",
            "There is no identity provider here: this is the demo sign-in.",
            "POST /api/v1/session.",
        )
    return context.provider


def public_router() -> APIRouter:
    """A router for people who are not signed in yet."""
    return APIRouter(
        prefix=API,
        route_class=PublicRoute,
        responses=PROBLEMS,
        tags=["people"],
        generate_unique_id_function=lambda route: route.name,
    )


def demo_router(context: SignInContext) -> APIRouter:
    """GET /sign-in and POST /session."""
    routes = public_router()
    people = context.guard.authenticator.people

    @routes.get("/sign-in", response_model=schemas.SignInWays)
    async def ways_in() -> dict[str, Any]:
        """How people sign in here."""
        if isinstance(people, DemoPeople):
            found = [person_fields(person) for person in people.by_token.values()]
            return {"mode": "demo", "people": found, "default": found[0]["id"], "login_url": None}
        return {"mode": "oidc", "people": [], "default": None, "login_url": LOGIN_PATH}

    @routes.post("/session", response_model=schemas.Me)
    async def sign_in(request: Request, order: schemas.SignIn) -> Response:
        """Sign in as one of the demo people, in this browser. Its previous session ends."""
        if not isinstance(people, DemoPeople):
            raise Problem(
                409,
                "auth.mode",
                "People sign in at the identity provider here.",
                f"Open {LOGIN_PATH} in a browser.",
            )
        found = people.by_token.get(order.person)
        if found is None:
            await context.guard.record_failed_sign_in(request, "unknown person", 401)
            raise unknown_credential(InvalidCredential)
        person = Person(found.id, found.name, found.roles, "session")
        return await context.sign_in(request, person, JSONResponse(context.me(person)))

    return routes


def signed_in_router(route_class: type[APIRoute], context: SignInContext) -> APIRouter:
    """GET /me and DELETE /session."""
    routes = api_router(route_class, "people")

    @routes.get("/me", response_model=schemas.Me)
    async def me(request: Request) -> dict[str, Any]:
        """Who is signed in."""
        return context.me(request.state.person)

    @routes.delete("/session", response_model=schemas.SignedOut)
    async def sign_out(request: Request) -> Response:
        """End the session of this browser. A call with a token ends nothing."""
        session_id = request.cookies.get(SESSION_COOKIE)
        if session_id is None or request.state.person.via != "session":
            return JSONResponse({"signed_out": False, "logout_url": None})
        guard, provider = context.guard, context.provider
        id_token = await guard.trail.write(
            lambda connection: guard.authenticator.end_session(connection, session_id)
        )
        address = None if provider is None else await provider.sign_out_address(id_token)
        response = SecretResponse(
            {"signed_out": True, "logout_url": address}, {"signed_out": True, "logout_url": None}
        )
        response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        # Not "storage": that has the language and the colours, which no session is about.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    return routes
