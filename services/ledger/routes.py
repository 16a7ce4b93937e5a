"""The ledger over HTTP, for the gateway and the other services: reads only. Nothing is posted by a request."""

import base64
import binascii
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Engine

from libs.common.web.internal_auth import Caller
from libs.common.web.problem_details import Problem
from services.ledger.store import queries

OFFSET_MAX = 2**62
Limit = Annotated[int, Query(ge=1, le=1_000)]
Status = Literal["", "open", "closed"]
Verdict = Literal["", "waiting", "clean", "breaks", "incomplete"]


def router(engine: Engine, token: str) -> APIRouter:
    """Certificates and totals of a batch; lists of accounts, journals, reconciliation runs and breaks."""
    routes = APIRouter(dependencies=[Depends(Caller(token))])

    def listed(text: str, limit: int, cursor: str, **filters: Any) -> dict[str, Any]:
        offset = _offset(cursor)
        with engine.connect() as connection:
            items, total = queries.page(connection, text, limit, offset, **filters)
        after = offset + len(items)
        return {
            "items": items,
            "next": _cursor(after) if items and after < total else None,
            "total": total,
        }

    @routes.get("/batches/{batch_id}/certificate")
    def certificate(batch_id: UUID) -> dict[str, Any]:
        with engine.connect() as connection:
            found = queries.certificates(connection, batch_id)
        if not found:
            raise Problem(
                404,
                "certificate.none",
                "This batch has no certificate: it is not final, or its reconciliation is not clean.",
                "Look at the batch's reconciliation runs and breaks.",
            )
        return {**found[0], "versions": found}

    @routes.get("/batches/{batch_id}/totals")
    def totals(batch_id: UUID) -> dict[str, Any]:
        with engine.connect().execution_options(
            isolation_level="REPEATABLE READ"
        ) as connection:  # one moment for all its figures
            found = queries.totals(connection, batch_id)
        if found is None:
            raise Problem(
                404,
                "batch.unknown",
                "The ledger knows no such batch.",
                "Check the id; a new batch is here in seconds.",
            )
        return found

    @routes.get("/accounts")
    def accounts(
        batch_id: UUID | None = None, q: str = "", limit: Limit = 100, cursor: str = ""
    ) -> dict[str, Any]:
        return listed(queries.ACCOUNTS, limit, cursor, batch_id=batch_id, q=q)

    @routes.get("/journals")
    def journals(
        batch_id: UUID | None = None,
        payment_id: UUID | None = None,
        kind: str = "",
        limit: Limit = 100,
        cursor: str = "",
    ) -> dict[str, Any]:
        return listed(
            queries.JOURNALS, limit, cursor, batch_id=batch_id, payment_id=payment_id, kind=kind
        )

    @routes.get("/reconciliation/runs")
    def runs(
        batch_id: UUID | None = None, status: Verdict = "", limit: Limit = 100, cursor: str = ""
    ) -> dict[str, Any]:
        return listed(queries.RUNS, limit, cursor, batch_id=batch_id, status=status)

    @routes.get("/reconciliation/breaks")
    def breaks(
        batch_id: UUID | None = None,
        status: Status = "",
        kind: str = "",
        limit: Limit = 100,
        cursor: str = "",
    ) -> dict[str, Any]:
        return listed(queries.BREAKS, limit, cursor, batch_id=batch_id, status=status, kind=kind)

    return routes


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(cursor: str) -> int:
    try:
        offset = int(base64.b64decode(cursor, altchars=b"-_", validate=True) or b"0")
    except (ValueError, binascii.Error):
        offset = -1
    if not 0 <= offset < OFFSET_MAX:
        raise Problem(
            422,
            "cursor.invalid",
            "This cursor is not one of ours.",
            "Begin again without a cursor.",
        )
    return offset
