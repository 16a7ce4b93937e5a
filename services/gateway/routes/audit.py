"""Reading the audit log."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from services.gateway.dependencies import (
    Cursor,
    Limit,
    api_router,
    next_seq_cursor,
    read_seq_cursor,
)
from services.gateway.schemas import audit as schemas
from services.gateway.schemas.models import STORABLE_TEXT
from services.gateway.store import audit as store

ORDER = "audit:-seq"


def router(route_class: type[APIRoute], engine: Engine) -> APIRouter:
    """GET /audit."""
    routes = api_router(route_class, "operations")

    @routes.get("/audit", response_model=schemas.Audit)
    def audit(
        limit: Limit = 100,
        cursor: Cursor = "",
        q: Annotated[str, Query(max_length=100, pattern=STORABLE_TEXT)] = "",
    ) -> dict[str, Any]:
        """Every unsafe call, newest first, and whether the log is as it was written."""
        before_seq = read_seq_cursor(cursor, ORDER)
        with engine.connect() as connection:
            items, total = store.list_lines(connection, limit, before_seq, q or None)
            broken = store.first_broken_line(connection)
        return {
            "items": items,
            "next": next_seq_cursor(ORDER, items, limit),
            "total": total,
            "verified": broken is None,
            "first_broken": broken,
        }

    return routes
