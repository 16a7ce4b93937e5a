"""Names of branches and source accounts, with their history."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, api_router, relay
from services.gateway.schemas import names as schemas
from services.gateway.schemas.models import STORABLE_TEXT
from services.gateway.upstream import Upstreams

NameId = Annotated[str, Query(alias="id", min_length=1, max_length=200, pattern=STORABLE_TEXT)]


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """Everything below /names."""
    routes = api_router(route_class, "names")

    @routes.get("/names", response_model=schemas.GivenNames)
    async def names(context: Context) -> Response:
        """The newest name of every branch and source account that ever had one."""
        return await relay(services.reports, context.get("/names"))

    @routes.get("/names/unnamed", response_model=schemas.AllNameless)
    async def unnamed(context: Context) -> Response:
        """Branches and source accounts without a name."""
        return await relay(services.reports, context.get("/names/unnamed"))

    @routes.get("/names/history", response_model=schemas.GivenNames)
    async def name_history(
        context: Context,
        kind: schemas.NameKind,
        name_id: NameId,
    ) -> Response:
        """Every name of one branch or source account, newest first."""
        params = {"kind": kind, "id": name_id}
        return await relay(services.reports, context.get("/names/history", params))

    @routes.post("/names", response_model=schemas.GivenName)
    async def give_name(order: schemas.NameOrder, context: Context) -> Response:
        """Give a branch or a source account a name. 409 if somebody gave another one meanwhile."""
        return await relay(services.reports, context.post("/names", order.model_dump(mode="json")))

    return routes
