"""The internal HTTP interface of ingest. Only routes choose HTTP statuses."""

from fastapi import APIRouter, Depends

from libs.common.web.internal_auth import Caller
from services.ingest.routes.batch_actions import add_actions, add_period
from services.ingest.routes.batch_upload import add_upload
from services.ingest.routes.batch_views import add_details, add_lists
from services.ingest.routes.context import Dependencies


def build_router(dependencies: Dependencies) -> APIRouter:
    """All routes of ingest."""
    router = APIRouter()
    caller = Depends(Caller(dependencies.settings.internal_token))
    add_upload(router, dependencies, caller)
    add_actions(router, dependencies, caller)
    add_period(router, dependencies, caller)
    add_lists(router, dependencies, caller)
    add_details(router, dependencies, caller)
    return router
