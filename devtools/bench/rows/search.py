"""The search among a million payments, by twenty clients at once."""

import statistics
from collections.abc import Mapping

from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.search import filled, percentile, search_at_once, year_seconds
from devtools.bench.workplace import Workplace

PAYMENTS, CLIENTS, SEARCHES = 1_000_000, 20, 50


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Fill both databases, and search; each search must find what it looks for."""
    payments = workplace.size(PAYMENTS, least=26_000)
    with filled(workplace, payments, CLIENTS) as databases:
        taken = search_at_once(databases, CLIENTS, SEARCHES, payments)
        year_s = year_seconds(databases.ingest)
    times = [one for kind in taken.values() for one in kind]
    require_equal("searches", len(times), CLIENTS * SEARCHES)
    return {
        "99th percentile": percentile(times, 99),
        "median": statistics.median(times),
        "sum of a year for a whole roster": year_s,
    }


ROW = Row(
    "search",
    "search over 1,000,000 payments, 20 clients without a pause",
    (
        Figure("99th percentile", "ms", 0, at_most=300),
        Figure("median", "ms", 0),
        Figure("sum of a year for a whole roster", "s"),
    ),
    measure,
    runs=1,
    estimate_s=500,
)
