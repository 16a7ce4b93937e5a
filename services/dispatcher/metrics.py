"""The dispatcher's figures for /metrics, each one a question to its database."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from libs.common.database.engine import run

#: What is asked at each scrape. Counts only: no batch, person or account is named in a metric.
GAUGES: Final = {
    # Without those of stopped sources: they wait for a person, and the alert for payments that wait for no reason must not count them.
    "payments_unsent": """
        SELECT count(*) FROM payment p JOIN batch b USING (batch_id) WHERE p.status IN ('unprocessed', 'sending') AND b.state = 'paying'
        AND p.account_index NOT IN (SELECT account_index FROM source_stop)""",
    "payments_sent": "SELECT count(*) FROM payment WHERE attempts > 0",
    "payments_pending": "SELECT count(*) FROM payment WHERE status = 'pending'",
    "payments_in_doubt": "SELECT count(*) FROM payment WHERE status = 'in_doubt'",
    "payments_in_doubt_age_seconds": """
        SELECT coalesce(extract(epoch FROM now() - min(a.first_sent_at)), 0) FROM payment p JOIN attempt a ON a.subject_id = p.payment_id
        WHERE p.status = 'in_doubt'""",
    "payments_held": "SELECT count(*) FROM payment WHERE status = 'held'",
    "batches_paying": "SELECT count(*) FROM batch WHERE status IN ('approved', 'paying') AND state = 'paying'",
    "sources_stopped": "SELECT count(*) FROM source_stop",
    "kill_switch": "SELECT engaged::int FROM kill_switch",
    "limiter_payments_per_min": "SELECT coalesce(min(per_min), 0) FROM limiter WHERE tier = 'payments'",
    "limiter_busy_seconds": "SELECT coalesce(max(extract(epoch FROM greatest(free_at, now()) - now())), 0) FROM limiter",
    "limiter_closed_seconds": "SELECT coalesce(max(extract(epoch FROM greatest(closed_until, now()) - now())), 0) FROM limiter",
}


def _gauge(engine: Engine, query: str) -> Callable[[], float]:
    """A figure of the database, read when it is asked for."""

    def read() -> float:
        with engine.connect() as connection:
            return float(run(connection, query).scalar_one())

    return read


def all_of(engine: Engine) -> dict[str, Callable[[], float]]:
    """Each figure by its name."""
    return {name: _gauge(engine, query) for name, query in GAUGES.items()}
