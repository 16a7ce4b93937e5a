"""A page of 100 rows out of a batch of 50,000, as ingest answers it."""

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from devtools import sample_roster
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.search import percentile
from devtools.bench.workplace import Workplace
from services.ingest.tests.harness import IngestHarness

ROWS, PAGE = 50_000, 100


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Walk through all pages of a batch, by their cursors."""
    rows = workplace.size(ROWS, least=2 * PAGE)
    with tempfile.TemporaryDirectory() as folder, workplace.database("ingest") as (url, _):
        ingest = IngestHarness.make(url, Path(folder))
        try:
            batch = ingest.ready(sample_roster.make(rows))
            times = _walk(ingest, batch["batch_id"], rows)
        finally:
            ingest.engine.dispose()
    return {"99th percentile": percentile(times, 99), "median": statistics.median(times)}


def _walk(ingest: IngestHarness, batch_id: str, rows: int) -> list[float]:
    """Milliseconds of each page; together they must have every row once."""
    times, seen, cursor = list[float](), set[int](), dict[str, str]()
    while True:
        began = time.monotonic()
        page = ingest.get(f"/batches/{batch_id}/rows", limit=PAGE, **cursor)
        times.append((time.monotonic() - began) * 1_000)
        seen |= {row["file_row"] for row in page["items"]}
        if not page["next"]:
            require_equal("rows on all pages", len(seen), rows)
            return times
        cursor = {"cursor": page["next"]}


ROW = Row(
    "pages",
    "a page of 100 rows out of 50,000, every page once, one client",
    (Figure("99th percentile", "ms", at_most=100), Figure("median", "ms")),
    measure,
    runs=1,
    estimate_s=60,
)
