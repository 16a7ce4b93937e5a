"""`payments.csv` of 50,000 rows beside COPY TO STDOUT of the same query."""

import time
from collections.abc import Mapping

from devtools.bench.copy_floor import copy_out_s
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace
from libs.common.database.engine import connect
from services.reports.tests import factories
from services.reports.tests.test_export import open_report
from services.reports.tests.test_export_size import fill

ROWS = 50_000


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Make the whole file, with its names decrypted."""
    rows, batch = workplace.size(ROWS), factories.make(3, 24)
    with workplace.database("reports") as (service_url, _):
        engine = connect(service_url, "bench")
        try:
            fill(engine, batch, rows)
            with engine.connect() as connection:
                report = open_report(connection, batch)
                began = time.monotonic()
                lines = sum(chunk.count(b"\n") for chunk in report.csv("payments"))
                seconds = time.monotonic() - began
            require_equal("lines of the file", lines, rows + 1)
            query = (
                "SELECT * FROM report_line "  # noqa: S608 - an id of ours
                f"WHERE batch_id = '{batch.batch_id}' ORDER BY file_row"
            )
            floor_s = copy_out_s(engine, query)
        finally:
            engine.dispose()
    return {"time ÷ COPY": seconds / floor_s, "time": seconds, "COPY TO STDOUT": floor_s}


ROW = Row(
    "payments-csv",
    "payments.csv of 50,000 rows, names decrypted",
    (
        Figure("time ÷ COPY", at_most=2),
        Figure("time", "s"),
        Figure("COPY TO STDOUT", "s", 2, is_floor=True),
    ),
    measure,
    estimate_s=30,
)
