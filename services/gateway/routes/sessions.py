"""Sessions: people list and end their own, administrators everybody's."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from libs.common.web.problem_details import Problem
from services.gateway.auth.credentials import SESSION_COOKIE, secret_hash
from services.gateway.auth.people import Person
from services.gateway.dependencies import api_router
from services.gateway.domain.access import ADMIN
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.schemas import sessions as schemas
from services.gateway.store import sessions as store

SessionId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


def router(route_class: type[APIRoute], guard: RequestGuard, engine: Engine) -> APIRouter:
    """Everything below /sessions."""
    routes = api_router(route_class, "people")

    @routes.get("/sessions", response_model=schemas.Sessions)
    def sessions(request: Request) -> dict[str, Any]:
        """The open sessions of the caller; of everybody, for an administrator."""
        person, cookie = request.state.person, request.cookies.get(SESSION_COOKIE, "")
        current = secret_hash(cookie) if person.via == "session" else b""
        with engine.connect() as connection:
            items = store.list_sessions(
                connection, _whose(person), guard.authenticator.idle_s, current
            )
        return {"items": items, "next": None, "total": len(items)}

    @routes.delete("/sessions/{session_id}", response_model=schemas.SessionEnded)
    async def end_session(session_id: SessionId, request: Request) -> dict[str, str]:
        """End a session at once. A second call finds none."""
        person = request.state.person
        whose = await asyncio.to_thread(_end, engine, session_id, _whose(person))
        if whose is None:
            raise Problem(
                404,
                "session.unknown",
                "There is no such session, or it has ended.",
                "Look at the list of sessions.",
            )
        return {"session_id": session_id, "person": whose}

    return routes


def _whose(person: Person) -> str | None:
    """Whose sessions a person may see and end: None for everybody's.

    A token sees and ends no more than its person's own.
    """
    return None if ADMIN in person.roles and person.via == "session" else person.id


def _end(engine: Engine, session_id: str, person_id: str | None) -> str | None:
    with engine.begin() as connection:
        return store.end_listed_session(connection, session_id, person_id)
