"""The ledger's gauges; the service adds the prefix `paydown_ledger_`."""

from sqlalchemy import Engine

from libs.common.observability.metrics import Gauge, age_from_query, from_query
from services.ledger.store import breaks, runs, waiting


def gauges(engine: Engine) -> dict[str, Gauge]:
    """Each gauge by its name."""
    return {
        "waiting_changes": from_query(engine, waiting.count_waiting),
        "waiting_age_seconds": age_from_query(engine, waiting.oldest_waiting_age_s),
        "verdict_age_seconds": age_from_query(engine, runs.verdict_age_s),
        "open_breaks": from_query(engine, breaks.count_open),
    }
