"""The gauges of webhooks; the service adds the prefix `paydown_webhooks_`."""

from sqlalchemy import Engine

from libs.common.observability.metrics import Gauge, from_query
from services.webhooks.routes import SecurityEventThrottle
from services.webhooks.store.deliveries import last_delivery_age_s


def gauges(engine: Engine, throttle: SecurityEventThrottle) -> dict[str, Gauge]:
    """Each gauge by its name."""
    return {
        "refused": lambda: float(throttle.rejected),
        "last_delivery_age_seconds": from_query(engine, last_delivery_age_s),
    }
