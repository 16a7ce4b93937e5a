"""All routes of reports together, for the other services only."""

from fastapi import APIRouter, Depends

from libs.common.web.internal_auth import Caller
from services.reports.routes import (
    evidence,
    files,
    finance_reports,
    home,
    names,
    payment_search,
    payments,
    progress,
)
from services.reports.routes.context import Context


def router(context: Context) -> APIRouter:
    """Every route asks for the internal token."""
    routes = APIRouter(dependencies=[Depends(Caller(context.token))])
    progress.add_routes(routes, context)
    payments.add_routes(routes, context)
    payment_search.add_routes(routes, context)
    files.add_routes(routes, context)
    finance_reports.add_routes(routes, context)
    evidence.add_routes(routes, context)
    home.add_routes(routes, context)
    names.add_routes(routes, context)
    return routes
