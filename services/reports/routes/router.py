"""All routes of reports together, for the other services only."""

from fastapi import APIRouter, Depends

from libs.common.web.internal_auth import Caller
from services.reports.routes import files, payments, progress
from services.reports.routes.context import Context


def router(context: Context) -> APIRouter:
    """Every route asks for the internal token."""
    routes = APIRouter(dependencies=[Depends(Caller(context.token))])
    progress.add_routes(routes, context)
    payments.add_routes(routes, context)
    files.add_routes(routes, context)
    return routes
