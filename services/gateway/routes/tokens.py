"""API tokens for scripts: created by an administrator for a person, shown once, listed, revoked."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import new_token, secret_hash
from services.gateway.auth.people import Person, person_fields
from services.gateway.dependencies import (
    Cursor,
    Limit,
    api_router,
    next_seq_cursor,
    read_seq_cursor,
)
from services.gateway.domain.access import why_no_token
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.responses import SecretResponse
from services.gateway.schemas import tokens as schemas
from services.gateway.store import tokens as store

ORDER = "tokens:-seq"


def router(route_class: type[APIRoute], guard: RequestGuard, engine: Engine) -> APIRouter:
    """Everything below /tokens and /people."""
    routes = api_router(route_class, "people")
    _add_lists(routes, guard, engine)
    _add_changes(routes, guard, engine)
    return routes


def _add_lists(routes: APIRouter, guard: RequestGuard, engine: Engine) -> None:
    @routes.get("/people", response_model=schemas.People)
    def people() -> dict[str, Any]:
        """The people a token can be created for.

        With an identity provider: everyone who has signed in before.
        """
        with engine.connect() as connection:
            everyone = guard.authenticator.people.list_all(connection)
        items = [person_fields(person) for person in everyone]
        return {"items": items, "next": None, "total": len(items)}

    @routes.get("/tokens", response_model=schemas.Tokens)
    def tokens(limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
        """All tokens, newest first, also those that have ended. Never a secret."""
        before_seq = read_seq_cursor(cursor, ORDER)
        with engine.connect() as connection:
            items, total = store.list_tokens(connection, limit, before_seq)
        return {"items": items, "next": next_seq_cursor(ORDER, items, limit), "total": total}


def _add_changes(routes: APIRouter, guard: RequestGuard, engine: Engine) -> None:
    @routes.post("/tokens", status_code=201, response_model=schemas.TokenMade)
    async def make(request: Request, order: schemas.TokenOrder) -> Response:
        """Create a token. Its secret is in this answer and nowhere else."""
        people = guard.authenticator.people
        person = await guard.trail.write(lambda c: people.find(c, order.person))
        token, secret = _new_token(order, person, request.state.person.id)
        row = await guard.trail.write(lambda c: store.insert_token(c, token))
        shown = jsonable_encoder(row)
        return SecretResponse({**shown, "token": secret}, {**shown, "token": None}, 201)

    @routes.delete("/tokens/{token_id}", response_model=schemas.Token)
    async def revoke(token_id: UUID, request: Request) -> Any:
        """Revoke a token at once and for good. A second call gets the same answer."""
        revoked = await asyncio.to_thread(_revoke, engine, token_id, request.state.person.id)
        if revoked is None:
            raise Problem(
                404, "token.unknown", "There is no such token.", "Look at the list of tokens."
            )
        return revoked


def _new_token(
    order: schemas.TokenOrder, person: Person | None, created_by: str
) -> tuple[store.NewToken, str]:
    """The token to store, and its secret.

    Raises:
        Problem: 422, nobody has this id, or the person cannot have a token with these roles.
    """
    if person is None:
        raise Problem(
            422,
            "token.person",
            "Nobody has this id here.",
            "GET /api/v1/people lists the people a token can be created for.",
        )
    roles = frozenset(order.roles)
    if why := why_no_token(roles, person.roles, read_only=order.read_only):
        raise Problem(422, "token.roles", why, "Choose fewer roles, or a token that only reads.")
    token_id, secret = new_token()
    token = store.NewToken(
        token_id=token_id,
        token_hash=secret_hash(secret),
        name=order.name,
        person=person.id,
        roles=tuple(sorted(roles)),
        read_only=order.read_only,
        created_by=created_by,
        days=order.days,
    )
    return token, secret


def _revoke(engine: Engine, token_id: UUID, by: str) -> dict[str, Any] | None:
    with engine.begin() as connection:
        return store.revoke_token(connection, token_id, by)
