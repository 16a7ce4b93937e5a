"""The dispatcher's gauges: counts only, no batch, person or account is named in a metric."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, Engine

from libs.common.observability.metrics import Gauge, age_from_query, from_query
from services.dispatcher.store import (
    approval_proofs,
    batches,
    duplicates,
    flags,
    kill_switch,
    payments,
    rate_limits,
    scheduled_starts,
    source_stops,
)


def gauges(engine: Engine) -> dict[str, Gauge]:
    """Return every gauge of the dispatcher by its name."""
    reads: dict[str, Callable[[Connection], float]] = {
        "payments_unsent": payments.count_unsent,
        "payments_sent": payments.count_attempted,
        "payments_pending": partial(payments.count_by_status, status="pending"),
        "payments_in_doubt": partial(payments.count_by_status, status="in_doubt"),
        "payments_held": partial(payments.count_by_status, status="held"),
        "approvals_unproved": approval_proofs.count_unproved,
        "batches_paying": batches.count_paying,
        "batches_waiting_for_start": scheduled_starts.count_waiting,
        "duplicates_undecided": duplicates.count_open,
        "payments_not_believed": flags.count_not_believed,
        "sources_stopped": source_stops.count_stopped,
        "kill_switch": kill_switch.is_engaged,
        "limiter_payments_per_min": rate_limits.read_payments_per_min,
        "limiter_busy_seconds": rate_limits.read_busy_s,
        "limiter_closed_seconds": rate_limits.read_closed_s,
    }
    ages: dict[str, Callable[[Connection], float]] = {
        "payments_in_doubt_age_seconds": payments.read_oldest_doubt_s,
        "start_overdue_age_seconds": scheduled_starts.read_overdue_s,
        "preflight_age_seconds": batches.read_oldest_preflight_s,
    }
    return {
        **{name: from_query(engine, read) for name, read in reads.items()},
        **{name: age_from_query(engine, read) for name, read in ages.items()},
    }
