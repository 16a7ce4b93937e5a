"""Employees and loans over all batches, and the search over everything.

A text that is searched for may name a person: it goes to the services in a body, and is written
neither into a log nor into the audit log.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from libs.common.contracts.money import dollars
from services.gateway.dependencies import Context, RequestContext, api_router, relay
from services.gateway.domain.access import PERSONAL_ROLES
from services.gateway.domain.employee_periods import Line, describe_row, periods_of
from services.gateway.schemas import employees as schemas
from services.gateway.upstream import Upstreams

#: At least two characters that are no spaces, and no NUL, which PostgreSQL cannot store.
SearchText = Annotated[
    str, Query(min_length=2, max_length=200, pattern=r"^\s*[^\s\x00][^\x00]*[^\s\x00]\s*$")
]
PersonId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,400}$")]
LoanId = Annotated[str, Path(pattern="^[0-9a-f]{1,64}$")]
STATES_MAX = 1_000  # payments in one question to reports


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """/employees, /loans and /search."""
    routes = api_router(route_class, "employees")

    @routes.get("/employees", response_model=schemas.Employees)
    async def employees(q: SearchText, context: Context) -> Response:
        """The people whose names or employee id begin with these words, at most 50.

        Case, accents and apostrophes make no difference.
        """
        return await relay(services.ingest, context.post("/people", {"q": q}))

    @routes.get("/employees/{person_id}", response_model=schemas.EmployeeStory)
    async def employee(person_id: PersonId, context: Context) -> Response:
        """An employee with every row and payment, and for each pay period why it is not paid."""
        found = await services.ingest.send_json(context.get(f"/people/{person_id}"))
        return JSONResponse(await compose(services, context, found, "employee"))

    @routes.get("/loans/{loan_id}", response_model=schemas.LoanStory)
    async def loan(loan_id: LoanId, context: Context) -> Response:
        """A loan with every row and payment, and who was paid under it."""
        found = await services.ingest.send_json(context.get(f"/loans/{loan_id}"))
        return JSONResponse(await compose(services, context, found, "loan"))

    @routes.get("/search", response_model=schemas.Found)
    async def search(q: SearchText, request: Request, context: Context) -> Response:
        """Employees, payments, batches, branches and source accounts, at most 8 of each.

        Employees by name or id; payments by id, provider's id, trace id or the last four digits of
        the loan; batches by file name, id or period. The beginning of an id is enough.
        """
        people = bool(request.state.person.roles & PERSONAL_ROLES)
        in_ingest, in_reports = await asyncio.gather(
            services.ingest.send_json(context.post("/search", {"q": q, "people": people})),
            services.reports.send_json(context.post("/search", {"q": q, "people": people})),
        )
        return JSONResponse({**in_ingest, **in_reports})

    return routes


async def compose(
    services: Upstreams, context: RequestContext, found: Mapping[str, Any], noun: str
) -> dict[str, Any]:
    """A person or a loan of ingest, with what became of the payments in reports.

    Raises:
        Problem: reports is away; half a story would mislead.
    """
    ids = list(dict.fromkeys(row["payment_id"] for row in found["rows"] if row["payment_id"]))
    payments: dict[str, Any] = {}
    if ids:
        body = {"payment_ids": ids[:STATES_MAX]}
        states = await services.reports.send_json(context.post("/payment-states", body))
        payments = {one["payment_id"]: one for one in states["items"]}
    lines = [describe_row(row, payments.get(row["payment_id"])) for row in found["rows"]]
    composed = {
        **found,
        "periods": periods_of(lines, found["periods"], noun),
        "rows": [_row(line, payments.get(line.row["payment_id"])) for line in lines],
    }
    if "year" in found:
        composed["year"] = _year(found["year"], lines)
    return composed


def _row(line: Line, payment: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **line.row,
        "amount": dollars(line.cents),
        "payment_status": payment["status"] if payment else None,
        "outcome": line.outcome,
        "why": line.why.text if line.why else "",
        "not_paid": line.why.fields() if line.why else None,
    }


def _year(year: Mapping[str, Any], lines: list[Line]) -> dict[str, Any]:
    of_year = [line for line in lines if str(line.row["period_end"]).startswith(f"{year['year']}-")]
    return {
        **year,
        "counted_percent": year["counted_cents"] * 100 // year["limit_cents"],
        "paid_cents": sum(line.cents for line in of_year if line.outcome == "paid"),
    }
