"""What programs on this machine may ask and order: the provider's own truth, faults, outcomes, clock. Never used by the services."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from simulator.clock import iso
from simulator.engine import Provider
from simulator.merchants import MERCHANTS
from simulator.messages import Answer, dump
from simulator.models import Account, Entity, Payment

ORDERS = ("faults", "outcomes", "webhooks", "clock", "profile", "limits")
ENDABLE = ("faults", "outcomes")
LINES_PER_CHUNK = 1_000


def summary(provider: Provider) -> dict[str, Any]:
    """The books in numbers; Any because the values are numbers and objects."""
    payments = provider.world.payments.items
    return {
        "payments": len(payments),
        "amount_cents": sum(p.amount for p in payments),
        "by_status": dict(Counter(p.status for p in payments)),
        "entities": len(provider.world.entities.items),
        "accounts": len(provider.world.accounts.items),
        "calls": dict(provider.calls),
        "limit_violations": provider.limit_violations,
        "webhooks": {"sent": provider.deliveries.sent, "delivered": provider.deliveries.delivered},
    }


def payment_line(p: Payment) -> dict[str, Any]:
    """A payment as the books show it."""
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
    """An account as the books show it, its number in clear."""
    return {
        "id": a.id,
        "holder_id": a.holder_id,
        "type": a.type,
        "routing": a.routing,
        "number": a.number,
        "mch_id": a.mch_id,
    }


def entity_line(e: Entity) -> dict[str, Any]:
    """An entity as the books show it."""
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


def lines(provider: Provider, kind: str) -> Iterator[bytes] | None:
    """One book, some lines at a time; None when there is no such book."""
    world = provider.world
    books: dict[str, tuple[list[Any], Callable[[Any], dict[str, Any]]]] = {
        "payments": (world.payments.items, payment_line),
        "accounts": (world.accounts.items, account_line),
        "entities": (world.entities.items, entity_line),
        "merchants": (
            list(MERCHANTS),
            lambda m: {"id": m.id, "type": m.type, "plaid": list(m.plaid)},
        ),
    }
    if kind not in books:
        return None
    items, line = books[kind]
    items = items[:]  # what arrives while these are sent belongs to the next reading
    return (
        b"".join(dump(line(item)) + b"\n" for item in items[at : at + LINES_PER_CHUNK])
        for at in range(0, len(items), LINES_PER_CHUNK)
    )


def order(provider: Provider, method: str, name: str, raw: bytes) -> Answer:
    """PUT, DELETE or GET of one of the orders."""
    if method == "GET":
        return Answer(200, dump(provider.shown(name)))
    if method == "DELETE" and name in ENDABLE:
        provider.obey(name, {})
        return Answer(200, dump(provider.shown(name)))
    if method != "PUT":
        return Answer(405, dump({"error": "use GET or PUT"}))
    try:
        provider.obey(name, json.loads(raw))
    except (ValueError, RecursionError) as error:
        return Answer(400, dump({"error": str(error)}))
    return Answer(200, dump(provider.shown(name)))
