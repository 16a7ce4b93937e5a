"""HTTP: what a batch needs from each source account, and what people say is there."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Engine

from libs.common.contracts.money import CURRENCY, dollars
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.ledger.domain.money_needed import SourceNeed, need_of_source, total_need
from services.ledger.schemas import AvailableOrder
from services.ledger.store import batches, source_money


def add_routes(routes: APIRouter, engine: Engine, authenticate: Callable[..., Actor]) -> None:
    """Money needed by a batch and by a pay period; a word about the balance of a source account."""
    _add_batch_money(routes, engine)
    _add_account_money(routes, engine)
    _add_saying(routes, engine, authenticate)


def _add_batch_money(routes: APIRouter, engine: Engine) -> None:
    @routes.get("/batches/{batch_id}/money")
    def money(batch_id: UUID) -> dict[str, Any]:
        # One snapshot, so that all figures are of the same moment.
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            batch = batches.find_batch(connection, batch_id)
            if batch is None:
                raise Problem(
                    404,
                    "batch.unknown",
                    "The ledger does not know this batch.",
                    "Check the id. A new batch arrives here within seconds.",
                )
            needs = source_money.sum_needs(connection, batch_id)
            said = source_money.find_available(connection, needs)
        sources = [
            need_of_source(source, needed, reserved, said.get(source))
            for source, (needed, reserved) in needs.items()
        ]
        return {
            "batch_id": batch_id,
            "status": batch.status,
            "currency": CURRENCY,
            "read_at": datetime.now(UTC),
            "needed_cents": total_need(sources),
            "is_short": any(source.is_short for source in sources),
            "sources": [_shown(source) for source in sources],
        }


def _add_account_money(routes: APIRouter, engine: Engine) -> None:
    @routes.get("/source-money")
    def accounts(from_day: date, to_day: date) -> dict[str, Any]:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            found = source_money.sum_accounts(connection, from_day, to_day)
            said = source_money.find_available(connection, found)
        sources = [
            {
                **_shown(need_of_source(source, waiting, approved, said.get(source))),
                "period_left_cents": left,
                "period_left": dollars(left),
            }
            for source, (left, approved, waiting) in found.items()
        ]
        return {
            "from_day": from_day,
            "to_day": to_day,
            "currency": CURRENCY,
            "read_at": datetime.now(UTC),
            "is_short": any(source["is_short"] for source in sources),
            "sources": sources,
        }


def _add_saying(routes: APIRouter, engine: Engine, authenticate: Callable[..., Actor]) -> None:
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.post("/source-available")
    def say(order: AvailableOrder, actor: caller) -> dict[str, Any]:
        now = datetime.now(UTC)
        as_of = order.as_of or now
        if as_of > now:
            raise Problem(
                422,
                "available.future",
                "A balance cannot be of a moment that is still to come.",
                "Give the moment at which the bank showed it.",
            )
        with engine.begin() as connection:
            source_money.insert_available(
                connection, order.source_account_id, order.available_cents, as_of, actor.person
            )
        return {
            "source_account_id": order.source_account_id,
            "available_cents": order.available_cents,
            "as_of": as_of,
            "said_by": actor.person,
        }


def _shown(source: SourceNeed) -> dict[str, Any]:
    """A source with each amount as text beside its cents."""
    fields = asdict(source)
    texts = {
        name.removesuffix("_cents"): None if cents is None else dollars(cents)
        for name, cents in fields.items()
        if name.endswith("_cents")
    }
    return {**fields, **texts}
