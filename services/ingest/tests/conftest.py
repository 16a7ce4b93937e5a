"""An ingest on a database of its own, shared by the tests of a file.

Each test uploads people of its own.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from devtools import sample_roster
from libs.common.database.migrate import upgrade
from services.ingest.app import MIGRATIONS
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.harness import IngestHarness, consistent

_seeds = count(1000)


@pytest.fixture(scope="module")
def ingest(
    make_database: Callable[[str], tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IngestHarness]:
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    made = IngestHarness.make(service_url, tmp_path_factory.mktemp("files"))
    made.owner_url = owner_url
    yield made
    made.engine.dispose()


@pytest.fixture
def backed_up(
    postgres_url: str, make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[BackedUpIngest]:
    """An ingest on a database of this test alone, with backups."""
    made = BackedUpIngest.migrate(postgres_url, make_database("ingest"), tmp_path)
    yield made
    made.close()


@pytest.fixture
def xml() -> bytes:
    """A roster of twenty rows nobody else has."""
    return consistent(sample_roster.make(20, next(_seeds)))


@pytest.fixture
def make_xml() -> Callable[[int], bytes]:
    return lambda rows: consistent(sample_roster.make(rows, next(_seeds)))
