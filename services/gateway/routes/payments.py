"""The public API of payments, the ledger and the reconciliation."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from services.gateway import payment_timeline
from services.gateway.dependencies import Asked, Asking, Of, door_routes, relay
from services.gateway.schemas import batches, payments
from services.gateway.upstream import Upstream, UpstreamRefusal, Upstreams


def router(kind: type[APIRoute], services: Upstreams) -> APIRouter:
    """/payments, /ledger, /reconciliation."""
    routes = door_routes(kind, "money")

    @routes.get("/payments/{payment_id}", response_model=batches.PaymentStory)
    async def payment(payment_id: UUID, asked: Asking) -> Response:
        """A payment and everything that happened to it: file row, checks, approval, attempts, provider events, journals."""
        return JSONResponse(await story(services, asked, payment_id))

    @routes.post("/payments/{payment_id}/held", response_model=payments.HeldAnswer)
    async def held(payment_id: UUID, order: payments.Held, asked: Asking) -> Response:
        """Say how a held payment ends; a second person has to say the same."""
        return await relay(
            services.dispatcher,
            asked.post(f"/payments/{payment_id}/held", order.model_dump(mode="json")),
        )

    @routes.get("/ledger/accounts", response_model=payments.Accounts)
    async def accounts(asked: Asking, params: Of) -> Response:
        """Accounts with their balances."""
        return await relay(services.ledger, asked.get("/accounts", params))

    @routes.get("/ledger/journals", response_model=payments.Journals)
    async def journals(asked: Asking, params: Of) -> Response:
        """Journals with their entries."""
        return await relay(services.ledger, asked.get("/journals", params))

    @routes.get("/reconciliation/runs", response_model=payments.Runs)
    async def runs(asked: Asking, params: Of) -> Response:
        """Comparisons with the provider's own list."""
        return await relay(services.ledger, asked.get("/reconciliation/runs", params))

    @routes.get("/reconciliation/breaks", response_model=payments.Breaks)
    async def breaks(asked: Asking, params: Of) -> Response:
        """Differences that were found."""
        return await relay(services.ledger, asked.get("/reconciliation/breaks", params))

    @routes.post("/reconciliation/runs", status_code=202, response_model=payments.Reconciling)
    async def reconcile(order: payments.Reconcile, asked: Asking) -> Response:
        """Read the provider's list now and compare."""
        return await relay(
            services.dispatcher,
            asked.post("/statements", order.model_dump(mode="json", exclude_none=True)),
        )

    return routes


async def story(services: Upstreams, asked: Asked, payment_id: UUID) -> dict[str, Any]:
    """A payment with its joined timeline.

    Raises:
        UpstreamRefusal: reports does not know it.
        Problem: a part is away; a story with a hole in it would mislead.
    """
    told = await services.reports.send_json(asked.get(f"/payments/{payment_id}"))
    read, sent, posted = await asyncio.gather(
        _known(services.ingest, asked, f"/payments/{payment_id}"),
        _known(services.dispatcher, asked, f"/payments/{payment_id}"),
        services.ledger.send_json(asked.get("/journals", {"payment_id": str(payment_id)})),
    )
    lines = payment_timeline.join(
        told["timeline"],
        payment_timeline.issue_lines(read, told["timeline"]),
        payment_timeline.attempt_lines(sent),
        payment_timeline.flag_lines(sent),
        payment_timeline.journal_lines(posted["items"]),
    )
    return {**told, "timeline": lines, "held_proposal": sent.get("held_proposal")}


async def _known(service: Upstream, asked: Asked, path: str) -> dict[str, Any]:
    """What a service knows of a payment; nothing, if it has not heard of it yet."""
    try:
        return await service.send_json(asked.get(path))
    except UpstreamRefusal as refusal:
        if refusal.answer.status_code != 404:
            raise
        return {}
