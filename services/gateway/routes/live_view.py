"""The live view of a batch, as server-sent events."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from services.gateway import event_stream
from services.gateway.dependencies import Context, api_router
from services.gateway.upstream import Upstreams


def router(
    route_class: type[APIRoute],
    services: Upstreams,
    slots: event_stream.StreamSlots,
    timing: event_stream.StreamTiming,
) -> APIRouter:
    """GET /batches/{batch_id}/live."""
    routes = api_router(route_class, "batches")

    @routes.get(
        "/batches/{batch_id}/live",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def progress(batch_id: UUID, request: Request, context: Context) -> Response:
        """Server-sent events: `snapshot` first, then `change`s. 404 for an unknown batch."""

        async def read_figures() -> dict[str, Any]:
            return await services.reports.send_json(context.get(f"/batches/{batch_id}/live"))

        slots.check()
        # Reports answers with zeros for every id; only ingest knows whether the batch exists.
        await services.ingest.send_json(context.get(f"/batches/{batch_id}"))
        first = await read_figures()
        return StreamingResponse(
            event_stream.events(
                first, read_figures, request.state.is_still_signed_in, slots, timing
            ),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return routes
