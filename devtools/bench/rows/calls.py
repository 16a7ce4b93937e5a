"""Calls of the provider beside the least there can be: one for each thing it then has."""

from collections.abc import Mapping

from devtools.bench.figures import Figure, Row
from devtools.bench.paying import Cycle
from devtools.bench.rows.payments import ROWS
from devtools.bench.workplace import Workplace


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Divide the calls of the cycles that were paid; pays one of each kind if none was."""
    paying = workplace.paying()
    if not paying.second:
        paying.pay_again(workplace.size(ROWS, least=50))
    return {
        "first cycle, calls ÷ least": _ratio(paying.first),
        "second cycle, calls ÷ least": _ratio(paying.second),
    }


def _ratio(cycles: list[Cycle]) -> float:
    return sum(cycle.calls for cycle in cycles) / sum(cycle.created for cycle in cycles)


ROW = Row(
    "calls",
    "calls from the upload to the end, reads included ÷ people, accounts and payments created",
    (
        Figure("first cycle, calls ÷ least", digits=3, at_most=1.005),
        Figure("second cycle, calls ÷ least", digits=3, at_most=1.005),
    ),
    measure,
    runs=1,
    estimate_s=10,
)
