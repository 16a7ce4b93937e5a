"""Uploading a roster, or mended rows of one. The file is sent on while it is received."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import Context, RequestContext, api_router, without_empty
from services.gateway.request_guard.idempotency import hash_body
from services.gateway.request_guard.responses import relayed
from services.gateway.schemas.batch_commands import Accepted
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import Params, Upstreams

RELAYED_HEADERS = ("content-type", "content-encoding", "content-length")
MEDIA_TYPES = ("application/xml", "application/gzip")
FILE_SCHEMA = {"schema": {"type": "string", "format": "binary"}}
REQUEST_BODY = {
    "requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, FILE_SCHEMA)}
}


def router(
    route_class: type[APIRoute], services: Upstreams, settings: GatewaySettings
) -> APIRouter:
    """POST /batches and /batches/{batch_id}/mended-rows."""
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
        params = without_empty(filename=filename, period=period, repeat_reason=repeat_reason)
        return await _send_on(request, context, "/batches", params)

    @routes.post(
        "/batches/{batch_id}/mended-rows",
        status_code=202,
        response_model=Accepted,
        openapi_extra=REQUEST_BODY,
    )
    async def mended_rows(
        request: Request,
        context: Context,
        batch_id: UUID,
        filename: Annotated[str, Query(max_length=255)] = "",
        repeat_reason: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        """Upload mended rows of an approved batch, in the file of its refused rows.

        They become a child of the batch, which another person approves. The file is refused if it
        has a row that is not among the refused ones.
        """
        params = without_empty(filename=filename, repeat_reason=repeat_reason)
        return await _send_on(request, context, f"/batches/{batch_id}/mended-rows", params)

    async def _send_on(
        request: Request, context: RequestContext, path: str, params: Params
    ) -> Response:
        if _declared_bytes(request) > settings.upload_max_bytes:
            return await _refuse_at_once(request, settings.upload_max_bytes)
        call = context.upload(
            path,
            hash_body(request, limit_chunks(request.stream(), settings.upload_max_bytes)),
            params=params,
            headers=_relayed_headers(request),
            timeout_s=settings.upload_timeout_s,
        )
        return relayed(await services.ingest.send(call))

    return routes


def _relayed_headers(request: Request) -> dict[str, str]:
    """The headers that ingest reads too.

    Raises:
        Problem: 400, one has characters outside ASCII.
    """
    found = {name: request.headers[name] for name in RELAYED_HEADERS if name in request.headers}
    for name, value in found.items():
        if not value.isascii():
            raise Problem(
                400,
                "header.not-ascii",
                f"The header {name} has characters outside ASCII. Nothing was stored.",
                "Send it in ASCII.",
            )
    return found


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
