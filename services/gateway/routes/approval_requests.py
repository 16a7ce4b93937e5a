"""Asking for the approval of a batch, withdrawing that, and sending the batch back."""

from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, api_router, relay
from services.gateway.schemas.approval_requests import AskApproval
from services.gateway.schemas.batch_commands import Asked, Reason
from services.gateway.upstream import Upstreams

PATH = "/batches/{batch_id}/approval-requests"


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """/batches/{batch_id}/approval-requests."""
    routes = api_router(route_class, "batches")

    @routes.post(PATH, response_model=Asked)
    async def ask_approval(batch_id: UUID, order: AskApproval, context: Context) -> Response:
        """Ask for the approval of a ready batch, with a note.

        Until it is sent back or the request is withdrawn, nobody changes the batch. Who asks
        cannot approve it. A batch can also be approved without being asked for.
        """
        body = order.model_dump(mode="json")
        path = f"/batches/{batch_id}/approval-requests"
        return await relay(services.ingest, context.post(path, body))

    @routes.post(f"{PATH}/{{request_id}}/send-back", response_model=Asked)
    async def send_back(
        batch_id: UUID, request_id: UUID, order: Reason, context: Context
    ) -> Response:
        """Send a batch back to who asked, with a reason. Nothing of it is paid."""
        body = order.model_dump(mode="json")
        path = f"/batches/{batch_id}/approval-requests/{request_id}/send-back"
        return await relay(services.ingest, context.post(path, body))

    @routes.delete(f"{PATH}/{{request_id}}", response_model=Asked)
    async def withdraw(batch_id: UUID, request_id: UUID, context: Context) -> Response:
        """Withdraw a request for approval, so that the batch can be changed again."""
        path = f"/batches/{batch_id}/approval-requests/{request_id}"
        return await relay(services.ingest, context.delete(path))

    return routes
