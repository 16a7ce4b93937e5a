"""Take in one roster as the service does, in a process of its own, so that its memory shows."""

import multiprocessing
import resource
import time
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from sqlalchemy import Engine

from devtools import sample_roster
from devtools.bench import copy_floor, quiet_logs
from devtools.bench.counts import require_equal
from devtools.bench.workplace import Workplace
from libs.common.database.engine import connect
from services.ingest import staging
from services.ingest.staging import RosterReader
from services.ingest.tests.harness import IngestHarness

CHUNK = 1 << 20


@dataclass(frozen=True)
class Ingested:
    """One roster, from its first byte to `ready`. `memory_mb` is the peak of both processes.

    The floors are lxml's iterparse over the file, and COPY of its rows into a bare table.
    """

    seconds: float
    memory_mb: float
    parse_s: float
    copy_s: float


def ingest(workplace: Workplace, rows: int, folder: Path) -> Ingested:
    """Take in a sample roster of so many rows.

    Raises:
        CommandError: the batch does not have as many rows.
    """
    file = folder / f"{rows}.xml"
    sample_roster.write(file, rows)
    with workplace.database("ingest") as (service_url, owner_url):
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            seconds, memory_mb = pool.submit(_ingest, service_url, folder, file, rows).result()
        owner = connect(owner_url, "bench")
        try:
            return Ingested(seconds, memory_mb, _parse_s(file, rows), _copy_s(owner, rows))
        finally:
            owner.dispose()


def _ingest(service_url: str, folder: Path, file: Path, rows: int) -> tuple[float, float]:
    """Upload, read, make ready; the preflight is left out. Returns (seconds, peak memory)."""
    quiet_logs.silence()
    ingest = IngestHarness.make(service_url, folder / "files")
    began = time.monotonic()
    answer = ingest.call(
        "POST", "/batches", "paula", content=_chunks(file), params={"filename": file.name}
    )
    require_equal("status of the upload", answer.status_code, 202)
    reader = RosterReader(ingest.folder.open, ingest.encryption)
    while staging.read_next(ingest.engine, reader):
        pass
    read_s = time.monotonic() - began
    batch_id = answer.json()["batch_id"]
    ingest.preflight(batch_id)
    began = time.monotonic()
    ingest.finalize_all()
    seconds = read_s + time.monotonic() - began
    batch = ingest.batch(batch_id)
    require_equal("status and rows of the batch", _state(batch), ("ready", rows))
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return seconds, sum(one.ru_maxrss for one in usage) / 1_024


def _state(batch: dict[str, object]) -> tuple[object, object]:
    rows = batch["rows"]
    return batch["status"], rows["total"] if isinstance(rows, dict) else rows


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(CHUNK):
            yield chunk


def _parse_s(file: Path, rows: int) -> float:
    """Seconds of lxml's iterparse over the file, its rows counted and freed."""
    found, began = 0, time.monotonic()
    for _, element in etree.iterparse(str(file), tag="row"):
        found += 1
        element.clear()
        while (before := element.getprevious()) is not None:
            before.getparent().remove(before)
    seconds = time.monotonic() - began
    require_equal("rows parsed", found, rows)
    return seconds


def _copy_s(owner: Engine, rows: int) -> float:
    require_equal("rows staged", copy_floor.count(owner, "batch_row"), rows)
    return copy_floor.copy_again_s(owner, "batch_row")
