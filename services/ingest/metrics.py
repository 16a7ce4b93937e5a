"""Ingest's gauges; the service adds the prefix `paydown_ingest_`."""

from sqlalchemy import Engine

from libs.common.observability.metrics import Gauge, from_query
from services.ingest.store import waiting_batches


def gauges(engine: Engine) -> dict[str, Gauge]:
    """Each gauge by its name."""
    return {"batch_waiting_age_seconds": from_query(engine, waiting_batches.read_oldest_wait_s)}
