"""The dispatcher's HTTP, for the gateway: orders, what is known of a batch and of a payment's attempts, the limiter."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from libs.common.database.engine import run
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem
from services.dispatcher import commands
from services.dispatcher.commands import NotAllowed, Order, Refused, Unknown
from services.dispatcher.provider import rate_limiter
from services.dispatcher.store import payments

APPROVERS = frozenset({"approver"})
PROPOSERS = frozenset({"preparer", "approver"})
SWITCHERS = frozenset({"approver", "operator"})
STATEMENT_READERS = frozenset({"approver", "operator", "auditor"})


class Reason(BaseModel):
    """Why; kept with the order and shown to people."""

    reason: str = Field(default="", max_length=500)


class HeldAct(Reason):
    """One of the three exits of `held`."""

    act: Literal["look-up", "bind", "close"]
    provider_payment_id: str = Field(default="", max_length=64)


class Switch(Reason):
    """The kill switch."""

    on: bool


class StatementOrder(BaseModel):
    """For one batch, or for all that are being paid."""

    batch_id: UUID | None = None


def allow(actor: Actor, roles: frozenset[str]) -> None:
    """403 unless the person has one of the roles."""
    if not actor.roles & roles:
        raise Problem(
            403,
            "auth.forbidden",
            f"This needs one of the roles: {', '.join(sorted(roles))}.",
            "Ask someone who has it.",
        )


def router(engine: Engine, token: str) -> APIRouter:
    """All routes; they need the token of internal calls."""
    routes = APIRouter()
    caller = Annotated[Actor, Depends(Caller(token))]

    @routes.post("/batches/{batch_id}/{act}")
    def order(
        batch_id: UUID, act: Literal["pause", "resume", "cancel"], body: Reason, actor: caller
    ) -> dict[str, Any]:
        allow(actor, APPROVERS)
        try:
            with engine.begin() as connection:
                state = commands.command(
                    connection, batch_id, act, Order(actor.person, body.reason)
                )
        except Unknown as error:
            raise Problem(
                404, error.code, str(error), "Check the id; what is new is here in seconds."
            ) from None
        except Refused as error:
            raise Problem(409, error.code, str(error), "Look at the batch's state.") from None
        return {"batch_id": batch_id, "state": state}

    @routes.get("/batches/{batch_id}")
    def batch(batch_id: UUID, _: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            row = (
                run(
                    connection,
                    "SELECT batch_id, state, state_version AS version, state_by, state_reason FROM batch WHERE batch_id = :id",
                    id=batch_id,
                )
                .mappings()
                .first()
            )
            if row is None:
                raise Problem(
                    404,
                    "not-found",
                    f"Batch {batch_id} is not known to the dispatcher.",
                    "Check the id; a new batch is here in seconds.",
                )
            counts = (
                run(
                    connection,
                    """
                SELECT count(*) FILTER (WHERE status = 'in_doubt') AS in_doubt, count(*) FILTER (WHERE status = 'held') AS held,
                       count(*) FILTER (WHERE status IN ('unprocessed', 'sending', 'in_doubt')) AS unsent FROM payment WHERE batch_id = :id""",
                    id=batch_id,
                )
                .mappings()
                .one()
            )
            stopped = [s.model_dump() for s in payments.stopped_sources(connection, batch_id)]
            return {
                **row,
                **counts,
                "eta_s": eta_s(connection, batch_id),
                "stopped_sources": stopped,
            }

    @routes.get("/payments/{payment_id}")
    def attempts(payment_id: UUID, _: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            rows = (
                run(
                    connection,
                    """
                SELECT n, idempotency_key, first_sent_at, last_sent_at, sends, outcome, http_status, code, message, request_id
                FROM attempt WHERE subject_id = :id ORDER BY n""",
                    id=payment_id,
                )
                .mappings()
                .all()
            )
            flags = (
                run(
                    connection,
                    "SELECT kind, detail, at FROM flag WHERE payment_id = :id ORDER BY flag_id",
                    id=payment_id,
                )
                .mappings()
                .all()
            )
            proposal = (
                run(
                    connection,
                    """
                SELECT act, provider_id AS provider_payment_id, reason, by_whom, at FROM held_proposal WHERE payment_id = :id""",
                    id=payment_id,
                )
                .mappings()
                .first()
            )
        return {
            "attempts": [dict(r) for r in rows],
            "flags": [dict(r) for r in flags],
            "held_proposal": dict(proposal) if proposal else None,
        }

    @routes.post("/payments/{payment_id}/held")
    def decide_held(payment_id: UUID, body: HeldAct, actor: caller) -> dict[str, Any]:
        allow(actor, PROPOSERS)
        if not body.reason or (body.act == "bind") != bool(body.provider_payment_id):
            raise Problem(
                422,
                "request.invalid",
                "A reason is needed, and for `bind` the provider's payment id.",
                "Send them with it.",
            )
        try:
            with engine.begin() as connection:
                wanted = Order(actor.person, body.reason, approver=bool(actor.roles & APPROVERS))
                came_of = commands.held(
                    connection, payment_id, body.act, body.provider_payment_id, wanted
                )
        except NotAllowed as error:
            raise Problem(403, error.code, str(error), "Ask an approver.") from None
        except Unknown as error:
            raise Problem(
                404, error.code, str(error), "Check the id; what is new is here in seconds."
            ) from None
        except Refused as error:
            raise Problem(
                409, error.code, str(error), "Look at the payment as it is now."
            ) from None
        return {"payment_id": payment_id, "act": body.act, "state": came_of}

    @routes.get("/limiter")
    def tiers(_: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            return {"tiers": rate_limiter.state(connection)}

    @routes.get("/kill-switch")
    def switch(_: caller) -> dict[str, Any]:
        with engine.connect() as connection:
            return dict(
                run(connection, "SELECT engaged AS on, by_whom, reason, at FROM kill_switch")
                .mappings()
                .one()
            )

    @routes.post("/kill-switch")
    def turn(body: Switch, actor: caller) -> dict[str, Any]:
        allow(actor, SWITCHERS)
        with engine.begin() as connection:
            payments.engage_kill_switch(connection, body.on, actor.person, body.reason)
            return dict(
                run(connection, "SELECT engaged AS on, by_whom, reason, at FROM kill_switch")
                .mappings()
                .one()
            )

    @routes.post("/statements", status_code=202)
    def statements(body: StatementOrder, actor: caller) -> dict[str, Any]:
        allow(actor, STATEMENT_READERS)
        with engine.begin() as connection:
            asked = (
                run(
                    connection,
                    """
                UPDATE batch SET statement_wanted_by = :by WHERE payments > 0 AND state <> 'waiting' AND (batch_id = :id OR CAST(:id AS uuid) IS NULL)
                RETURNING batch_id""",
                    by=actor.person or "someone",
                    id=body.batch_id,
                )
                .scalars()
                .all()
            )
        return {"batches": list(asked)}

    return routes


def eta_s(connection: Any, batch_id: UUID) -> int | None:
    """Seconds until the last payment can have been sent, by the limiter alone (people and doubts take what they take)."""
    row = run(
        connection,
        """
        SELECT greatest(b.payments, count(p.payment_id)) - count(p.payment_id) FILTER (WHERE p.status NOT IN ('unprocessed', 'sending')) AS payments
        FROM batch b LEFT JOIN payment p USING (batch_id) WHERE b.batch_id = :id GROUP BY b.batch_id, b.payments""",
        id=batch_id,
    ).first()
    if row is None:
        return None
    objects = (
        run(
            connection,
            "SELECT count(*) FROM object WHERE status = 'unprocessed' AND batch_id = :id",
            id=batch_id,
        ).scalar()
        or 0
    )
    rates = {
        tier["tier"]: (int(str(tier["per_min"])), float(str(tier["closed_s"])))
        for tier in rate_limiter.state(connection)
    }
    if not rates:
        return None
    paying = row.payments * 60 / rates[rate_limiter.PAYMENTS][0]
    everything = (row.payments + objects) * 60 / rates[rate_limiter.GLOBAL][0]
    return int(max(paying, everything) + max(closed for _, closed in rates.values()) + 0.999)
