"""Payments: one with its timeline, and two-person decisions about held and doubled ones."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute

from services.gateway import payment_timeline
from services.gateway.dependencies import (
    Context,
    RequestContext,
    api_router,
    confirmed_context,
    relay,
)
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.routes.files import TIMEOUT_S, stream_file
from services.gateway.schemas import payments as schemas
from services.gateway.upstream import Upstreams


def router(
    route_class: type[APIRoute], services: Upstreams, recent_sign_in: RecentSignIn
) -> APIRouter:
    """Everything below /payments."""
    routes = api_router(route_class, "money")
    _add_reads(routes, services)
    _add_decisions(routes, services, recent_sign_in)
    return routes


def _add_reads(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/payments/{payment_id}", response_model=schemas.PaymentStory)
    async def payment(payment_id: UUID, context: Context) -> Response:
        """A payment and everything that happened to it.

        File row, checks, approval, attempts, provider events and journals.
        """
        return JSONResponse(await compose_payment(services, context, payment_id))

    @routes.get("/payments/{payment_id}/evidence", response_model=schemas.AllEvidence)
    async def list_evidence(payment_id: UUID, context: Context) -> Response:
        """The evidence that was made of a payment, newest first."""
        return await relay(services.reports, context.get(f"/payments/{payment_id}/evidence"))

    @routes.post("/payments/{payment_id}/evidence", response_model=schemas.Evidence)
    async def make_evidence(payment_id: UUID, context: Context) -> Response:
        """Make evidence of what is known now, and keep it. The same facts are the same evidence."""
        call = context.post(f"/payments/{payment_id}/evidence", {}, timeout_s=TIMEOUT_S)
        return await relay(services.reports, call)

    @routes.get("/payments/{payment_id}/evidence/{evidence_id}", response_class=StreamingResponse)
    async def payment_evidence(payment_id: UUID, evidence_id: UUID, context: Context) -> Response:
        """Evidence as PDF, for the employee or the servicer; the same bytes each time."""
        path = f"/payments/{payment_id}/evidence/{evidence_id}"
        return await stream_file(services.reports, context.get(path, timeout_s=TIMEOUT_S))


def _add_decisions(routes: APIRouter, services: Upstreams, recent_sign_in: RecentSignIn) -> None:
    @routes.post("/payments/{payment_id}/held", response_model=schemas.HeldAnswer)
    async def held(
        request: Request, payment_id: UUID, order: schemas.Held, context: Context
    ) -> Response:
        """Decide how a held payment ends. A second person must confirm it."""
        context = await confirmed_context(recent_sign_in, request, None)
        body = order.model_dump(mode="json")
        return await relay(services.dispatcher, context.post(f"/payments/{payment_id}/held", body))

    @routes.post("/payments/{payment_id}/duplicate", response_model=schemas.DuplicateAnswer)
    async def duplicate(
        request: Request, payment_id: UUID, order: schemas.DuplicateDecision, context: Context
    ) -> Response:
        """Say what became of the second of two live payments. A second person must confirm it."""
        context = await confirmed_context(recent_sign_in, request, None)
        body = order.model_dump(mode="json")
        call = context.post(f"/payments/{payment_id}/duplicate", body)
        return await relay(services.dispatcher, call)


async def compose_payment(
    services: Upstreams, context: RequestContext, payment_id: UUID
) -> dict[str, Any]:
    """A payment with the joined timeline of four services.

    Raises:
        UpstreamRefusal: reports does not know the payment.
        Problem: a service is away; a timeline with a gap would mislead.
    """
    path = f"/payments/{payment_id}"
    payment = await services.reports.send_json(context.get(path))
    ingest, dispatcher, ledger = await asyncio.gather(
        services.ingest.send_json_if_known(context.get(path)),
        services.dispatcher.send_json_if_known(context.get(path)),
        services.ledger.send_json(context.get("/journals", {"payment_id": str(payment_id)})),
    )
    timeline = payment_timeline.join(
        payment["timeline"],
        payment_timeline.issue_lines(ingest or {}, payment["timeline"]),
        payment_timeline.attempt_lines(dispatcher or {}),
        payment_timeline.flag_lines(dispatcher or {}),
        payment_timeline.journal_lines(ledger["items"]),
    )
    held_proposal = (dispatcher or {}).get("held_proposal")
    (first_row, *_) = (ingest or {}).get("rows") or [{}]
    return {
        **payment,
        "person_id": first_row.get("person_id", ""),
        "loan_id": first_row.get("loan_id", ""),
        "timeline": timeline,
        "held_proposal": held_proposal,
        "duplicates": (dispatcher or {}).get("duplicates", []),
    }
