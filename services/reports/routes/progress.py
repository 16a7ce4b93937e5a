"""HTTP: the counts of a batch's payments, and its live progress."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection

from services.reports.domain.progress import snapshot_head, sum_by_status
from services.reports.routes.context import Context
from services.reports.store import payment_queries, queries


def add_routes(routes: APIRouter, context: Context) -> None:
    """Counts and live progress of a batch."""

    @routes.get("/batches/{batch_id}/summary")
    def summary(batch_id: UUID) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = snapshot_from_database(connection, batch_id)
        return {name: found[name] for name in ("payments", "payment_amount_cents", "as_of")}

    @routes.get("/batches/{batch_id}/live")
    def live(batch_id: UUID) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = context.read_live_view(connection, batch_id)
            if found is not None:
                return {"from": "faust"} | found
            return {"from": "sql"} | snapshot_from_database(connection, batch_id)


def snapshot_from_database(connection: Connection, batch_id: UUID) -> dict[str, Any]:
    """A live snapshot by queries, in the same shape as the one from memory."""
    batch = queries.find_batch(connection, batch_id)
    rows = payment_queries.sums_by_status(connection, batch_id)
    changed = [row.as_of for row in rows]
    status, version, announced = "", 0, (0, 0)
    if batch is not None:
        status, version = batch.status, batch.version
        announced = (batch.payments, batch.payments_cents)
        changed.append(batch.changed_at)
    head = snapshot_head(
        batch_id,
        status,
        version + sum(row.versions for row in rows),
        max(changed, default=None),
        sum(row.ended for row in rows),
    )
    by_status = {row.status: (row.payments, row.cents) for row in rows}
    return head | sum_by_status(by_status, announced)
