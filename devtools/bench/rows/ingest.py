"""50,000 rows from the first byte to `ready`, and a million, beside their floors."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from devtools.bench.figures import Figure, Row
from devtools.bench.roster_ingest import ingest
from devtools.bench.workplace import Workplace

ROWS, MILLION = 50_000, 1_000_000


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Take in one roster."""
    with tempfile.TemporaryDirectory() as folder:
        found = ingest(workplace, workplace.size(ROWS), Path(folder))
    floors = found.parse_s + found.copy_s
    return {
        "time ÷ floors": found.seconds / floors,
        "time": found.seconds,
        "lxml iterparse": found.parse_s,
        "COPY of the same rows": found.copy_s,
        "memory": found.memory_mb,
    }


def measure_million(workplace: Workplace) -> Mapping[str, float]:
    """Take in a large roster and one of 50,000 rows, and compare what a row costs."""
    small, large = workplace.size(ROWS), workplace.size(MILLION)
    with tempfile.TemporaryDirectory() as folder:
        few = ingest(workplace, small, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        many = ingest(workplace, large, Path(folder))
    return {
        "time of a row ÷ at 50,000": (many.seconds / large) / (few.seconds / small),
        "time": many.seconds,
        "lxml iterparse": many.parse_s,
        "COPY of the same rows": many.copy_s,
        "memory": many.memory_mb,
    }


ROW = Row(
    "ingest",
    "50,000 rows from the first byte to ready, preflight left out",
    (
        Figure("time ÷ floors", at_most=3),
        Figure("time", "s"),
        Figure("lxml iterparse", "s", 2, is_floor=True),
        Figure("COPY of the same rows", "s", 2, is_floor=True),
        Figure("memory", "MB", 0, at_most=250),
    ),
    measure,
    estimate_s=40,
)
ROW_MILLION = Row(
    "ingest-million",
    "1,000,000 rows, and what one costs beside one of 50,000",
    (
        Figure("time of a row ÷ at 50,000", digits=2, at_most=1.2),
        Figure("time", "s"),
        Figure("lxml iterparse", "s", is_floor=True),
        Figure("COPY of the same rows", "s", is_floor=True),
        Figure("memory", "MB", 0, at_most=250),
    ),
    measure_million,
    runs=1,
    estimate_s=900,
)
