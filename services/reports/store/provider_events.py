"""Table `provider_event`: the provider's webhooks, as hints that something changed."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.provider import ProviderEventReceived
from services.reports.store.bulk_insert import insert_missing, to_item

COLUMNS = ("event_id", "provider_id", "provider_event", "webhook_type", "received_at")


def insert_provider_events(connection: Connection, events: Sequence[ProviderEventReceived]) -> None:
    """Insert webhooks; a second call changes nothing."""
    items = [to_item(event, COLUMNS) for event in events]
    insert_missing(connection, "provider_event", COLUMNS, items)
