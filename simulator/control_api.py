"""The control API: the provider's own data, faults, outcomes, clock. Never used by the services."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from simulator.clock import iso
from simulator.engine import ProviderEngine
from simulator.merchants import MERCHANTS
from simulator.messages import Answer, dump
from simulator.models import Account, Entity, Payment

CONTROLS = ("faults", "outcomes", "webhooks", "clock", "profile", "limits")
DELETABLE = ("faults", "outcomes")
LINES_PER_CHUNK = 1_000


def summary(engine: ProviderEngine) -> dict[str, Any]:
    """The provider's data in numbers. Any: the values are numbers and objects."""
    payments = engine.state.payments.items
    return {
        "payments": len(payments),
        "amount_cents": sum(p.amount for p in payments),
        "by_status": dict(Counter(p.status for p in payments)),
        "entities": len(engine.state.entities.items),
        "accounts": len(engine.state.accounts.items),
        "calls": dict(engine.calls),
        "limit_violations": engine.limit_violations,
        "webhooks": {"sent": engine.webhooks.sent, "delivered": engine.webhooks.delivered},
    }


def payment_line(p: Payment) -> dict[str, Any]:
    """A payment, as `/_simulator/books/payments` lists it."""
    return {
        "id": p.id,
        "source": p.source,
        "destination": p.destination,
        "amount": p.amount,
        "status": p.status,
        "description": p.description,
        "metadata": p.metadata,
        "idempotency_key": p.idempotency_key,
        "created_at": iso(p.created_ms),
    }


def account_line(a: Account) -> dict[str, Any]:
    """An account, as `/_simulator/books/accounts` lists it: with its full number."""
    return {
        "id": a.id,
        "holder_id": a.holder_id,
        "type": a.type,
        "routing": a.routing,
        "number": a.number,
        "mch_id": a.mch_id,
    }


def entity_line(e: Entity) -> dict[str, Any]:
    """An entity, as `/_simulator/books/entities` lists it."""
    person, company = e.individual or {}, e.corporation or {}
    return {
        "id": e.id,
        "type": e.type,
        "first_name": person.get("first_name"),
        "last_name": person.get("last_name"),
        "phone": person.get("phone"),
        "dob": person.get("dob"),
        "name": company.get("name"),
        "ein": company.get("ein"),
    }


def lines(engine: ProviderEngine, kind: str) -> Iterator[bytes] | None:
    """The records of one kind as JSON lines, some at a time; None if there is no such kind."""
    state = engine.state
    lists: dict[str, tuple[list[Any], Callable[[Any], dict[str, Any]]]] = {
        "payments": (state.payments.items, payment_line),
        "accounts": (state.accounts.items, account_line),
        "entities": (state.entities.items, entity_line),
        "merchants": (
            list(MERCHANTS),
            lambda m: {"id": m.id, "type": m.type, "plaid": list(m.plaid)},
        ),
    }
    if kind not in lists:
        return None
    items, line = lists[kind]
    items = items[:]  # records that arrive while these are sent are not among them
    return (
        b"".join(dump(line(item)) + b"\n" for item in items[at : at + LINES_PER_CHUNK])
        for at in range(0, len(items), LINES_PER_CHUNK)
    )


def answer_control(engine: ProviderEngine, method: str, name: str, raw: bytes) -> Answer:
    """Answer a PUT, DELETE or GET of one of the controls."""
    if method == "GET":
        return Answer(200, dump(engine.control(name)))
    if method == "DELETE" and name in DELETABLE:
        engine.apply_control(name, {})
        return Answer(200, dump(engine.control(name)))
    if method != "PUT":
        return Answer(405, dump({"error": "use GET or PUT"}))
    try:
        engine.apply_control(name, json.loads(raw))
    except (ValueError, RecursionError) as error:
        return Answer(400, dump({"error": str(error)}))
    return Answer(200, dump(engine.control(name)))
