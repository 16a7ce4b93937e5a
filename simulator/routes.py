"""Which call of the provider's API is answered by which function; the names are those of the books' `calls`."""

import re
from collections.abc import Callable, Mapping

from simulator import account_routes, entity_routes, other_routes, payment_routes
from simulator.wire import Answer, Request
from simulator.world import World

Handler = Callable[[World, Request], Answer]
ID = re.compile(r"(?:ent|acc|mch|pmt|rvs|whk|evt|rpt|evf|avf)_\w+")

TABLE: Mapping[tuple[str, str], Handler] = {
    ("GET", "/ping"): other_routes.ping,
    ("POST", "/entities"): entity_routes.create,
    ("GET", "/entities"): entity_routes.listing,
    ("GET", "/entities/{id}"): entity_routes.retrieve,
    ("PUT", "/entities/{id}"): entity_routes.update,
    ("POST", "/entities/{id}/consent"): entity_routes.consent,
    ("POST", "/entities/{id}/verification_sessions"): entity_routes.verify,
    ("GET", "/entities/{id}/verification_sessions"): entity_routes.sessions,
    ("GET", "/entities/{id}/verification_sessions/{id}"): entity_routes.session,
    ("POST", "/accounts"): account_routes.create,
    ("GET", "/accounts"): account_routes.listing,
    ("GET", "/accounts/{id}"): account_routes.retrieve,
    ("PUT", "/accounts/{id}"): account_routes.update,
    ("POST", "/accounts/{id}/consent"): account_routes.consent,
    ("POST", "/accounts/{id}/verification_sessions"): account_routes.verify,
    ("GET", "/accounts/{id}/verification_sessions"): entity_routes.sessions,
    ("GET", "/accounts/{id}/verification_sessions/{id}"): entity_routes.session,
    ("GET", "/merchants"): account_routes.merchants,
    ("GET", "/merchants/{id}"): account_routes.merchant,
    ("POST", "/payments"): payment_routes.create,
    ("GET", "/payments"): payment_routes.listing,
    ("GET", "/payments/{id}"): payment_routes.retrieve,
    ("DELETE", "/payments/{id}"): payment_routes.cancel,
    ("GET", "/payments/{id}/reversals"): payment_routes.reversals,
    ("GET", "/payments/{id}/reversals/{id}"): payment_routes.reversal,
    ("PUT", "/payments/{id}/reversals/{id}"): payment_routes.approve_reversal,
    ("POST", "/simulate/payments/{id}"): payment_routes.simulate,
    ("POST", "/webhooks"): other_routes.create_webhook,
    ("GET", "/webhooks"): other_routes.list_webhooks,
    ("GET", "/webhooks/{id}"): other_routes.webhook,
    ("PATCH", "/webhooks/{id}"): other_routes.update_webhook,
    ("DELETE", "/webhooks/{id}"): other_routes.delete_webhook,
    ("POST", "/reports"): other_routes.create_report,
    ("GET", "/reports/{id}"): other_routes.report,
    ("GET", "/reports/{id}/download"): other_routes.download,
}


def table(events: other_routes.EventBook) -> dict[tuple[str, str], Handler]:
    """All routes; events are read from a book."""
    listing, single = other_routes.event_routes(events)
    return {**TABLE, ("GET", "/events"): listing, ("GET", "/events/{id}"): single}


def template_of(path: str) -> tuple[str, list[str]]:
    """A path with its ids taken out, and the ids: /payments/pmt_1 is /payments/{id}, [pmt_1]."""
    if path.count("/") == 1:
        return path, []
    ids: list[str] = []
    parts = path.split("/")
    for place, part in enumerate(parts):
        if ID.fullmatch(part):
            ids.append(part)
            parts[place] = "{id}"
    return "/".join(parts), ids
