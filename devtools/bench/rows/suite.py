"""How long the last whole `make test` took; it is read, not run."""

import json
from collections.abc import Mapping

from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace
from devtools.ci import RECORD
from ops.errors import CommandError


def measure(_workplace: Workplace) -> Mapping[str, float]:
    """Read the record.

    Raises:
        CommandError: there is none.
    """
    if not RECORD.exists():
        raise CommandError("no whole `make test` has passed in this checkout")
    return {"time": json.loads(RECORD.read_text())["seconds"] / 60}


ROW = Row(
    "test-suite",
    "make test, as recorded by the last one that passed in this checkout",
    (Figure("time", "min", at_most=12),),
    measure,
    runs=1,
    estimate_s=0,
)
