"""Small events and messages for the tests of the library."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.contracts.message import Message
from libs.common.database.engine import run

SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
AT = datetime(2025, 3, 14, 9, 26, tzinfo=UTC)
BATCH = "11111111-2222-4333-8444-555555555555"


def hint(number: int, provider_id: str = "pmt_1") -> ProviderEventReceived:
    return ProviderEventReceived(
        event_id=uuid5(SPACE, str(number)),
        occurred_at=AT,
        correlation=BATCH,
        provider_id=provider_id,
        provider_event=f"evt_{number}",
        webhook_type="payment.update",
        received_at=AT,
    )


def message(event: Event, partition: int = 0, offset: int = 0) -> Message:
    return Message(
        event.topic.name,
        partition,
        offset,
        event.key(),
        event.type,
        str(event.event_id),
        event.body(),
        event.correlation,
    )


def messages(count: int, partition: int = 0, first: int = 0) -> list[Message]:
    return [message(hint(first + n), partition, first + n) for n in range(count)]


def write(connection: Connection, events: Sequence[Event]) -> None:
    """An apply: one row an event, in a table that would take a row twice."""
    run(
        connection,
        "INSERT INTO applied (event_id) SELECT * FROM unnest(CAST(:ids AS uuid[]))",
        ids=[str(e.event_id) for e in events],
    )
