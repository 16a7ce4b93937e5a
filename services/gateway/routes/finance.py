"""For finance: reports over dates and batches, accounting exports, and money at the sources."""

from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, Cursor, Limit, api_router, relay, without_empty
from services.gateway.routes.files import TIMEOUT_S, stream_file
from services.gateway.schemas import finance as schemas
from services.gateway.upstream import Upstreams


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """Everything below /finance, and the money that a batch needs."""
    routes = api_router(route_class, "finance")
    _add_reports(routes, services)
    _add_mapping(routes, services)
    _add_exports(routes, services)
    _add_money(routes, services)
    return routes


def _add_reports(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/finance/reports", response_model=schemas.FinanceReports)
    async def finance_reports(
        context: Context, limit: Limit = 100, cursor: Cursor = ""
    ) -> Response:
        """The reports that were made, newest first."""
        params = without_empty(limit=limit, cursor=cursor)
        return await relay(services.reports, context.get("/finance-reports", params))

    @routes.post("/finance/reports", response_model=schemas.FinanceReport)
    async def make_finance_report(order: schemas.FinanceReportOrder, context: Context) -> Response:
        """Make a report and keep it. The same question with the same figures is the same report."""
        call = context.post("/finance-reports", order.model_dump(mode="json"), timeout_s=TIMEOUT_S)
        return await relay(services.reports, call)

    @routes.post("/finance/yearly", response_model=schemas.FinanceReport)
    async def make_yearly_list(order: schemas.YearOrder, context: Context) -> Response:
        """Make the list of a year and keep it as a report.

        A payment counts in the year in which its pay period ends, if it was approved and has not
        failed, been cancelled or been returned.
        """
        year = await services.ingest.send_json(
            context.get(f"/years/{order.year}", timeout_s=TIMEOUT_S)
        )
        call = context.post("/finance-reports/yearly", year, timeout_s=TIMEOUT_S)
        return await relay(services.reports, call)

    @routes.get("/finance/reports/{report_id}/lines", response_model=schemas.FinanceReportLines)
    async def finance_report_lines(report_id: UUID, context: Context) -> Response:
        """The largest lines of a report, for a plot and the table beside it."""
        return await relay(services.reports, context.get(f"/finance-reports/{report_id}/lines"))

    @routes.get("/finance/reports/{report_id}", response_model=schemas.FinanceReport)
    async def finance_report(report_id: UUID, context: Context) -> Response:
        """The manifest of a report: who made it, when, and from which versions."""
        return await relay(services.reports, context.get(f"/finance-reports/{report_id}"))

    @routes.get("/finance/reports/{report_id}/{name}", response_class=StreamingResponse)
    async def finance_report_file(
        report_id: UUID, name: schemas.ReportFile, context: Context
    ) -> Response:
        """A file of a report; the same bytes each time."""
        call = context.get(f"/finance-reports/{report_id}/{name}", timeout_s=TIMEOUT_S)
        return await stream_file(services.reports, call)


def _add_mapping(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/finance/mapping", response_model=schemas.Mapping)
    async def account_mapping(context: Context) -> Response:
        """Where the ledger's accounts go in the company's general ledger, with its history."""
        return await relay(services.ledger, context.get("/account-mapping"))

    @routes.post("/finance/mapping", response_model=schemas.MappingChanged)
    async def change_account_mapping(change: schemas.MappingChange, context: Context) -> Response:
        """Add a version of the mapping. Exports that were made keep their accounts."""
        body = change.model_dump(mode="json")
        return await relay(services.ledger, context.post("/account-mapping", body))


def _add_exports(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/finance/exports", response_model=schemas.AccountingExports)
    async def accounting_exports(
        context: Context, limit: Limit = 100, cursor: Cursor = ""
    ) -> Response:
        """The accounting exports, newest first, and what of each month is exported."""
        params = without_empty(limit=limit, cursor=cursor)
        return await relay(services.ledger, context.get("/accounting-exports", params))

    @routes.post("/finance/exports", response_model=schemas.AccountingExport)
    async def make_accounting_export(order: schemas.ExportOrder, context: Context) -> Response:
        """Export every journal that moved money and is in no export yet.

        409 if there is none. A return that comes later is in the next export, as its own entry.
        """
        body = order.model_dump(mode="json")
        call = context.post("/accounting-exports", body, timeout_s=TIMEOUT_S)
        return await relay(services.ledger, call)

    @routes.get("/finance/exports/{export_id}", response_model=schemas.AccountingExportLines)
    async def accounting_export(export_id: UUID, context: Context) -> Response:
        """An export with its lines."""
        return await relay(services.ledger, context.get(f"/accounting-exports/{export_id}"))

    @routes.get("/finance/exports/{export_id}/{name}", response_class=StreamingResponse)
    async def accounting_export_file(
        export_id: UUID, name: schemas.ExportFile, context: Context
    ) -> Response:
        """An export for one accounting system; every file has the same lines."""
        call = context.get(f"/accounting-exports/{export_id}/{name}", timeout_s=TIMEOUT_S)
        return await stream_file(services.ledger, call)


def _add_money(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/batches/{batch_id}/money", response_model=schemas.MoneyNeeded)
    async def money_needed(batch_id: UUID, context: Context) -> Response:
        """What a batch needs from each source account, against what is there."""
        return await relay(services.ledger, context.get(f"/batches/{batch_id}/money"))

    @routes.post("/finance/available", response_model=schemas.AvailableSaid)
    async def say_available(order: schemas.AvailableOrder, context: Context) -> Response:
        """Say what the bank shows for a source account. The newest word counts."""
        body = order.model_dump(mode="json")
        return await relay(services.ledger, context.post("/source-available", body))

    @routes.post("/finance/bank-statement", response_model=schemas.BankStatementResult)
    async def match_bank_statement(order: schemas.BankStatementOrder, context: Context) -> Response:
        """Match a bank's statement with what the ledger says left the source account."""
        body = order.model_dump(mode="json")
        call = context.post("/bank-statement", body, timeout_s=TIMEOUT_S)
        return await relay(services.ledger, call)
