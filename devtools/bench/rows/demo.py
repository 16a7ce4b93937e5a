"""The pay stage of `make demo` with its sample of 1,000 rows."""

from collections.abc import Mapping

from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace
from devtools.demo import SAMPLE_ROWS


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Pay a roster of new people on the stack that runs."""
    rows = workplace.size(SAMPLE_ROWS, least=50)
    return {"time": workplace.paying().pay_new(rows).paid.seconds}


ROW = Row(
    "demo",
    "make demo, 1,000 rows: from the approval to the certificate",
    (Figure("time", "s", at_most=10),),
    measure,
    estimate_s=40,
)
