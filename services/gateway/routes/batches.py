"""Reading batches: lists, one batch, and what is in its roster."""

import asyncio
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import (
    Context,
    IssueListParams,
    ListParams,
    PaymentListParams,
    RequestContext,
    api_router,
    relay,
    without_empty,
)
from services.gateway.domain import batches as rules
from services.gateway.domain.start_choices import start_choices
from services.gateway.schemas import batches as schemas
from services.gateway.schemas.payments import Payments
from services.gateway.schemas.roster import ChangeKind, Changes, Compared, Issues, Rows
from services.gateway.settings import PROVIDER_ZONE
from services.gateway.upstream import Call, UpstreamRefusal, Upstreams

#: Up to a page of UUIDs with commas between them, or nothing.
UUID_LIST = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,|$)){0,100}$"
FIGURES_WAIT_S, READ_AGAIN_S = 5.0, 0.2


def router(route_class: type[APIRoute], services: Upstreams, cut_off: time_of_day) -> APIRouter:
    """GET /batches and below.

    Args:
        cut_off: until when the provider takes payments of a business day, in its zone.
    """
    routes = api_router(route_class, "batches")
    _add_batch_routes(routes, services, cut_off)
    _add_roster_routes(routes, services)
    return routes


def _add_batch_routes(routes: APIRouter, services: Upstreams, cut_off: time_of_day) -> None:
    @routes.get("/batches", response_model=schemas.Batches)
    async def batches(
        context: Context,
        params: ListParams,
        status: Annotated[str, Query(max_length=40, pattern="^[a-z_]*$")] = "",
        sha256: Annotated[str, Query(pattern="^([0-9a-fA-F]{64})?$")] = "",
    ) -> Response:
        """All batches, newest first.

        `sha256` of an uncompressed file finds the batch as which it was uploaded before.
        """
        more = without_empty(status=status, sha256=sha256)
        return await relay(services.ingest, context.get("/batches", {**params, **more}))

    @routes.get("/batches/{batch_id}", response_model=schemas.Batch)
    async def batch(batch_id: UUID, context: Context) -> Response:
        """One batch with all its figures. 503 for a moment while they are behind its status."""
        found = await compose_batch(services, context, batch_id)
        return JSONResponse({**found, "start_choices": _start_choices(found, cut_off)})


def _add_roster_routes(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/batches/{batch_id}/rows", response_model=Rows)
    async def rows(batch_id: UUID, context: Context, params: PaymentListParams) -> Response:
        """The rows of the file with their outcomes."""
        return await relay(services.ingest, context.get(f"/batches/{batch_id}/rows", params))

    @routes.get("/batches/{batch_id}/issues", response_model=Issues)
    async def issues(batch_id: UUID, context: Context, params: IssueListParams) -> Response:
        """The issues found in the file."""
        return await relay(services.ingest, context.get(f"/batches/{batch_id}/issues", params))

    @routes.get("/batches/{batch_id}/changes", response_model=Changes)
    async def changes(
        batch_id: UUID, context: Context, params: ListParams, kind: ChangeKind | None = None
    ) -> Response:
        """Differences from the previously approved roster.

        People, loans, source accounts, amounts and branches.
        """
        params = {**params, **without_empty(kind=kind or "")}
        return await relay(services.ingest, context.get(f"/batches/{batch_id}/changes", params))

    @routes.get("/batches/{batch_id}/compared", response_model=Compared)
    async def compared(batch_id: UUID, context: Context) -> Response:
        """How the previously approved roster became this one: steps that add up to the cent."""
        return await relay(services.ingest, context.get(f"/batches/{batch_id}/compared"))

    @routes.get("/batches/{batch_id}/payments", response_model=Payments)
    async def payments(
        batch_id: UUID,
        context: Context,
        params: PaymentListParams,
        ids: Annotated[str, Query(pattern=UUID_LIST)] = "",
    ) -> Response:
        """The payments of an approved batch; `ids` (with commas, at most 100) chooses some."""
        params = {**params, **without_empty(ids=ids)}
        return await relay(services.reports, context.get(f"/batches/{batch_id}/payments", params))


def _start_choices(batch: rules.Json, cut_off: time_of_day) -> list[dict[str, str]]:
    """The later starts that are offered to who approves a ready batch."""
    if batch["status"] != "ready" or not batch.get("period_end"):
        return []
    last_day = date.fromisoformat(batch["period_end"])
    return [
        {
            "kind": choice.kind,
            "start_at": choice.start_at.isoformat(),
            "arrives_on": choice.arrives_on.isoformat(),
        }
        for choice in start_choices(last_day, datetime.now(UTC), PROVIDER_ZONE, cut_off)
    ]


async def compose_batch(
    services: Upstreams, context: RequestContext, batch_id: UUID
) -> dict[str, Any]:
    """A batch from the three services that know a part of it.

    Raises:
        UpstreamRefusal: ingest does not know the batch.
        Problem: 503, ingest or reports is away, or the payment totals stay behind the batch's
            status. Without the dispatcher the batch is shown, and says that its part is unknown.
    """
    until = time.monotonic() + FIGURES_WAIT_S
    while True:
        batch = await services.ingest.send_json(context.get(f"/batches/{batch_id}"))
        if not rules.has_payments(batch):
            dispatch, answers = await _estimate(services, context, batch)
            return rules.compose(batch, None, dispatch, dispatcher_answers=answers)
        summary, (dispatch, answers) = await asyncio.gather(
            services.reports.send_json_if_known(context.get(f"/batches/{batch_id}/summary")),
            _dispatch(services, context.get(f"/batches/{batch_id}")),
        )
        if summary is not None and rules.figures_match_status(batch, summary):
            return rules.compose(batch, summary, dispatch, dispatcher_answers=answers)
        if time.monotonic() > until:
            raise Problem(
                503,
                "reports.behind",
                "The figures of the payments are not up to date yet.",
                "Try again in a few seconds.",
            )
        await asyncio.sleep(READ_AGAIN_S)


async def _dispatch(services: Upstreams, call: Call) -> tuple[dict[str, Any] | None, bool]:
    """What the dispatcher says of a batch (None: it does not know it), and whether it answers."""
    try:
        return await services.dispatcher.send_json_if_known(call), True
    except (Problem, UpstreamRefusal):
        return None, False


async def _estimate(
    services: Upstreams, context: RequestContext, batch: rules.Json
) -> tuple[dict[str, Any] | None, bool]:
    """How long paying would take, what the provider refused, and whether the dispatcher answers."""
    if batch["status"] != "ready":
        return None, True
    payable = {"payable": batch["rows"]["payable"]}
    call = context.get(f"/batches/{batch['batch_id']}", payable)
    dispatch, answers = await _dispatch(services, call)
    known = dispatch or {}
    return {name: known.get(name) for name in ("eta_s", "refused_by_provider")}, answers
