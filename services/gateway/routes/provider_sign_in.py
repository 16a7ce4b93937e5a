"""Sign-in through the identity provider: the redirect to it, and the way back."""

import html
import secrets
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.gateway.auth.oidc import (
    ATTEMPT_COOKIE,
    ATTEMPT_COOKIE_S,
    SignInAttempt,
)
from services.gateway.auth.oidc_client import IdentityProviderUnavailable, SignInRefused
from services.gateway.auth.people import Person
from services.gateway.auth.provider_tokens import Identity
from services.gateway.domain.access import roles_of_groups
from services.gateway.domain.request_rules import safe_redirect
from services.gateway.routes.sign_in import (
    LOGIN_PATH,
    SignInContext,
    provider_of,
    public_router,
)
from services.gateway.schemas.problems import CONTENT
from services.gateway.static_files.message_page import message_page
from services.gateway.store.people import upsert_person

UNAVAILABLE = (
    "The sign-in service of your organisation does not answer at the moment. "
    "Nothing is lost, and payments continue."
)
NO_ROLE = (
    "You are signed in at your organisation, but your groups there give you no role here. "
    "Ask the person who manages these groups."
)
OTHER_BROWSER = "This sign-in was started in another browser, or too long ago."

#: Problems that a browser gets as a page.
_PAGES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"text/html": {}, **CONTENT},
    }
    for status, description in (
        (400, "This browser has not started this sign-in."),
        (403, "The person has no role, or the provider refuses."),
        (502, "The identity provider does not answer."),
    )
}


def router(context: SignInContext) -> APIRouter:
    """GET /sign-in/start and /sign-in/callback."""
    routes = public_router()
    _add_start(routes, context)
    _add_callback(routes, context)
    return routes


def _add_start(routes: APIRouter, context: SignInContext) -> None:
    @routes.get(
        "/sign-in/start", status_code=303, response_class=RedirectResponse, responses=_PAGES
    )
    async def start(
        to: Annotated[str, Query(max_length=1_000)] = "/", *, anew: bool = False
    ) -> Response:
        """Send a browser to the identity provider. Afterwards it opens the path `to`.

        With `anew` the person must prove there who they are, signed in or not.
        """
        attempt = SignInAttempt.start(safe_redirect(to), anew=anew)
        try:
            address = await provider_of(context).sign_in_address(attempt)
        except IdentityProviderUnavailable:
            return _unavailable_page()
        response = RedirectResponse(address, 303)
        response.set_cookie(
            ATTEMPT_COOKIE,
            attempt.to_cookie(),
            max_age=ATTEMPT_COOKIE_S,
            path="/",
            secure=True,
            httponly=True,
            samesite="lax",
        )
        return response


def _add_callback(routes: APIRouter, context: SignInContext) -> None:
    @routes.get(
        "/sign-in/callback", status_code=303, response_class=RedirectResponse, responses=_PAGES
    )
    async def callback(
        request: Request,
        code: Annotated[str, Query(max_length=4_000)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Where the identity provider sends the browser back to."""
        provider = provider_of(context)
        attempt = SignInAttempt.from_cookie(request.cookies.get(ATTEMPT_COOKIE, ""))
        if attempt is None or not secrets.compare_digest(attempt.state.encode(), state.encode()):
            await context.guard.record_failed_sign_in(request, "state", 400)
            return _page("Please sign in again", OTHER_BROWSER, 400)
        try:
            identity = await provider.finish(attempt, code)
            response = await _sign_in(request, context, identity, safe_redirect(attempt.path))
        except SignInRefused as refused:
            await context.guard.record_failed_sign_in(request, refused.code, 403)
            response = _page("You are not signed in", str(refused), 403)
        except IdentityProviderUnavailable:
            response = _unavailable_page()
        response.delete_cookie(ATTEMPT_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return response


async def _sign_in(
    request: Request, context: SignInContext, identity: Identity, path: str
) -> Response:
    """Store a person the provider has identified, and start a session.

    Raises:
        SignInRefused: none of the person's groups has a role here.
    """
    roles = roles_of_groups(identity.groups, context.settings.oidc_roles)
    await context.guard.trail.write(
        lambda c: upsert_person(c, identity.id, identity.name, sorted(roles))
    )
    if not roles:
        raise SignInRefused("no-role", NO_ROLE)
    person = replace(Person.with_given_roles(identity.id, identity.name, roles), via="session")
    return await context.sign_in(request, person, RedirectResponse(path, 303), identity)


def _unavailable_page() -> Response:
    return _page("Signing in is not possible now", UNAVAILABLE, 502)


def _page(title: str, sentence: str, status: int) -> Response:
    link = f'<a href="{LOGIN_PATH}">Sign in</a>'
    return message_page(title, (html.escape(sentence), link), status)
