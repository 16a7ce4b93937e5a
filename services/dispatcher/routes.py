"""The dispatcher's HTTP, for the gateway: orders, batches, payments, limiter, kill switch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection, Engine

from libs.common.contracts.two_person import NotAllowed
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem
from services.dispatcher import commands
from services.dispatcher.commands import BatchAct, Order, Refused, Unknown
from services.dispatcher.provider import rate_limiter
from services.dispatcher.schemas import (
    DuplicateOrder,
    GivenReason,
    HeldOrder,
    KillSwitchOrder,
    Reason,
    StatementOrder,
)
from services.dispatcher.store import (
    attempts,
    batches,
    duplicates,
    flags,
    held_decisions,
    kill_switch,
    payments,
    provider_objects,
    refused_rows,
    sources,
    statements,
)

APPROVERS = frozenset({"approver"})
PROPOSERS = frozenset({"preparer", "approver"})
SWITCHERS = frozenset({"approver", "operator"})
STATEMENT_READERS = frozenset({"approver", "operator", "auditor"})
Authenticate = Callable[..., Actor]


def router(engine: Engine, token: str) -> APIRouter:
    """Return all routes; they need the token of internal calls."""
    caller = Caller(token)
    routes = APIRouter()
    add_batch_routes(routes, engine, caller)
    add_payment_routes(routes, engine, caller)
    add_operations_routes(routes, engine, caller)
    return routes


def require_role(actor: Actor, roles: frozenset[str]) -> None:
    """Refuse with 403 unless the person has one of the roles."""
    if not actor.roles & roles:
        raise Problem(
            403,
            "auth.forbidden",
            f"This needs one of the roles: {', '.join(sorted(roles))}.",
            "Ask someone who has it.",
        )


@contextmanager
def refusals(hint: str) -> Iterator[None]:
    """Answer refused orders with their HTTP status; `hint` says what to do in another state."""
    try:
        yield
    except NotAllowed as error:
        raise Problem(403, "auth.forbidden", str(error), "Ask an approver.") from None
    except Unknown as error:
        raise Problem(
            404, error.code, str(error), "Check the id; what is new is here in seconds."
        ) from None
    except Refused as error:
        raise Problem(409, error.code, str(error), hint) from None


def add_batch_routes(routes: APIRouter, engine: Engine, authenticate: Authenticate) -> None:
    """Add what is asked and ordered of one batch."""
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.post("/batches/{batch_id}/{act}")
    def order(batch_id: UUID, act: BatchAct, body: Reason, actor: caller) -> dict[str, Any]:
        require_role(actor, APPROVERS)
        with refusals("Look at the batch's state."), engine.begin() as connection:
            state = commands.order_batch(
                connection, batch_id, act, Order(actor.person, body.reason)
            )
        return {"batch_id": batch_id, "state": state}

    @routes.post("/batches/{batch_id}/refused-objects/retry")
    def retry_refused(batch_id: UUID, body: GivenReason, actor: caller) -> dict[str, Any]:
        require_role(actor, PROPOSERS)
        with refusals("Look at the batch's state."), engine.begin() as connection:
            done = commands.order_retry(connection, batch_id, _order(actor, body.reason))
        return {
            "batch_id": batch_id,
            "retried": done.retried,
            "exhausted": done.exhausted,
            "message": done.message,
        }

    @routes.get("/batches/{batch_id}")
    def batch(
        batch_id: UUID, _: caller, payable: Annotated[int, Query(ge=0)] = 0
    ) -> dict[str, Any]:
        with engine.connect() as connection:
            found = batches.find_batch(connection, batch_id)
            if found is None:
                raise Problem(
                    404,
                    "not-found",
                    f"Batch {batch_id} is not known to the dispatcher.",
                    "Check the id; a new batch is here in seconds.",
                )
            stopped = sources.list_stopped_since(connection, batch_id)
            return {
                **found,
                **payments.count_problems(connection, batch_id),
                "eta_s": eta_s(connection, batch_id, payable),
                "stopped_sources": [
                    {**source.model_dump(), "stopped_at": since} for source, since in stopped
                ],
                "refused_by_provider": refused_rows.count_refused_rows(connection, batch_id),
            }


def add_payment_routes(routes: APIRouter, engine: Engine, authenticate: Authenticate) -> None:
    """Add what is asked and ordered of one payment."""
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.get("/payments/{payment_id}")
    def payment(payment_id: UUID, _: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            proposal = held_decisions.find_proposal(connection, payment_id)
            return {
                "attempts": attempts.list_attempts(connection, payment_id),
                "flags": flags.list_flags(connection, payment_id),
                "duplicates": duplicates.list_findings(connection, payment_id),
                "held_proposal": None
                if proposal is None
                else {
                    "act": proposal.act,
                    "provider_payment_id": proposal.provider_id,
                    "reason": proposal.reason,
                    "by_whom": proposal.by_whom,
                    "at": proposal.at,
                },
            }

    @routes.post("/payments/{payment_id}/held")
    def order_held(payment_id: UUID, body: HeldOrder, actor: caller) -> dict[str, Any]:
        require_role(actor, PROPOSERS)
        if not body.reason or (body.act == "bind") != bool(body.provider_payment_id):
            raise Problem(
                422,
                "request.invalid",
                "A reason is needed, and for `bind` the provider's payment id.",
                "Send them with it.",
            )
        order = _order(actor, body.reason)
        with refusals("Look at the payment as it is now."), engine.begin() as connection:
            state = commands.order_held(
                connection, payment_id, body.act, body.provider_payment_id, order
            )
        return {"payment_id": payment_id, "act": body.act, "state": state}

    @routes.post("/payments/{payment_id}/duplicate")
    def order_duplicate(payment_id: UUID, body: DuplicateOrder, actor: caller) -> dict[str, Any]:
        require_role(actor, PROPOSERS)
        order = _order(actor, body.reason)
        with refusals("Look at the payment as it is now."), engine.begin() as connection:
            state = commands.order_duplicate(connection, payment_id, body.act, order)
        return {"payment_id": payment_id, "act": body.act, "state": state}


def _order(actor: Actor, reason: str) -> Order:
    return Order(
        actor.person,
        reason,
        approver=bool(actor.roles & APPROVERS),
        counts_as=actor.counts_as,
    )


def add_operations_routes(routes: APIRouter, engine: Engine, authenticate: Authenticate) -> None:
    """Add the limiter, the kill switch and the order for statements."""
    caller = Annotated[Actor, Depends(authenticate)]

    @routes.get("/limiter")
    def limiter(_: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            return {"tiers": rate_limiter.read_tiers(connection)}

    @routes.get("/duplicates")
    def undecided_duplicates(_: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            return {"items": duplicates.list_findings(connection)}

    @routes.get("/kill-switch")
    def read_kill_switch(_: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            return kill_switch.read(connection)

    @routes.post("/kill-switch")
    def turn_kill_switch(body: KillSwitchOrder, actor: caller) -> dict[str, Any]:
        require_role(actor, SWITCHERS)
        with refusals("Ask an approver."), engine.begin() as connection:
            commands.order_kill_switch(connection, body.on, _order(actor, body.reason))
            return kill_switch.read(connection)

    @routes.post("/statements", status_code=202)
    def request_statements(body: StatementOrder, actor: caller) -> dict[str, Any]:
        require_role(actor, STATEMENT_READERS)
        with engine.begin() as connection:
            by = actor.person or "someone"
            return {"batches": statements.request_statements(connection, by, body.batch_id)}


def eta_s(connection: Connection, batch_id: UUID, payable: int = 0) -> int | None:
    """Return the seconds until a batch's last payment can have been sent, by the limiter alone.

    Args:
        payable: rows that an approval would pay; before it, no payment of them is known here.
    """
    to_send = payments.count_to_send(connection, batch_id)
    if to_send is None:
        return None
    to_create = provider_objects.count_to_create(connection, batch_id)
    return rate_limiter.eta_s(connection, max(to_send, payable), to_create)
