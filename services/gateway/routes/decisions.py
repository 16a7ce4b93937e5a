"""Decisions about rows of a batch before its approval, and standing holds."""

from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.routing import APIRoute

from services.gateway.dependencies import (
    Context,
    Cursor,
    Limit,
    api_router,
    relay,
    without_empty,
)
from services.gateway.schemas import decisions as schemas
from services.gateway.schemas.batch_commands import Accepted, Reason
from services.gateway.upstream import Upstreams


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """/batches/{batch_id}/decisions and /holds."""
    routes = api_router(route_class, "decisions")
    _add_decisions(routes, services)
    _add_holds(routes, services)
    return routes


def _add_decisions(routes: APIRouter, services: Upstreams) -> None:
    @routes.post("/batches/{batch_id}/decisions", response_model=schemas.Decided)
    async def decide(batch_id: UUID, order: schemas.Decide, context: Context) -> Response:
        """Exclude rows from a ready batch, include excluded ones, or accept a changed person.

        The batch is checked again and its digest changes. Who decided cannot approve it.
        """
        body = order.model_dump(mode="json", exclude_none=True)
        return await relay(services.ingest, context.post(f"/batches/{batch_id}/decisions", body))

    @routes.get("/batches/{batch_id}/decisions", response_model=schemas.Decisions)
    async def decisions(batch_id: UUID, context: Context) -> Response:
        """Every decision about rows of a batch, with names and reasons."""
        return await relay(services.ingest, context.get(f"/batches/{batch_id}/decisions"))

    @routes.delete("/batches/{batch_id}/decisions/{decision_id}", response_model=Accepted)
    async def take_back(batch_id: UUID, decision_id: UUID, context: Context) -> Response:
        """Take a decision back. The batch is checked again; who does it cannot approve it."""
        path = f"/batches/{batch_id}/decisions/{decision_id}"
        return await relay(services.ingest, context.delete(path))


def _add_holds(routes: APIRouter, services: Upstreams) -> None:
    @routes.post("/holds", response_model=schemas.HoldChange)
    async def set_hold(order: schemas.SetHold, context: Context) -> Response:
        """Hold a person, a loan, a branch or a source.

        Rows that fall under it arrive excluded in every batch until an approver lifts it. Batches
        that wait for approval are checked again.
        """
        body = order.model_dump(mode="json", exclude_none=True)
        return await relay(services.ingest, context.post("/holds", body))

    @routes.get("/holds", response_model=schemas.Holds)
    async def holds(
        context: Context, limit: Limit = 100, cursor: Cursor = "", *, lifted: bool = False
    ) -> Response:
        """The holds that stand, the newest first; with `lifted` also those that were lifted."""
        params = without_empty(limit=limit, cursor=cursor, lifted="true" if lifted else "")
        return await relay(services.ingest, context.get("/holds", params))

    @routes.post("/holds/{hold_id}/lift", response_model=schemas.HoldChange)
    async def lift(hold_id: UUID, order: Reason, context: Context) -> Response:
        """Lift a hold for good. Open batches with rows under it are checked again."""
        body = order.model_dump(mode="json")
        return await relay(services.ingest, context.post(f"/holds/{hold_id}/lift", body))
