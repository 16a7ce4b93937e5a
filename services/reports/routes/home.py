"""HTTP: the last pay periods, and what a person has put away on the home page."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from libs.common.contracts.money import CURRENCY
from libs.common.web.internal_auth import Actor, Caller
from services.reports.routes.context import Context
from services.reports.store import home, queries

PERIODS_MAX = 60
PUT_AWAY_MAX = 1_000


class PutAwayOrder(BaseModel):
    """A batch that somebody has done with, in the status that they saw."""

    batch_id: UUID
    status: Literal["completed_with_failures", "rejected", "completed", "discarded", "expired"]


def add_routes(routes: APIRouter, context: Context) -> None:
    """Read the periods; put a batch away, list what was, and bring it back."""
    caller = Annotated[Actor, Depends(Caller(context.token))]

    @routes.get("/periods")
    def periods(limit: Annotated[int, Query(ge=1, le=PERIODS_MAX)] = 12) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = home.sum_periods(connection, limit)
        return {"currency": CURRENCY, "items": found}

    @routes.get("/put-away")
    def list_put_away(actor: caller) -> dict[str, Any]:
        with context.engine.connect() as connection:
            found = home.list_put_away(connection, actor.person, PUT_AWAY_MAX)
        return {"items": found}

    @routes.post("/put-away")
    def put_away(order: PutAwayOrder, actor: caller) -> dict[str, Any]:
        with context.engine.begin() as connection:
            home.put_away(connection, actor.person, order.batch_id, order.status)
        return {"batch_id": order.batch_id, "status": order.status}

    @routes.delete("/put-away/{batch_id}")
    def bring_back(batch_id: UUID, actor: caller) -> dict[str, Any]:
        with context.engine.begin() as connection:
            home.bring_back(connection, actor.person, batch_id)
        return {"batch_id": batch_id, "status": ""}
