"""The routes of the provider's API: which function answers which call."""

import re
from collections.abc import Callable, Mapping

from simulator.messages import Answer, Request, success
from simulator.routes import accounts, entities, events, payments, reports, subscriptions
from simulator.state import ProviderState

Handler = Callable[[ProviderState, Request], Answer]
#: An id in a path; its prefix names its kind.
ID = re.compile(r"(?:ent|acc|mch|pmt|rvs|whk|evt|rpt|evf|avf)_\w+")


def ping(_state: ProviderState, _request: Request) -> Answer:
    """GET /ping."""
    return success(None, message="pong")


#: The names of the calls are those that the control API counts.
TABLE: Mapping[tuple[str, str], Handler] = {
    ("GET", "/ping"): ping,
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
    ("POST", "/webhooks"): subscriptions.create_webhook,
    ("GET", "/webhooks"): subscriptions.list_webhooks,
    ("GET", "/webhooks/{id}"): subscriptions.webhook,
    ("PATCH", "/webhooks/{id}"): subscriptions.update_webhook,
    ("DELETE", "/webhooks/{id}"): subscriptions.delete_webhook,
    ("POST", "/reports"): reports.create_report,
    ("GET", "/reports/{id}"): reports.report,
    ("GET", "/reports/{id}/download"): reports.download,
}


def route_table(reader: events.EventReader) -> dict[tuple[str, str], Handler]:
    """All routes; `reader` reads written events."""
    listing, single = events.event_routes(reader)
    return {**TABLE, ("GET", "/events"): listing, ("GET", "/events/{id}"): single}


def template_of(path: str) -> tuple[str, list[str]]:
    """A path with `{id}` for its ids, and the ids: /payments/pmt_1 is /payments/{id}, [pmt_1]."""
    if path.count("/") == 1:
        return path, []
    ids: list[str] = []
    parts = path.split("/")
    for place, part in enumerate(parts):
        if ID.fullmatch(part):
            ids.append(part)
            parts[place] = "{id}"
    return "/".join(parts), ids
