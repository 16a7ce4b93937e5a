"""HTTP for finance: the mapping of accounts, and accounting exports."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Engine

from libs.common.web.internal_auth import Actor
from libs.common.web.pagination import next_offset, read_offset
from libs.common.web.problem_details import Problem
from services.ledger.domain.accounting import Line, MappingError, MappingLine
from services.ledger.finance.exporting import (
    ExportOrder,
    ExportRefused,
    make_export,
    save_mapping,
)
from services.ledger.finance.formats import FILES
from services.ledger.schemas import AccountingOrder, MappingOrder
from services.ledger.store import accounting
from services.ledger.store.queries import with_amounts

Limit = Annotated[int, Query(ge=1, le=1_000)]
LIST = "accounting-exports"
FileName = Literal[
    "journals.csv", "quickbooks.iif", "netsuite.csv", "sap.txt", "journals.beancount"
]


def add_routes(routes: APIRouter, engine: Engine, authenticate: Callable[..., Actor]) -> None:
    """The mapping with its history; exports, their files, and what is not exported yet."""
    _add_mapping(routes, engine, authenticate)
    _add_making(routes, engine, authenticate)
    _add_reads(routes, engine)


def _add_mapping(routes: APIRouter, engine: Engine, authenticate: Callable[..., Actor]) -> None:
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.get("/account-mapping")
    def mapping() -> dict[str, Any]:
        with engine.connect() as connection:
            versions = accounting.list_mappings(connection)
        newest = versions[0] if versions else {"version": 0, "lines": []}
        return {"version": newest["version"], "lines": newest["lines"], "versions": versions}

    @routes.post("/account-mapping")
    def change_mapping(order: MappingOrder, actor: caller) -> dict[str, Any]:
        lines = [MappingLine(**line.model_dump()) for line in order.lines]
        try:
            version = save_mapping(engine, order.base, lines, actor.person, order.reason)
        except MappingError as error:
            raise Problem(422, "mapping.invalid", str(error), "Change the mapping.") from None
        except ExportRefused as error:
            raise Problem(409, error.code, str(error), "Load the mapping again.") from None
        return {"version": version}


def _add_making(routes: APIRouter, engine: Engine, authenticate: Callable[..., Actor]) -> None:
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.post("/accounting-exports")
    def export(order: AccountingOrder, actor: caller) -> dict[str, Any]:
        wanted = ExportOrder(actor.person, order.batch_id, order.through, order.last_number)
        try:
            export_id = make_export(engine, wanted, datetime.now(UTC).date())
        except ExportRefused as error:
            raise Problem(409, error.code, str(error), "Change that and ask again.") from None
        return _header(_find(engine, export_id))


def _add_reads(routes: APIRouter, engine: Engine) -> None:
    @routes.get("/accounting-exports")
    def exports(limit: Limit = 100, cursor: str = "") -> dict[str, Any]:
        offset = read_offset(cursor, LIST)
        with engine.connect() as connection:
            rows, total = accounting.list_exports(connection, limit, offset)
            months = [with_amounts(month) for month in accounting.sums_by_month(connection)]
        after = next_offset(LIST, offset + len(rows), total) if rows else None
        return {
            "items": [_header(row) for row in rows],
            "next": after,
            "total": total,
            "months": months,
        }

    @routes.get("/accounting-exports/{export_id}")
    def one(export_id: UUID) -> dict[str, Any]:
        found = _find(engine, export_id)
        return {**_header(found), "lines": with_amounts(found["lines"])}

    @routes.get("/accounting-exports/{export_id}/{name}")
    def file(export_id: UUID, name: FileName) -> Response:
        found = _find(engine, export_id)
        kind = FILES[name]
        content = kind.write(found["number"], [Line(**line) for line in found["lines"]])
        headers = {
            "Content-Disposition": f'attachment; filename="paydown-{found["number"]}-{name}"',
            "Cache-Control": "no-store",
        }
        return Response(content.encode(), media_type=kind.media_type, headers=headers)


def _find(engine: Engine, export_id: UUID) -> dict[str, Any]:
    with engine.connect() as connection:
        found = accounting.find_export(connection, export_id)
    if found is None:
        raise Problem(404, "not-found", "There is no such export.", "Look at the list of exports.")
    return found


def _header(export: dict[str, Any]) -> dict[str, Any]:
    header = {name: value for name, value in export.items() if name != "lines"}
    shown: dict[str, Any] = with_amounts(header)
    return shown
