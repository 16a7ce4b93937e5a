"""What a long past costs when a roster is read and checked, beside an empty registry.

One database of ingest has no batches but discarded ones. The other one has past batches of the
same people, approved and paid, and a registry of many others. The same roster is read and made
ready in both, in turns, by the functions of the service, and each time discarded.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import Engine

from devtools import sample_roster
from devtools.bench import past_batches
from devtools.bench.copy_floor import count
from devtools.bench.counts import require_equal
from devtools.bench.figures import Figure, Row
from devtools.bench.workplace import Workplace
from libs.common.database.engine import connect, run
from services.ingest import staging
from services.ingest.domain.batch import UNAPPROVED, Batch
from services.ingest.finalize import finalize_next
from services.ingest.staging import RosterReader
from services.ingest.store import batches
from services.ingest.tests.harness import IngestHarness

ROWS, PEOPLE = 50_000, 500_000
PAST, TURNS = 26, 2
FIRST_PERIOD = date(2025, 12, 19)  # so all 27 periods end in one year, whose payments are summed
WORDS = "person_terms_of_rows"  # the trigger that keeps the words of names for the search


@dataclass(frozen=True)
class Registry:
    """One database of ingest, and the roster of so many rows that is read into it."""

    ingest: IngestHarness
    owner: Engine
    reader: RosterReader
    rows: int


@dataclass(frozen=True)
class Taken:
    """Seconds for reading a roster, and for making it ready."""

    read_s: float
    check_s: float

    @property
    def both_s(self) -> float:
        """Seconds from the upload to `ready`, without the provider's preflight."""
        return self.read_s + self.check_s


def measure(workplace: Workplace) -> Mapping[str, float]:
    """Fill the past, and read and check in turns."""
    rows = workplace.size(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "roster.xml")
        sample_roster.write(file, rows)
        with (
            _registry(workplace, file, rows) as empty,
            _registry(workplace, file, rows) as past,
        ):
            read_and_check(empty)
            _add_past(past, workplace.size(PEOPLE))
            for one in (empty, past):
                _analyze(one.owner)
            turns = [(read_and_check(empty), read_and_check(past)) for _ in range(TURNS)]
            without_words_s = min(_read_without_words_s(empty) for _ in range(TURNS))
    return compared(*zip(*turns, strict=True)) | {
        "reading without words of the search": without_words_s
    }


def compared(empty: Sequence[Taken], past: Sequence[Taken]) -> dict[str, float]:
    """The quickest turn with the past beside the quickest one without it."""
    without, full = (min(turns, key=lambda one: one.both_s) for turns in (empty, past))
    return {
        "time ÷ with an empty registry": full.both_s / without.both_s,
        "check ÷ with an empty registry": full.check_s / without.check_s,
        "time": full.both_s,
        "time with an empty registry": without.both_s,
        "reading with an empty registry": min(one.read_s for one in empty),
    }


def read_and_check(registry: Registry) -> Taken:
    """Read the roster as a batch of the period after the past, make it ready, and discard it."""
    batch_id, read_s, check_s = _make_ready(registry, PAST)
    with registry.ingest.engine.begin() as connection:
        batches.set_status(connection, batch_id, "discarded", UNAPPROVED, "bench")
    return Taken(read_s, check_s)


def _make_ready(registry: Registry, period: int) -> tuple[UUID, float, float]:
    """The id, and the seconds of reading and of checking; the preflight is left out."""
    ingest, batch_id = registry.ingest, _upload(registry.ingest.engine, period)
    read_s = _timed(lambda: staging.read_next(ingest.engine, registry.reader))
    ingest.preflight(str(batch_id))
    check_s = _timed(lambda: finalize_next(ingest.engine))
    batch = ingest.batch(str(batch_id))
    found = (batch["status"], batch["rows"]["total"])
    require_equal("status and rows of the batch", found, ("ready", registry.rows))
    return batch_id, read_s, check_s


def _read_without_words_s(registry: Registry) -> float:
    """Seconds for reading the roster while nothing keeps the words of the search."""
    _set_words(registry.owner, "DISABLE")
    try:
        return read_and_check(registry).read_s
    finally:
        _set_words(registry.owner, "ENABLE")


def _set_words(owner: Engine, verb: str) -> None:
    with owner.begin() as connection:
        run(connection, f"ALTER TABLE batch_row {verb} TRIGGER {WORDS}")


def _add_past(registry: Registry, others: int) -> None:
    """Read the roster once, copy it into past batches, and add so many other people."""
    batch_id, _, _ = _make_ready(registry, 0)
    with registry.owner.begin() as connection:
        past_batches.approve_as_past(connection, batch_id, PAST)
        past_batches.add_other_people(connection, batch_id, others)
    require_equal("past batches", count(registry.owner, "approval"), PAST)
    require_equal("rows of all batches", count(registry.owner, "batch_row"), PAST * registry.rows)


def _analyze(owner: Engine) -> None:
    """Collect the statistics that autovacuum has collected wherever rosters have been read."""
    with owner.begin() as connection:
        run(connection, "ANALYZE")


def _upload(engine: Engine, period: int) -> UUID:
    """Insert a batch whose file is to be read; its id."""
    batch_id, first = uuid4(), FIRST_PERIOD + timedelta(days=past_batches.PERIOD_DAYS * period)
    batch = Batch(
        batch_id=batch_id,
        family_id=batch_id,
        parent_batch_id=None,
        status="reading",
        filename="roster.xml",
        period=first,
        period_end=first + timedelta(days=past_batches.PERIOD_DAYS - 1),
        uploaded_by="maria",
        uploaded_at=datetime.now(UTC),
        content_sha256=sha256(batch_id.bytes).hexdigest(),
    )
    with engine.begin() as connection:
        batches.insert_batch(connection, batch)
    return batch_id


def _timed(work: Callable[[], bool]) -> float:
    began = time.monotonic()
    require_equal("there is a batch", work(), True)
    return time.monotonic() - began


@contextmanager
def _registry(workplace: Workplace, file: Path, rows: int) -> Iterator[Registry]:
    """A database of ingest whose batches are all read from this file."""
    with workplace.database("ingest") as (service_url, owner_url):
        ingest = IngestHarness.make(service_url, file.parent)
        owner = connect(owner_url, "bench")
        reader = RosterReader(lambda _: file.open("rb"), ingest.encryption)
        try:
            yield Registry(ingest, owner, reader, rows)
        finally:
            ingest.engine.dispose()
            owner.dispose()


ROW = Row(
    "past",
    "50,000 rows read and checked after 26 past batches, with 500,000 other people",
    (
        Figure("time ÷ with an empty registry", digits=2, at_most=1.5),
        Figure("check ÷ with an empty registry", digits=2),
        Figure("time", "s"),
        Figure("time with an empty registry", "s"),
        Figure("reading with an empty registry", "s"),
        Figure("reading without words of the search", "s"),
    ),
    measure,
    runs=1,
    estimate_s=900,
)
