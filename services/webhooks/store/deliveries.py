"""The table `delivery`: verified deliveries of the provider, with their raw bytes."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.webhooks import handlers
from services.webhooks.domain import VerifiedDelivery


def insert_deliveries(connection: Connection, received: Sequence[VerifiedDelivery]) -> None:
    """Store deliveries and their messages in the caller's transaction.

    A delivery whose event is stored already changes nothing.
    """
    # Replicas take their locks in one order.
    ordered = sorted(received, key=lambda r: r.delivery.provider_event)
    rows = run(
        connection,
        """
        INSERT INTO delivery (provider_event, webhook_type, provider_id, body, received_at)
        SELECT *
        FROM unnest(
            CAST(:provider_events AS text[]), CAST(:webhook_types AS text[]),
            CAST(:provider_ids AS text[]), CAST(:bodies AS bytea[]),
            CAST(:received_ats AS timestamptz[])
        )
        ON CONFLICT (provider_event) DO NOTHING
        RETURNING provider_event""",
        provider_events=[r.delivery.provider_event for r in ordered],
        webhook_types=[r.delivery.webhook_type for r in ordered],
        provider_ids=[r.delivery.provider_id for r in ordered],
        bodies=[r.body for r in ordered],
        received_ats=[r.received_at for r in ordered],
    )
    new = {row.provider_event for row in rows}
    events: list[ProviderEventReceived] = []
    for r in ordered:
        if r.delivery.provider_event in new:
            new.remove(r.delivery.provider_event)  # the same event may be in the group twice
            events += handlers.on_delivery(r.delivery, r.received_at)
    outbox.add(connection, events)


def last_delivery_age_s(connection: Connection) -> float:
    """Seconds since the newest delivery, at least 0; -1 if there is none.

    A growing age shows that the provider has disabled our webhook.
    """
    return float(
        run(
            connection,
            """
            SELECT CASE WHEN max(received_at) IS NULL THEN -1
                ELSE greatest(extract(epoch FROM now() - max(received_at)), 0) END
            FROM delivery""",
        ).scalar_one()
    )
