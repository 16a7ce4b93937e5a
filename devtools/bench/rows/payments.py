"""Payments a second and CPU of one: for new people and loans, and for those that are known."""

from collections.abc import Mapping

from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace

ROWS = 5_000


def measure_first(workplace: Workplace) -> Mapping[str, float]:
    """Pay a roster of new people and loans."""
    return workplace.paying().pay_new(workplace.size(ROWS, least=50)).figures


def measure_second(workplace: Workplace) -> Mapping[str, float]:
    """Pay the last roster for the next period."""
    return workplace.paying().pay_again(workplace.size(ROWS, least=50)).figures


FIRST = Row(
    "payments-first",
    "payments of new people and loans, approval to the end, no limit, simulator's CPU left out",
    (Figure("payments", "/s", at_least=80), Figure("CPU of one", "ms", at_most=20)),
    measure_first,
    estimate_s=130,
)
SECOND = Row(
    "payments-second",
    "payments of known people and loans, approval to the end, no limit, simulator's CPU left out",
    (Figure("payments", "/s", at_least=200), Figure("CPU of one", "ms", at_most=8)),
    measure_second,
    estimate_s=100,
)
