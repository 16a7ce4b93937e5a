"""The gateway's gauges; the service adds the prefix `paydown_gateway_`."""

from sqlalchemy import Engine

from libs.common.observability.metrics import Gauge, age_from_query, from_query
from services.gateway.store import notification_deliveries


def gauges(engine: Engine) -> dict[str, Gauge]:
    """Each gauge by its name."""
    return {
        "notifications_failed": from_query(engine, notification_deliveries.count_failed),
        "notifications_due_age_seconds": age_from_query(
            engine, notification_deliveries.oldest_due_age_s
        ),
    }
