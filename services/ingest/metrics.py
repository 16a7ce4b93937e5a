"""Ingest's gauges; the service adds the prefix `paydown_ingest_`."""

from sqlalchemy import Engine

from libs.common.observability.metrics import Gauge, age_from_query
from services.ingest.store import waiting_batches


def gauges(engine: Engine) -> dict[str, Gauge]:
    """Each gauge by its name."""
    waited = age_from_query(engine, waiting_batches.read_oldest_wait_s)
    return {"batch_waiting_age_seconds": waited}
