"""The internal HTTP interface of ingest. Only routes choose HTTP statuses."""

from fastapi import APIRouter, Depends

from libs.common.web.internal_auth import Caller
from services.ingest.routes.approval_requests import add_approval_requests
from services.ingest.routes.approval_rules import add_approval_rules
from services.ingest.routes.batch_actions import add_actions, add_period
from services.ingest.routes.batch_upload import add_upload
from services.ingest.routes.batch_views import add_details, add_lists
from services.ingest.routes.context import Dependencies
from services.ingest.routes.decisions import add_decisions, add_holds
from services.ingest.routes.mended_rows import add_mended_rows
from services.ingest.routes.people import add_people
from services.ingest.routes.periods import add_periods


def build_router(dependencies: Dependencies) -> APIRouter:
    """All routes of ingest."""
    router = APIRouter()
    caller = Depends(Caller(dependencies.settings.internal_token))
    add_upload(router, dependencies, caller)
    add_actions(router, dependencies, caller)
    add_approval_requests(router, dependencies, caller)
    add_approval_rules(router, dependencies, caller)
    add_mended_rows(router, dependencies, caller)
    add_period(router, dependencies, caller)
    add_decisions(router, dependencies, caller)
    add_holds(router, dependencies, caller)
    add_lists(router, dependencies, caller)
    add_details(router, dependencies, caller)
    add_people(router, dependencies, caller)
    add_periods(router, dependencies, caller)
    return router
