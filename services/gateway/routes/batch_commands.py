"""Commands to a batch: approve, discard, correct, pay rows again, pause, resume, cancel."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from libs.common.web.approval_assertions import (
    approval_params,
    approval_path,
    included_digest_path,
)
from services.gateway.dependencies import (
    Context,
    RequestContext,
    api_router,
    confirmed_context,
    relay,
)
from services.gateway.domain.step_up import amount_at_stake
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.schemas import batch_commands as schemas
from services.gateway.upstream import Upstreams

NO_REASON = schemas.OptionalReason()


def router(
    route_class: type[APIRoute], services: Upstreams, recent_sign_in: RecentSignIn
) -> APIRouter:
    """POST below /batches/{batch_id}."""
    routes = api_router(route_class, "batches")
    _add_decisions(routes, services, recent_sign_in)
    _add_new_rosters(routes, services)
    _add_steering(routes, services, recent_sign_in)
    return routes


def _add_decisions(routes: APIRouter, services: Upstreams, recent_sign_in: RecentSignIn) -> None:
    @routes.post("/batches/{batch_id}/approve", response_model=schemas.Accepted)
    async def approve(
        request: Request, batch_id: UUID, order: schemas.Approve, context: Context
    ) -> Response:
        """Approve exactly what was shown.

        If a rule asks for two approvers, the batch stays `ready` until another person approves it
        too. The same approval again by the same person gets the same answer. Over an amount that
        is set, 403 `auth.step-up` until the person has signed in anew at `sign_in_url`.
        """
        amount: int | None = None
        if recent_sign_in.needs_amounts:
            amount = await _amount_of(services, context, batch_id, order)
        context = await confirmed_context(recent_sign_in, request, amount)
        body = order.model_dump(mode="json")
        approved = ""
        if order.include:
            asked = context.post(included_digest_path(batch_id), body)
            approved = (await services.ingest.send_json(asked))["digest"]
            body["approved_digest"] = approved
        # The signature of this call is the evidence of what was approved: see ADR 57 and 73.
        approve = context.post(
            approval_path(batch_id),
            body,
            approval_params(order.digest, len(order.include), order.start_at, approved),
        )
        return await relay(services.ingest, approve)

    @routes.post("/batches/{batch_id}/discard", response_model=schemas.Accepted)
    async def discard(batch_id: UUID, order: schemas.Reason, context: Context) -> Response:
        """Discard a batch that was not approved."""
        body = order.model_dump(mode="json")
        return await relay(services.ingest, context.post(f"/batches/{batch_id}/discard", body))


async def _amount_of(
    services: Upstreams, context: RequestContext, batch_id: UUID, order: schemas.Approve
) -> int | None:
    """What an approval may pay, in cents; None if the batch is not the one that was seen."""
    batch = await services.ingest.send_json(context.get(f"/batches/{batch_id}"))
    return amount_at_stake(batch, order.digest, includes=bool(order.include))


def _add_new_rosters(routes: APIRouter, services: Upstreams) -> None:
    @routes.post("/batches/{batch_id}/corrections", response_model=schemas.Accepted)
    async def corrections(batch_id: UUID, order: schemas.Corrections, context: Context) -> Response:
        """Correct payors' addresses for this batch. It is checked again and its digest changes."""
        body = order.model_dump(mode="json", by_alias=True)
        return await relay(services.ingest, context.post(f"/batches/{batch_id}/corrections", body))

    @routes.post("/batches/{batch_id}/period", response_model=schemas.Accepted)
    async def period(batch_id: UUID, order: schemas.Period, context: Context) -> Response:
        """Choose the pay period of a batch. It is checked again and its digest changes."""
        body = order.model_dump(mode="json")
        return await relay(services.ingest, context.post(f"/batches/{batch_id}/period", body))

    @routes.post("/batches/{batch_id}/retry-refused", response_model=schemas.Retried)
    async def retry_refused(batch_id: UUID, order: schemas.Reason, context: Context) -> Response:
        """Ask the provider again about what it refused or disabled. No money moves.

        A batch that is ready is checked again, and its digest follows what is found.
        """
        body = order.model_dump(mode="json")
        retry = context.post(f"/batches/{batch_id}/refused-objects/retry", body)
        retried = await services.dispatcher.send_json(retry)
        check = context.post(f"/batches/{batch_id}/check-again", {})
        checked = await services.ingest.send_json(check)
        shown = {name: retried[name] for name in ("retried", "exhausted", "message")}
        return JSONResponse({**checked, **shown})

    @routes.post(
        "/batches/{batch_id}/child-batches", status_code=202, response_model=schemas.Accepted
    )
    async def child_batch(batch_id: UUID, order: schemas.ChildBatch, context: Context) -> Response:
        """Create a new batch of rows that failed, were cancelled, or could not be paid."""
        body = order.model_dump(mode="json", exclude_none=True)
        path = f"/batches/{batch_id}/child-batches"
        return await relay(services.ingest, context.post(path, body))


def _add_steering(routes: APIRouter, services: Upstreams, recent_sign_in: RecentSignIn) -> None:
    def add(name: str, description: str, *, moves_money: bool = False) -> None:
        @routes.post(
            f"/batches/{{batch_id}}/{name}",
            response_model=schemas.Commanded,
            name=name,
            description=description,
        )
        async def command(
            request: Request,
            batch_id: UUID,
            context: Context,
            order: schemas.OptionalReason = NO_REASON,
        ) -> Response:
            if moves_money:  # it was approved already: the role is asked for, no new sign-in
                context = await confirmed_context(recent_sign_in, request, 0)
            body = order.model_dump(mode="json")
            return await relay(
                services.dispatcher, context.post(f"/batches/{batch_id}/{name}", body)
            )

    add("pause", "Send no further payment of this batch. What was sent is not stopped.")
    add("resume", "Continue a paused batch.", moves_money=True)
    add("cancel", "Send none of the payments that were not sent yet. This cannot be undone.")
