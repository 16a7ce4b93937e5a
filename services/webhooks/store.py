"""All SQL of the raw deliveries and of the refused ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.webhooks import handlers
from services.webhooks.domain import Delivery


@dataclass(frozen=True)
class Received:
    """A verified delivery, with its raw bytes."""

    delivery: Delivery
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class RejectedDelivery:
    """A delivery that was refused; of its contents only size and digest are kept."""

    code: str
    remote: str
    body_bytes: int
    body_sha256: str
    received_at: datetime


def keep(connection: Connection, received: Sequence[Received]) -> int:
    """Store deliveries and their messages in the caller's transaction; how many were new.

    A delivery whose event is here already changes nothing, so a redelivery is a no-op.
    """
    ordered = sorted(
        received, key=lambda r: r.delivery.provider_event
    )  # replicas take their locks in one order
    new = {
        row[0]
        for row in run(
            connection,
            """
        INSERT INTO delivery (provider_event, webhook_type, provider_id, body, received_at)
        SELECT * FROM unnest(CAST(:events AS text[]), CAST(:types AS text[]), CAST(:ids AS text[]), CAST(:bodies AS bytea[]),
                             CAST(:times AS timestamptz[]))
        ON CONFLICT (provider_event) DO NOTHING RETURNING provider_event""",
            events=[r.delivery.provider_event for r in ordered],
            types=[r.delivery.webhook_type for r in ordered],
            ids=[r.delivery.provider_id for r in ordered],
            bodies=[r.body for r in ordered],
            times=[r.received_at for r in ordered],
        )
    }
    events = []
    for item in ordered:
        if item.delivery.provider_event in new:
            new.remove(item.delivery.provider_event)
            events.append(handlers.on_delivery(item.delivery, item.received_at))
    outbox.add(connection, [event for made in events for event in made])
    return len(events)


def refuse(connection: Connection, strangers: Sequence[RejectedDelivery], most: int) -> None:
    """Keep refused deliveries as security events, the newest `most` of them."""
    last = max(
        row[0]
        for row in run(
            connection,
            """
        INSERT INTO security_event (code, remote, body_bytes, body_sha256, received_at)
        SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:remotes AS text[]), CAST(:sizes AS int[]), CAST(:digests AS text[]),
                             CAST(:times AS timestamptz[]))
        RETURNING security_event_id""",
            codes=[s.code for s in strangers],
            remotes=[s.remote for s in strangers],
            sizes=[s.body_bytes for s in strangers],
            digests=[s.body_sha256 for s in strangers],
            times=[s.received_at for s in strangers],
        )
    )
    run(
        connection,
        "DELETE FROM security_event WHERE security_event_id <= :limit",
        limit=last - most,
    )


def last_delivery_age_s(connection: Connection) -> float:
    """Seconds since the newest delivery; -1 when there was none. A provider that disabled our webhook is noticed here."""
    return float(
        run(
            connection,
            "SELECT coalesce(extract(epoch FROM now() - max(received_at)), -1) FROM delivery",
        ).scalar()
    )
