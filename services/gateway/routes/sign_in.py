"""Signing in and out: /sign-in, /session, /me. What is here without the door is what one needs before one has a session."""

import html
import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.auth import oidc
from services.gateway.auth.sessions import (
    COOKIE,
    DemoPeople,
    Person,
    WrongToken,
    described,
    unknown,
)
from services.gateway.dependencies import door_routes
from services.gateway.domain import access, request_rules
from services.gateway.request_guard import Door, Open, ShownOnce
from services.gateway.schemas import people as shapes_people
from services.gateway.schemas.batches import PROBLEMS
from services.gateway.settings import GatewaySettings
from services.gateway.static_files.message_page import message_page
from services.gateway.store.people import upsert_person

LOGIN = f"{access.API}/sign-in/start"
PAGE: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"text/html": {}, **PROBLEMS[status]["content"]}}
    for status, words in (
        (400, "This sign-in was not begun here."),
        (403, "No role, or the provider refuses."),
        (502, "The provider is away."),
    )
}
AWAY = "The sign-in service of your organisation does not answer at the moment. Nothing of yours is lost; payments go on."
NO_ROLE = "You are signed in at your organisation, but it has given you no role here. Ask whoever manages the groups there."
OTHER_BROWSER = "This sign-in was begun in another window or too long ago."


@dataclass(frozen=True)
class Dependencies:
    """What signing in works with; `provider` only where there is an identity provider."""

    door: Door
    settings: GatewaySettings
    provider: oidc.Provider | None


def signed_in(kind: type[APIRoute], parts: Dependencies) -> APIRouter:
    """Who I am, and the way out."""
    routes = door_routes(kind, "people")

    @routes.get("/me", response_model=shapes_people.Me)
    async def me(request: Request) -> dict[str, Any]:
        """Who is signed in."""
        return told(parts, request.state.person)

    @routes.delete("/session", response_model=shapes_people.SignedOut)
    async def sign_out(request: Request) -> Response:
        """End the session of this browser. Called with a token, nothing ends."""
        session_id, person = request.cookies.get(COOKIE), request.state.person
        if session_id is None or person.via != "session":
            return JSONResponse({"signed_out": False, "logout_url": None})
        id_token = await parts.door.before(lambda c: parts.door.auth.end(c, session_id))
        address = await parts.provider.sign_out_address(id_token) if parts.provider else None
        response = ShownOnce(
            {"signed_out": True, "logout_url": address}, {"signed_out": True, "logout_url": None}
        )
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return response

    return routes


def public(parts: Dependencies) -> APIRouter:
    """The ways in."""
    routes = APIRouter(
        prefix=access.API,
        route_class=Open,
        responses=PROBLEMS,
        tags=["people"],
        generate_unique_id_function=lambda route: route.name,
    )
    people = parts.door.auth.people

    @routes.get("/sign-in", response_model=shapes_people.SignInWays)
    async def ways_in() -> dict[str, Any]:
        """How one signs in here."""
        if isinstance(people, DemoPeople):
            found = [described(person) for person in people.by_token.values()]
            return {"mode": "demo", "people": found, "default": found[0]["id"], "login_url": None}
        return {"mode": "oidc", "people": [], "default": None, "login_url": LOGIN}

    @routes.post("/session", response_model=shapes_people.Me)
    async def sign_in(request: Request, order: shapes_people.SignIn) -> Response:
        """Demo only: be one of the demo people from now on, in this browser. The session it had before ends."""
        if not isinstance(people, DemoPeople):
            raise Problem(
                409,
                "auth.mode",
                "People sign in at the identity provider here.",
                f"Open {LOGIN} in a browser.",
            )
        found = people.by_token.get(order.person)
        if found is None:
            await parts.door.failed(request, "unknown person", 401)
            raise unknown(WrongToken)
        person = Person(found.id, found.name, found.roles, "session")
        response = JSONResponse(told(parts, person))
        give_session(response, await parts.door.signed_in(request, person, 200), parts.settings)
        return response

    _by_provider(routes, parts)
    return routes


def _by_provider(routes: APIRouter, parts: Dependencies) -> None:
    def provider() -> oidc.Provider:
        if parts.provider is None:
            raise Problem(
                409,
                "auth.mode",
                "There is no identity provider here: this is the demo sign-in.",
                "POST /api/v1/session.",
            )
        return parts.provider

    @routes.get("/sign-in/start", status_code=303, response_class=RedirectResponse, responses=PAGE)
    async def start(to: Annotated[str, Query(max_length=1_000)] = "/") -> Response:
        """Send a browser to the identity provider; afterwards it comes to the path `to`."""
        begun = oidc.Begun.new(request_rules.safe_redirect(to))
        try:
            address = await provider().address(begun)
        except oidc.ProviderAway:
            return _page("Signing in is not possible just now", AWAY, 502)
        response = RedirectResponse(address, 303)
        response.set_cookie(
            oidc.COOKIE,
            begun.cookie(),
            max_age=oidc.COOKIE_S,
            path="/",
            secure=True,
            httponly=True,
            samesite="lax",
        )
        return response

    @routes.get(
        "/sign-in/callback", status_code=303, response_class=RedirectResponse, responses=PAGE
    )
    async def callback(
        request: Request,
        code: Annotated[str, Query(max_length=4_000)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Where the identity provider sends the browser back to."""
        known = provider()
        begun = oidc.Begun.read(request.cookies.get(oidc.COOKIE, ""))
        if begun is None or not secrets.compare_digest(begun.state.encode(), state.encode()):
            await parts.door.failed(request, "state", 400)
            return _page("Please sign in again", OTHER_BROWSER, 400)
        try:
            response = await _enter(request, parts, await known.finish(begun, code), begun.path)
        except oidc.SignInRefused as refused:
            await parts.door.failed(request, refused.code, 403)
            response = _page(
                "You are not signed in", NO_ROLE if refused.code == "no-role" else str(refused), 403
            )
        except oidc.ProviderAway:
            response = _page("Signing in is not possible just now", AWAY, 502)
        response.delete_cookie(oidc.COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return response


async def _enter(
    request: Request, parts: Dependencies, identity: oidc.Identity, path: str
) -> Response:
    """Start the session of a person the provider vouches for.

    Raises:
        SignInRefused: none of the person's groups has a role here.
    """
    roles = access.roles_of_groups(identity.groups, parts.settings.oidc_roles)
    await parts.door.before(lambda c: upsert_person(c, identity.id, identity.name, sorted(roles)))
    if not roles:
        raise oidc.SignInRefused("no-role", NO_ROLE)
    person = Person(identity.id, identity.name, roles, "session")
    response = RedirectResponse(path, 303)
    give_session(
        response,
        await parts.door.signed_in(request, person, 303, identity.id_token),
        parts.settings,
    )
    return response


def told(parts: Dependencies, person: Person) -> dict[str, Any]:
    """A person as `GET /me` tells."""
    return described(
        person, auth_mode=parts.settings.auth_mode, via=person.via, read_only=person.read_only
    )


def give_session(response: Response, session_id: str, settings: GatewaySettings) -> None:
    """Hand a session to the browser: a cookie no script reads, for this host only, gone with the session."""
    response.set_cookie(
        COOKIE,
        session_id,
        max_age=settings.session_max_s,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def _page(title: str, sentence: str, status: int) -> Response:
    return message_page(title, (html.escape(sentence), f'<a href="{LOGIN}">Sign in</a>'), status)
