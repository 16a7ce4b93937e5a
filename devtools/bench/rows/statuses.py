"""Statuses a second that reports applies."""

from collections.abc import Mapping

from devtools.bench.copy_floor import copy_again_s
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.message_batches import apply_s
from devtools.bench.rows.holds import events
from devtools.bench.workplace import Workplace
from libs.common.database.engine import connect, run
from services.reports import consumers

PAYMENTS = 20_000
TOTALS = """
    SELECT count(*), count(*) FILTER (WHERE status = 'completed' AND version = 3)
    FROM payment"""


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Apply approvals, then three statuses of each payment; only these are timed."""
    count = workplace.size(PAYMENTS)
    approvals, changes = events(count)
    with workplace.database("reports") as (service_url, owner_url):
        engine, owner = connect(service_url, "bench"), connect(owner_url, "bench")
        try:
            apply_s(engine, approvals, consumers.apply)
            seconds = apply_s(engine, changes, consumers.apply)
            with engine.connect() as connection:
                found = tuple(run(connection, TOTALS).one())
            require_equal("payments, of them completed", found, (count, count))
            floor_s = copy_again_s(owner, "payment_change")
        finally:
            engine.dispose()
            owner.dispose()
    return {
        "statuses": len(changes) / seconds,
        "COPY of the changes": len(changes) / floor_s,
        "time ÷ floor": seconds / floor_s,
    }


ROW = Row(
    "statuses",
    "statuses applied by reports, read messages to commit, 500 a transaction",
    (
        Figure("statuses", "/s", 0, at_least=20_000),
        Figure("COPY of the changes", "/s", 0, is_floor=True),
        Figure("time ÷ floor"),
    ),
    measure,
    estimate_s=30,
)
