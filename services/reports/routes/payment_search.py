"""HTTP: payments by an id, and the statuses of payments that the gateway names.

The text that is searched for stands in the body: a path is logged, and may name a person.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from libs.common.contracts.money import dollars
from services.reports.routes.context import Context
from services.reports.schemas import payment_names
from services.reports.store import payment_search, queries

HITS_MAX: Final = 8
_FIELDS: Final = (
    *("payment_id", "batch_id", "status", "amount_cents", "employee_id", "institution_id"),
    *("loan_last4", "source_account_id", "provider_payment_id", "reason_code", "reason"),
    *("return_under_way", "approved_at", "completed_at"),
)


class SearchBody(BaseModel):
    """What is searched for. Without `people` payments are found without the names of people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
    people: bool = False


class StatesBody(BaseModel):
    """The payments that are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payment_ids: list[UUID] = Field(max_length=1_000)


def add_routes(routes: APIRouter, context: Context) -> None:
    """The search, and the statuses of named payments."""

    @routes.post("/search")
    def search(body: SearchBody) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = payment_search.find_payments(connection, body.q, HITS_MAX)
            ids = [one.payment_id for one in found] if body.people else []
            named = payment_search.list_names(connection, ids)
        names = {one.payment_id: payment_names(one, context.cipher) for one in named}
        return {
            "payments": [
                {**_item(one), "name": " ".join(names.get(one.payment_id, ())).strip()}
                for one in found
            ]
        }

    @routes.post("/payment-states")
    def states(body: StatesBody) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = payment_search.list_payments_named(connection, body.payment_ids)
        return {"items": [_item(one) for one in found]}


def _item(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS} | {"amount": dollars(row.amount_cents)}
