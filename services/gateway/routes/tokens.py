"""API tokens for scripts: made by an administrator for a named person, shown once, listed, revoked."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import new_token, secret_hash
from services.gateway.auth.people import person_fields
from services.gateway.dependencies import LIMIT_MAX, door_routes
from services.gateway.domain import access
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.responses import SecretResponse
from services.gateway.schemas import people as shapes_people
from services.gateway.store import tokens as store


def router(kind: type[APIRoute], guard: RequestGuard) -> APIRouter:
    """/tokens, /people."""
    routes = door_routes(kind, "people")

    @routes.get("/people", response_model=shapes_people.People)
    def people() -> dict[str, Any]:
        """Whom a token can be made for: with an identity provider, whoever has signed in before."""
        with guard.trail.engine.connect() as connection:
            items = [
                person_fields(person) for person in guard.authenticator.people.list_all(connection)
            ]
        return {"items": items, "next": None, "total": len(items)}

    @routes.get("/tokens", response_model=shapes_people.Tokens)
    def tokens(
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
        cursor: Annotated[str, Query(pattern="^[0-9]{0,18}$")] = "",
    ) -> dict[str, Any]:
        """All tokens, also those that have ended, newest first. Never a secret."""
        with guard.trail.engine.connect() as connection:
            items, total = store.list_tokens(connection, limit, int(cursor) if cursor else None)
        return {
            "items": items,
            "next": str(items[-1]["seq"]) if len(items) == limit and items[-1]["seq"] > 1 else None,
            "total": total,
        }

    @routes.post("/tokens", status_code=201, response_model=shapes_people.TokenMade)
    async def make(request: Request, order: shapes_people.TokenOrder) -> Response:
        """Make a token. Its secret is in this answer and nowhere else."""
        roles, by = frozenset(order.roles), request.state.person
        person = await guard.trail.write(lambda c: guard.authenticator.people.find(c, order.person))
        if person is None:
            raise Problem(
                422,
                "token.person",
                "Nobody of this id is known here.",
                "GET /api/v1/people lists who is.",
            )
        if refused := access.why_no_token(roles, person.roles, read_only=order.read_only):
            raise Problem(
                422,
                "token.roles",
                refused,
                "Ask for fewer roles, or for a token that can only read.",
            )
        token_id, secret = new_token()
        wanted = store.NewToken(
            token_id,
            secret_hash(secret),
            order.name,
            person.id,
            tuple(sorted(roles)),
            order.read_only,
            by.id,
            order.days,
        )
        made = jsonable_encoder(await guard.trail.write(lambda c: store.insert_token(c, wanted)))
        return SecretResponse({**made, "token": secret}, {**made, "token": None}, 201)

    @routes.delete("/tokens/{token_id}", response_model=shapes_people.Token)
    async def revoke(token_id: UUID, request: Request) -> Any:
        """End a token at once and for ever; again, the answer is the same."""
        found = await asyncio.to_thread(_revoke, guard, token_id, request.state.person.id)
        if found is None:
            raise Problem(
                404, "token.unknown", "There is no such token.", "Look at the list of tokens."
            )
        return found

    return routes


def _revoke(guard: RequestGuard, token_id: UUID, by: str) -> dict[str, Any] | None:
    with guard.trail.engine.begin() as connection:
        return store.revoke_token(connection, token_id, by)
