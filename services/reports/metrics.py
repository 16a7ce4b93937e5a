"""The gauges of reports; each is computed by a query when Prometheus asks for it."""

from sqlalchemy import Engine

from libs.common.observability.metrics import Gauge, age_from_query, from_query
from services.reports.store import payment_queries


def gauges(engine: Engine) -> dict[str, Gauge]:
    """Gauges by name: how many statuses wait for something earlier, and the age of the oldest."""
    return {
        "statuses_waiting": from_query(
            engine, lambda connection: payment_queries.waiting_statuses(connection)[0]
        ),
        "statuses_waiting_age_seconds": age_from_query(
            engine, lambda connection: payment_queries.waiting_statuses(connection)[1]
        ),
    }
