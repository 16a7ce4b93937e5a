"""The home page's figures, and what a person has put away on it."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, api_router, relay
from services.gateway.domain.pay_day import APPROVED_STATUSES, pay_day
from services.gateway.schemas import home as schemas
from services.gateway.settings import PROVIDER_ZONE
from services.gateway.upstream import Upstreams

PERIODS_MAX = 60


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """Everything below /home."""
    routes = api_router(route_class, "home")

    @routes.get("/home/pay-days", response_model=schemas.PayDays)
    async def pay_days(context: Context) -> dict[str, Any]:
        """The pay period of today and the next one, each with its dates and its batches."""
        found = await services.ingest.send_json(context.get("/pay-periods"))
        return {**found, "periods": [with_dates(period) for period in found["periods"]]}

    @routes.get("/home/accounts", response_model=schemas.Accounts)
    async def home_accounts(context: Context) -> Response:
        """What the current pay period takes from each source account, and what is there."""
        found = await services.ingest.send_json(context.get("/pay-periods"))
        current = found["periods"][0]
        days = {"from_day": current["first"], "to_day": current["last"]}
        return await relay(services.ledger, context.get("/source-money", days))

    @routes.get("/home/periods", response_model=schemas.Periods)
    async def pay_period_sums(
        context: Context, limit: Annotated[int, Query(ge=1, le=PERIODS_MAX)] = 12
    ) -> Response:
        """What was paid, failed and came back in each of the last pay periods."""
        return await relay(services.reports, context.get("/periods", {"limit": limit}))

    @routes.get("/home/put-away", response_model=schemas.AllPutAway)
    async def list_put_away(context: Context) -> Response:
        """What the person has put away."""
        return await relay(services.reports, context.get("/put-away"))

    @routes.post("/home/put-away", response_model=schemas.PutAway)
    async def put_away(order: schemas.PutAwayOrder, context: Context) -> Response:
        """Put a batch away that nothing waits for. It comes back when its status changes."""
        body = order.model_dump(mode="json")
        return await relay(services.reports, context.post("/put-away", body))

    @routes.delete("/home/put-away/{batch_id}", response_model=schemas.PutAway)
    async def bring_back(batch_id: UUID, context: Context) -> Response:
        """Show a batch again that was put away."""
        return await relay(services.reports, context.delete(f"/put-away/{batch_id}"))

    return routes


def with_dates(period: dict[str, Any]) -> dict[str, Any]:
    """A pay period of ingest with its dates, and whether one of its batches is approved."""
    return {
        **period,
        **asdict(pay_day(date.fromisoformat(period["last"]), PROVIDER_ZONE)),
        "approved": any(batch["status"] in APPROVED_STATUSES for batch in period["batches"]),
    }
