"""The ledger: accounts, journals, reconciliation with the provider, and certificates."""

from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, LedgerListParams, api_router, relay
from services.gateway.schemas import ledger as schemas
from services.gateway.upstream import Upstreams


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """Everything below /ledger and /reconciliation."""
    routes = api_router(route_class, "money")
    _add_books(routes, services)
    _add_reconciliation(routes, services)
    return routes


def certificate_router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """GET /batches/{batch_id}/certificate."""
    routes = api_router(route_class, "batches")

    @routes.get("/batches/{batch_id}/certificate", response_model=schemas.Certificate)
    async def certificate(batch_id: UUID, context: Context) -> Response:
        """The figures with which the batch ended, in their newest version."""
        return await relay(services.ledger, context.get(f"/batches/{batch_id}/certificate"))

    return routes


def _add_books(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/ledger/accounts", response_model=schemas.Accounts)
    async def accounts(context: Context, params: LedgerListParams) -> Response:
        """Accounts with their balances."""
        return await relay(services.ledger, context.get("/accounts", params))

    @routes.get("/ledger/journals", response_model=schemas.Journals)
    async def journals(context: Context, params: LedgerListParams) -> Response:
        """Journals with their entries."""
        return await relay(services.ledger, context.get("/journals", params))

    @routes.get("/ledger/corrections", response_model=schemas.LedgerCorrections)
    async def correcting_journals(context: Context, params: LedgerListParams) -> Response:
        """Correcting journals: money that moved outside of our payments, as two people explained.

        Newest first.
        """
        return await relay(services.ledger, context.get("/corrections", params))


def _add_reconciliation(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/reconciliation/runs", response_model=schemas.Runs)
    async def runs(context: Context, params: LedgerListParams) -> Response:
        """Reconciliation runs: comparisons with the provider's list."""
        return await relay(services.ledger, context.get("/reconciliation/runs", params))

    @routes.get("/reconciliation/breaks", response_model=schemas.Breaks)
    async def breaks(context: Context, params: LedgerListParams) -> Response:
        """Differences that a reconciliation found."""
        return await relay(services.ledger, context.get("/reconciliation/breaks", params))

    @routes.post(
        "/reconciliation/breaks/{break_id}/acknowledge", response_model=schemas.Acknowledged
    )
    async def acknowledge(break_id: UUID, order: schemas.Acknowledge, context: Context) -> Response:
        """Explain a break. A second person, an approver, must confirm it.

        Then the provider's list is read again, and as it was seen the break bars no certificate.
        """
        call = context.post(
            f"/reconciliation/breaks/{break_id}/acknowledge", order.model_dump(mode="json")
        )
        answer = await services.ledger.send_json(call)
        if answer["state"] == "done":
            # If the dispatcher is away, the next statement comes by itself.
            compare = context.post("/statements", {"batch_id": answer["batch_id"]})
            await services.dispatcher.send_json_if_available(compare)
        return JSONResponse(answer)

    @routes.post("/reconciliation/runs", status_code=202, response_model=schemas.Reconciling)
    async def reconcile(order: schemas.Reconcile, context: Context) -> Response:
        """Read the provider's list now and compare."""
        body = order.model_dump(mode="json", exclude_none=True)
        return await relay(services.dispatcher, context.post("/statements", body))
