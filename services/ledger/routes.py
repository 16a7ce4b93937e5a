"""The ledger over HTTP, for the gateway and the other services.

Most are reads. Two people acknowledge a break, which may post a correcting journal. Those for
finance are in `finance/routes.py`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Engine

from libs.common.contracts.two_person import NotAllowed
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.pagination import next_offset, read_offset
from libs.common.web.problem_details import Problem
from services.ledger.finance import money_routes, statement_routes
from services.ledger.finance import routes as finance_routes
from services.ledger.reconciliation.acknowledging import (
    Order,
    Refused,
    Unknown,
    order_acknowledgement,
)
from services.ledger.schemas import AcknowledgeOrder
from services.ledger.store import news, queries

Limit = Annotated[int, Query(ge=1, le=1_000)]
BreakStatus = Literal["", "open", "acknowledged", "closed"]
ACKNOWLEDGERS = frozenset({"preparer", "approver"})
RunStatus = Literal["", "waiting", "clean", "breaks", "incomplete"]


def router(engine: Engine, token: str) -> APIRouter:
    """A batch's certificate and totals; lists of accounts, journals, runs and breaks."""
    routes = APIRouter(dependencies=[Depends(Caller(token))])
    _add_batch_routes(routes, engine)
    _add_lists(routes, engine)
    _add_news(routes, engine)
    _add_acknowledgement(routes, engine, Caller(token))
    finance_routes.add_routes(routes, engine, Caller(token))
    money_routes.add_routes(routes, engine, Caller(token))
    statement_routes.add_routes(routes, engine)
    return routes


def _add_batch_routes(routes: APIRouter, engine: Engine) -> None:
    @routes.get("/batches/{batch_id}/certificate")
    def certificate(batch_id: UUID) -> dict[str, Any]:
        with engine.connect() as connection:
            versions = queries.read_certificates(connection, batch_id)
        if not versions:
            raise Problem(
                404,
                "certificate.none",
                "This batch has no certificate yet: a payment has not ended, "
                "or its reconciliation is not clean.",
                "Look at the batch's reconciliation runs and breaks.",
            )
        return {**versions[0], "versions": versions}

    @routes.get("/batches/{batch_id}/totals")
    def totals(batch_id: UUID) -> dict[str, Any]:
        # One snapshot, so that all figures are of the same moment.
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            found = queries.read_totals(connection, batch_id)
        if found is None:
            raise Problem(
                404,
                "batch.unknown",
                "The ledger does not know this batch.",
                "Check the id. A new batch arrives here within seconds.",
            )
        return found


def _add_lists(routes: APIRouter, engine: Engine) -> None:
    def read_list(name: str, limit: int, cursor: str, **filters: Any) -> dict[str, Any]:
        offset = read_offset(cursor, name)
        with engine.connect() as connection:
            items, total = queries.read_page(connection, name, limit, offset, **filters)
        after = next_offset(name, offset + len(items), total) if items else None
        return {"items": items, "next": after, "total": total}

    @routes.get("/accounts")
    def accounts(
        batch_id: UUID | None = None, q: str = "", limit: Limit = 100, cursor: str = ""
    ) -> dict[str, Any]:
        return read_list("accounts", limit, cursor, batch_id=batch_id, q=q)

    @routes.get("/journals")
    def journals(
        batch_id: UUID | None = None,
        payment_id: UUID | None = None,
        kind: str = "",
        limit: Limit = 100,
        cursor: str = "",
    ) -> dict[str, Any]:
        return read_list(
            "journals", limit, cursor, batch_id=batch_id, payment_id=payment_id, kind=kind
        )

    @routes.get("/corrections")
    def corrections(
        batch_id: UUID | None = None, limit: Limit = 100, cursor: str = ""
    ) -> dict[str, Any]:
        return read_list("corrections", limit, cursor, batch_id=batch_id)

    @routes.get("/reconciliation/runs")
    def runs(
        batch_id: UUID | None = None, status: RunStatus = "", limit: Limit = 100, cursor: str = ""
    ) -> dict[str, Any]:
        return read_list("runs", limit, cursor, batch_id=batch_id, status=status)

    @routes.get("/reconciliation/breaks")
    def breaks(
        batch_id: UUID | None = None,
        status: BreakStatus = "",
        kind: str = "",
        limit: Limit = 100,
        cursor: str = "",
    ) -> dict[str, Any]:
        return read_list("breaks", limit, cursor, batch_id=batch_id, status=status, kind=kind)


def _add_news(routes: APIRouter, engine: Engine) -> None:
    @routes.get("/news")
    def new_since(since: datetime) -> dict[str, Any]:
        with engine.connect() as connection:
            return {
                "returns": news.returns_since(connection, since),
                "breaks": news.breaks_since(connection, since),
            }


def _add_acknowledgement(
    routes: APIRouter, engine: Engine, authenticate: Callable[..., Actor]
) -> None:
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.post("/reconciliation/breaks/{break_id}/acknowledge")
    def acknowledge(break_id: UUID, body: AcknowledgeOrder, actor: caller) -> dict[str, Any]:
        if not actor.roles & ACKNOWLEDGERS:
            raise Problem(
                403,
                "auth.forbidden",
                f"This needs one of the roles: {', '.join(sorted(ACKNOWLEDGERS))}.",
                "Ask someone who has it.",
            )
        order = Order(
            **body.model_dump(),
            person=actor.person,
            approver="approver" in actor.roles,
            counts_as=actor.counts_as,
        )
        try:
            with engine.begin() as connection:
                state, batch_id = order_acknowledgement(connection, break_id, order)
        except NotAllowed as error:
            raise Problem(403, "auth.forbidden", str(error), "Ask an approver.") from None
        except Unknown as error:
            raise Problem(404, error.code, str(error), "Look at the list of breaks.") from None
        except Refused as error:
            raise Problem(409, error.code, str(error), "Look at the break as it is now.") from None
        return {"break_id": break_id, "batch_id": batch_id, "act": body.act, "state": state}
