"""Where the identity provider says that it has ended a session (Back-Channel Logout 1.0)."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import secret_hash
from services.gateway.auth.oidc_client import IdentityProviderUnavailable, SignInRefused
from services.gateway.auth.provider_tokens import LOGOUT_TOKEN_KEPT_S, Logout
from services.gateway.request_guard.audit_trail import NOBODY, audit_entry
from services.gateway.routes.sign_in import SignInContext, provider_of, public_router
from services.gateway.schemas.sign_in import LoggedOut
from services.gateway.store import audit, logout_tokens, session_questions

FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["logout_token"],
                    "properties": {"logout_token": {"type": "string"}},
                }
            }
        },
    }
}


def router(context: SignInContext) -> APIRouter:
    """POST /sign-in/back-channel-logout."""
    routes = public_router()

    @routes.post("/sign-in/back-channel-logout", response_model=LoggedOut, openapi_extra=FORM)
    async def back_channel_logout(request: Request) -> Response:
        """End the sessions that a logout token of the identity provider names.

        A token counts once. One that is not accepted ends nothing.
        """
        provider = provider_of(context)
        try:
            logout = await provider.read_logout(await _logout_token(request))
            ended = await _end(request, context, logout)
        except SignInRefused as refused:
            await context.guard.record_failed_sign_in(request, "logout-token", 400)
            raise Problem(
                400,
                "logout.token",
                f"{refused} No session was ended.",
                "Send the logout token that the provider has just made for this client.",
            ) from None
        except IdentityProviderUnavailable:
            raise Problem(
                503,
                "auth.provider-away",
                "The keys of the identity provider cannot be read, so its token cannot be checked.",
                "Send it again in a few seconds.",
            ) from None
        return JSONResponse({"sessions": ended})

    return routes


async def _logout_token(request: Request) -> str:
    """The token in the form; "" if there is none."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=20)
    return form.get("logout_token", [""])[0]


async def _end(request: Request, context: SignInContext, logout: Logout) -> int:
    """End what a token names and record it, in one transaction.

    Raises:
        SignInRefused: the token was used before.
    """

    def work(connection: Connection) -> int | None:
        token_id = secret_hash(logout.token_id)
        if not logout_tokens.use_once(connection, token_id, LOGOUT_TOKEN_KEPT_S):
            return None
        audit.append_line(
            connection, audit_entry(request, NOBODY, "outcome", 200, logout.person_id)
        )
        return session_questions.end_provider_sessions(
            connection, logout.person_id, logout.provider_session
        )

    ended = await context.guard.trail.write(work)
    if ended is None:
        raise SignInRefused("logout-token", "This logout token was used before.")
    return ended
