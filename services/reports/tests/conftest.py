"""Databases for the tests of reports."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from libs.common.database import migrate
from libs.common.database.engine import connect, run

MIGRATIONS = Path("services/reports/migrations")
READ_MODEL = (
    *("batch", "row_messages", "file_row", "payment", "payment_row", "payment_change"),
    *("provider_event", "journal", "certificate", "judgement", "preflight", "dispatch"),
)
MESSAGING = ("inbox", "consumer_offset", "dead_letter")


def delete_all(engine: Engine, tables: Sequence[str]) -> None:
    with engine.begin() as connection:
        for table in tables:
            run(connection, f"DELETE FROM {table}")


@pytest.fixture(scope="session")
def migrated(make_database: Callable[[str], tuple[str, str]]) -> Iterator[Engine]:
    service_url, owner_url = make_database("reports")
    migrate.upgrade(owner_url, MIGRATIONS)
    engine = connect(service_url, "reports-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated: Engine) -> Engine:
    delete_all(migrated, (*READ_MODEL, *MESSAGING))
    return migrated
