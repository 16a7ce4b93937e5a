"""Downloading the reports of a batch, and its refused rows."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, api_router
from services.gateway.routes.files import TIMEOUT_S, stream_file
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


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """GET /batches/{batch_id}/reports/{name} and /refused-rows.xml."""
    routes = api_router(route_class, "batches")

    @routes.get("/batches/{batch_id}/reports/{name}", response_class=StreamingResponse)
    async def report(batch_id: UUID, name: ReportName, context: Context) -> Response:
        """A report as a file. 503 for a moment while its totals differ from the certificate's."""
        call = context.get(f"/batches/{batch_id}/reports/{name}", timeout_s=TIMEOUT_S)
        return await stream_file(services.reports, call)

    @routes.get("/batches/{batch_id}/refused-rows.xml", response_class=StreamingResponse)
    async def refused_rows(batch_id: UUID, context: Context) -> Response:
        """The refused rows of a batch, as a roster that can be mended and uploaded again.

        A comment before each row names it and says why it was refused. Rows that were paid as
        mended rows are left out.
        """
        call = context.get(f"/batches/{batch_id}/refused-rows.xml", timeout_s=TIMEOUT_S)
        return await stream_file(services.ingest, call)

    return routes
