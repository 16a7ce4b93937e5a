"""Events. Pure but for the events themselves, which are read from the storage."""

from collections.abc import Callable
from typing import Protocol

from simulator import serializers
from simulator.messages import Answer, Request, not_found, success
from simulator.models import Event, Json
from simulator.paging import LIMIT_MAX, moment, number
from simulator.state import ProviderState


class EventReader(Protocol):
    """Reads written events."""

    def find_event(self, event_id: str) -> Event | None:
        """One event."""

    def list_events(
        self,
        kind: str | None,
        resource_id: str | None,
        from_ms: int,
        to_ms: int,
        limit: int,
        offset: int,
    ) -> list[Event]:
        """Events, newest first."""


def event_routes(
    reader: EventReader,
) -> tuple[Callable[[ProviderState, Request], Answer], Callable[[ProviderState, Request], Answer]]:
    """The handlers of `GET /events` and `GET /events/{id}`."""

    def listing(state: ProviderState, request: Request) -> Answer:
        from_text, to_text = request.one("from_date"), request.one("to_date")
        limit = number(request, "page_limit", LIMIT_MAX, LIMIT_MAX)
        events = reader.list_events(
            request.one("type"),
            request.one("resource_id"),
            moment(from_text, end=False) if from_text else 0,
            moment(to_text, end=True) if to_text else 2**62,
            limit,
            (number(request, "page", 1, 10**6) - 1) * limit,
        )
        return success([serializers.event(e, resource(state, e, request.version)) for e in events])

    def single(state: ProviderState, request: Request) -> Answer:
        found = reader.find_event(request.ids[0])
        if found is None:
            raise not_found("The event")
        return success(serializers.event(found, resource(state, found, request.version)))

    return listing, single


def resource(state: ProviderState, event: Event, version: str) -> Json | None:
    """The resource of an event as it is now."""
    if payment := state.payments.by_id.get(event.resource_id):
        return serializers.payment(payment, version)
    if account := state.accounts.by_id.get(event.resource_id):
        return serializers.account(account, version)
    if entity := state.entities.by_id.get(event.resource_id):
        return serializers.entity(entity, state.sessions.where("owner", entity.id), version)
    if reversal := state.reversals.by_id.get(event.resource_id):
        return serializers.reversal(reversal)
    return None
