"""Which call of the provider's API is answered by which function; the names are those of the books' `calls`."""

import re
from collections.abc import Callable, Mapping

from simulator.messages import Answer, Request
from simulator.routes import accounts, entities, misc, payments
from simulator.state import World

Handler = Callable[[World, Request], Answer]
ID = re.compile(r"(?:ent|acc|mch|pmt|rvs|whk|evt|rpt|evf|avf)_\w+")

TABLE: Mapping[tuple[str, str], Handler] = {
    ("GET", "/ping"): misc.ping,
    ("POST", "/entities"): entities.create,
    ("GET", "/entities"): entities.listing,
    ("GET", "/entities/{id}"): entities.retrieve,
    ("PUT", "/entities/{id}"): entities.update,
    ("POST", "/entities/{id}/consent"): entities.consent,
    ("POST", "/entities/{id}/verification_sessions"): entities.verify,
    ("GET", "/entities/{id}/verification_sessions"): entities.sessions,
    ("GET", "/entities/{id}/verification_sessions/{id}"): entities.session,
    ("POST", "/accounts"): accounts.create,
    ("GET", "/accounts"): accounts.listing,
    ("GET", "/accounts/{id}"): accounts.retrieve,
    ("PUT", "/accounts/{id}"): accounts.update,
    ("POST", "/accounts/{id}/consent"): accounts.consent,
    ("POST", "/accounts/{id}/verification_sessions"): accounts.verify,
    ("GET", "/accounts/{id}/verification_sessions"): entities.sessions,
    ("GET", "/accounts/{id}/verification_sessions/{id}"): entities.session,
    ("GET", "/merchants"): accounts.merchants,
    ("GET", "/merchants/{id}"): accounts.merchant,
    ("POST", "/payments"): payments.create,
    ("GET", "/payments"): payments.listing,
    ("GET", "/payments/{id}"): payments.retrieve,
    ("DELETE", "/payments/{id}"): payments.cancel,
    ("GET", "/payments/{id}/reversals"): payments.reversals,
    ("GET", "/payments/{id}/reversals/{id}"): payments.reversal,
    ("PUT", "/payments/{id}/reversals/{id}"): payments.approve_reversal,
    ("POST", "/simulate/payments/{id}"): payments.simulate,
    ("POST", "/webhooks"): misc.create_webhook,
    ("GET", "/webhooks"): misc.list_webhooks,
    ("GET", "/webhooks/{id}"): misc.webhook,
    ("PATCH", "/webhooks/{id}"): misc.update_webhook,
    ("DELETE", "/webhooks/{id}"): misc.delete_webhook,
    ("POST", "/reports"): misc.create_report,
    ("GET", "/reports/{id}"): misc.report,
    ("GET", "/reports/{id}/download"): misc.download,
}


def table(events: misc.EventBook) -> dict[tuple[str, str], Handler]:
    """All routes; events are read from a book."""
    listing, single = misc.event_routes(events)
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
