"""Uploading a roster. The file is sent on to ingest while it is received."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import Context, api_router, without_empty
from services.gateway.request_guard.idempotency import hash_body
from services.gateway.request_guard.responses import relayed
from services.gateway.schemas.batch_commands import Accepted
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import Upstreams

RELAYED_HEADERS = ("content-type", "content-encoding", "content-length")
MEDIA_TYPES = ("application/xml", "application/gzip")
FILE_SCHEMA = {"schema": {"type": "string", "format": "binary"}}
REQUEST_BODY = {
    "requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, FILE_SCHEMA)}
}


def router(
    route_class: type[APIRoute], services: Upstreams, settings: GatewaySettings
) -> APIRouter:
    """POST /batches."""
    routes = api_router(route_class, "batches")

    @routes.post("/batches", status_code=202, response_model=Accepted, openapi_extra=REQUEST_BODY)
    async def upload(
        request: Request,
        context: Context,
        filename: Annotated[str, Query(max_length=255)] = "",
        period: Annotated[str, Query(max_length=10)] = "",
        repeat_reason: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        """Upload a roster, as XML or gzipped.

        409 with the batch's id if the same bytes were uploaded before.
        """
        if _declared_bytes(request) > settings.upload_max_bytes:
            return await _refuse_at_once(request, settings.upload_max_bytes)
        call = context.upload(
            "/batches",
            hash_body(request, limit_chunks(request.stream(), settings.upload_max_bytes)),
            params=without_empty(filename=filename, period=period, repeat_reason=repeat_reason),
            headers={n: request.headers[n] for n in RELAYED_HEADERS if n in request.headers},
            timeout_s=settings.upload_timeout_s,
        )
        return relayed(await services.ingest.send(call))

    return routes


async def limit_chunks(chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """The chunks of a body, up to the limit.

    Raises:
        Problem: 413, the body is larger.
    """
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        yield chunk


def _declared_bytes(request: Request) -> int:
    try:
        return int(request.headers.get("content-length", "0"))
    except ValueError:
        return 0


async def _refuse_at_once(request: Request, max_bytes: int) -> Response:
    """413 before the body is read. The connection is closed: nobody reads the rest of the body."""
    respond = request.app.exception_handlers[Problem]
    response: Response = await respond(request, _too_large(max_bytes))
    response.headers["Connection"] = "close"
    return response


def _too_large(max_bytes: int) -> Problem:
    return Problem(
        413,
        "upload.too-large",
        f"An upload may have {max_bytes} bytes. This one is larger and was not accepted.",
        "Split the roster into several files.",
    )
