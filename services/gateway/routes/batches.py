"""The public API of batches: upload, look, approve, correct, steer, download."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask

from libs.common.web.problem_details import Problem
from services.gateway import event_stream
from services.gateway.dependencies import (
    Asked,
    Asking,
    Filters,
    Found,
    Listing,
    door_routes,
    given,
    relay,
)
from services.gateway.domain import batches as rules
from services.gateway.request_guard.responses import relayed
from services.gateway.schemas import batches as shapes
from services.gateway.schemas import changes
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import UpstreamRefusal, Upstreams

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
CAUGHT_UP_S, LOOK_AGAIN_S = 5.0, 0.2
REPORT_S = 120.0
NO_REASON = shapes.OptionalReason()
UPLOAD_HEADERS = ("content-type", "content-encoding", "content-length")


def router(
    kind: type[APIRoute],
    services: Upstreams,
    settings: GatewaySettings,
    pace: event_stream.StreamTiming,
) -> APIRouter:
    """Everything below /batches."""
    routes = door_routes(kind, "batches")
    _reading(routes, services)
    _acting(routes, services)
    _streaming(routes, services, settings, pace)
    return routes


def _reading(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/batches", response_model=shapes.Batches)
    async def batches(
        asked: Asking,
        params: Listing,
        status: Annotated[str, Query(max_length=40, pattern="^[a-z_]*$")] = "",
        sha256: Annotated[str, Query(pattern="^([0-9a-fA-F]{64})?$")] = "",
    ) -> Response:
        """All batches, newest first; `sha256` of an inflated file tells whether it was uploaded before."""
        return await relay(
            services.ingest,
            asked.get("/batches", {**params, **given(status=status, sha256=sha256)}),
        )

    @routes.get("/batches/{batch_id}", response_model=shapes.Batch)
    async def batch(batch_id: UUID, asked: Asking) -> Response:
        """One batch, whole. 503 for a moment when its figures have not caught up with its status."""
        return JSONResponse(await composed(services, asked, batch_id))

    @routes.get("/batches/{batch_id}/rows", response_model=shapes.Rows)
    async def rows(batch_id: UUID, asked: Asking, params: Filters) -> Response:
        """The rows of the file with their outcomes."""
        return await relay(services.ingest, asked.get(f"/batches/{batch_id}/rows", params))

    @routes.get("/batches/{batch_id}/issues", response_model=shapes.Issues)
    async def issues(batch_id: UUID, asked: Asking, params: Found) -> Response:
        """What was found in the file."""
        return await relay(services.ingest, asked.get(f"/batches/{batch_id}/issues", params))

    @routes.get("/batches/{batch_id}/changes", response_model=changes.Changes, name="changes")
    async def changed(
        batch_id: UUID, asked: Asking, params: Listing, kind: changes.ChangeKind | None = None
    ) -> Response:
        """What changed against the roster approved before: people, loans, source accounts, amounts, branches."""
        return await relay(
            services.ingest,
            asked.get(f"/batches/{batch_id}/changes", {**params, **given(kind=kind or "")}),
        )

    @routes.get("/batches/{batch_id}/payments", response_model=shapes.Payments)
    async def payments(batch_id: UUID, asked: Asking, params: Filters) -> Response:
        """The payments of an approved batch."""
        return await relay(services.reports, asked.get(f"/batches/{batch_id}/payments", params))

    @routes.get("/batches/{batch_id}/certificate", response_model=dict[str, Any])
    async def certificate(batch_id: UUID, asked: Asking) -> Response:
        """The arithmetic that ended the batch, its newest version."""
        return await relay(services.ledger, asked.get(f"/batches/{batch_id}/certificate"))


def _acting(routes: APIRouter, services: Upstreams) -> None:
    @routes.post("/batches/{batch_id}/approve", response_model=shapes.Accepted)
    async def approve(batch_id: UUID, order: shapes.Approve, asked: Asking) -> Response:
        """Approve exactly what was shown. The same approval again by the same person is the same answer."""
        return await relay(
            services.ingest,
            asked.post(f"/batches/{batch_id}/approve", order.model_dump(mode="json")),
        )

    @routes.post("/batches/{batch_id}/discard", response_model=shapes.Accepted)
    async def discard(batch_id: UUID, order: shapes.Reason, asked: Asking) -> Response:
        """Discard a batch that was not approved."""
        return await relay(
            services.ingest,
            asked.post(f"/batches/{batch_id}/discard", order.model_dump(mode="json")),
        )

    @routes.post("/batches/{batch_id}/corrections", response_model=shapes.Accepted)
    async def corrections(batch_id: UUID, order: shapes.Corrections, asked: Asking) -> Response:
        """Correct payors' addresses for this batch; it is checked again and gets another digest."""
        return await relay(
            services.ingest,
            asked.post(
                f"/batches/{batch_id}/corrections", order.model_dump(mode="json", by_alias=True)
            ),
        )

    @routes.post(
        "/batches/{batch_id}/child-batches", status_code=202, response_model=shapes.Accepted
    )
    async def child_batch(batch_id: UUID, order: shapes.ChildBatch, asked: Asking) -> Response:
        """Make a new batch of rows that failed, were cancelled, or could not be paid."""
        return await relay(
            services.ingest,
            asked.post(
                f"/batches/{batch_id}/child-batches",
                order.model_dump(mode="json", exclude_none=True),
            ),
        )

    def command(name: str, sentence: str) -> None:
        @routes.post(
            f"/batches/{{batch_id}}/{name}",
            response_model=shapes.Commanded,
            name=name,
            description=sentence,
        )
        async def act(
            batch_id: UUID, asked: Asking, order: shapes.OptionalReason = NO_REASON
        ) -> Response:
            return await relay(
                services.dispatcher,
                asked.post(f"/batches/{batch_id}/{name}", order.model_dump(mode="json")),
            )

    command("pause", "Send no further payment of this batch; what was sent goes its way.")
    command("resume", "Go on with a paused batch.")
    command("cancel", "Send none of the payments that were not sent yet, for ever.")


def _streaming(
    routes: APIRouter,
    services: Upstreams,
    settings: GatewaySettings,
    pace: event_stream.StreamTiming,
) -> None:
    slots = event_stream.StreamSlots(settings.streams_max)

    @routes.post(
        "/batches",
        status_code=202,
        response_model=shapes.Accepted,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    name: {"schema": {"type": "string", "format": "binary"}}
                    for name in ("application/xml", "application/gzip")
                },
            }
        },
    )
    async def upload(
        request: Request,
        asked: Asking,
        filename: Annotated[str, Query(max_length=255)] = "",
        period: Annotated[str, Query(max_length=10)] = "",
        repeat_reason: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        """Upload a roster, as XML or gzipped. It is passed on as it comes; 409 with the batch's id if these bytes were uploaded before."""
        try:
            declared = int(request.headers.get("content-length", "0"))
        except ValueError:
            declared = 0
        if declared > settings.upload_max_bytes:
            return await _too_large(request, settings.upload_max_bytes)
        headers = {
            name: request.headers[name] for name in UPLOAD_HEADERS if name in request.headers
        }
        params = given(filename=filename, period=period, repeat_reason=repeat_reason)
        content = limited(request.stream(), settings.upload_max_bytes)
        return relayed(
            await services.ingest.send(
                asked.upload("/batches", content, params, headers, settings.upload_timeout_s)
            )
        )

    @routes.get("/batches/{batch_id}/reports/{name}", response_class=StreamingResponse)
    async def report(batch_id: UUID, name: ReportName, asked: Asking) -> Response:
        """A report as a file. 503 for a moment while its totals do not equal the certificate's."""
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(
                services.reports.stream(
                    asked.get(f"/batches/{batch_id}/reports/{name}", timeout_s=REPORT_S)
                )
            )
            if answer.status_code >= 400:
                await answer.aread()
                return relayed(answer)
            headers = {
                n: answer.headers[n]
                for n in ("content-disposition", "content-length", "content-encoding")
                if n in answer.headers
            }
            done = BackgroundTask(stack.pop_all().aclose)
            return StreamingResponse(
                answer.aiter_raw(),
                media_type=answer.headers.get("content-type"),
                headers=headers,
                background=done,
            )

    @routes.get(
        "/batches/{batch_id}/live",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def progress(batch_id: UUID, request: Request, asked: Asking) -> Response:
        """Server-sent events: `snapshot` first, then `change`s. 404 for a batch that is not there."""

        async def read() -> dict[str, Any]:
            return await services.reports.send_json(asked.get(f"/batches/{batch_id}/live"))

        slots.check()
        await services.ingest.send_json(
            asked.get(f"/batches/{batch_id}")
        )  # reports does not tell a batch it has not heard of yet from one that is not
        first = await read()
        return StreamingResponse(
            event_stream.events(first, read, request.state.is_still_signed_in, slots, pace),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def composed(services: Upstreams, asked: Asked, batch_id: UUID) -> dict[str, Any]:
    """A batch from the services that know a part of it.

    Raises:
        UpstreamRefusal: ingest does not know it.
        Problem: 503, a part is away, or the payments' totals stay behind the batch's status.
    """
    until = time.monotonic() + CAUGHT_UP_S
    while True:
        batch = await services.ingest.send_json(asked.get(f"/batches/{batch_id}"))
        if not rules.has_payments(batch):
            return rules.compose(batch, None, await _estimate(services, asked, batch))
        summary, dispatch = await asyncio.gather(
            services.reports.send_json(asked.get(f"/batches/{batch_id}/summary")),
            _dispatch(services, asked, batch_id),
            return_exceptions=True,
        )
        if isinstance(dispatch, BaseException):
            raise dispatch
        if not isinstance(summary, BaseException):
            if rules.figures_match_status(batch, summary):
                return rules.compose(batch, summary, dispatch)
        elif not (isinstance(summary, UpstreamRefusal) and summary.answer.status_code == 404):
            raise summary
        if time.monotonic() > until:
            raise Problem(
                503,
                "reports.behind",
                "The payments' figures have not caught up with the batch yet.",
                "Ask again in a few seconds.",
            )
        await asyncio.sleep(LOOK_AGAIN_S)


async def _dispatch(services: Upstreams, asked: Asked, batch_id: UUID) -> dict[str, Any] | None:
    """The dispatcher's view of a batch; None while it has not heard of it."""
    try:
        return await services.dispatcher.send_json(asked.get(f"/batches/{batch_id}"))
    except UpstreamRefusal as refusal:
        if refusal.answer.status_code != 404:
            raise
        return None


async def _estimate(services: Upstreams, asked: Asked, batch: rules.Json) -> dict[str, Any] | None:
    """How long paying would take, for who is about to approve; unknown is an honest answer here."""
    if batch["status"] != "ready":
        return None
    try:
        return {
            "eta_s": ((await _dispatch(services, asked, UUID(batch["batch_id"]))) or {}).get(
                "eta_s"
            )
        }
    except (Problem, UpstreamRefusal):
        return None


async def limited(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """The chunks of a body, until they are more than allowed.

    Raises:
        Problem: 413.
    """
    seen = 0
    async for chunk in chunks:
        seen += len(chunk)
        if seen > most:
            raise Problem(
                413, "upload.too-large", f"An upload has at most {most} bytes.", "Split the roster."
            )
        yield chunk


async def _too_large(request: Request, most: int) -> Response:
    """413 at once; the connection is closed, because nobody will read what is still to come on it."""
    problem = Problem(
        413, "upload.too-large", f"An upload has at most {most} bytes.", "Split the roster."
    )
    response: Response = await request.app.exception_handlers[Problem](request, problem)
    response.headers["Connection"] = "close"
    return response
