"""Downloading the reports of a batch."""

from contextlib import AsyncExitStack
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask

from services.gateway.dependencies import Context, api_router
from services.gateway.request_guard.responses import relayed
from services.gateway.upstream import Upstreams

ReportName = Literal[
    "sources.csv",
    "branches.csv",
    "payments.csv",
    "sources.xlsx",
    "branches.xlsx",
    "payments.xlsx",
    "summary.pdf",
    "all.zip",
]
TIMEOUT_S = 120.0
RELAYED_HEADERS = ("content-disposition", "content-length", "content-encoding")


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """GET /batches/{batch_id}/reports/{name}."""
    routes = api_router(route_class, "batches")

    @routes.get("/batches/{batch_id}/reports/{name}", response_class=StreamingResponse)
    async def report(batch_id: UUID, name: ReportName, context: Context) -> Response:
        """A report as a file. 503 for a moment while its totals differ from the certificate's."""
        call = context.get(f"/batches/{batch_id}/reports/{name}", timeout_s=TIMEOUT_S)
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(services.reports.stream(call))
            if answer.status_code >= 400:
                await answer.aread()
                return relayed(answer)
            # The connection to reports stays open until the last byte is sent on.
            close = BackgroundTask(stack.pop_all().aclose)
            return StreamingResponse(
                answer.aiter_raw(),
                media_type=answer.headers.get("content-type"),
                headers={n: answer.headers[n] for n in RELAYED_HEADERS if n in answer.headers},
                background=close,
            )

    return routes
