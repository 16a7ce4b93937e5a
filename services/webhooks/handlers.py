"""What a delivery means: the message about it."""

from datetime import datetime

from libs.common.contracts.events.provider import ProviderEventReceived
from services.webhooks.domain import Delivery


def on_delivery(delivery: Delivery, received_at: datetime) -> tuple[ProviderEventReceived, ...]:
    """The hint for the dispatcher; none if the delivery names no object that it could read."""
    if not delivery.provider_id:
        return ()
    return (
        ProviderEventReceived(
            event_id=delivery.event_id,
            occurred_at=received_at,
            received_at=received_at,
            provider_id=delivery.provider_id,
            provider_event=delivery.provider_event,
            webhook_type=delivery.webhook_type,
        ),
    )
