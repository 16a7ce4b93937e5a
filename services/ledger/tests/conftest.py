"""A migrated ledger database per module, and the events of a small batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, Engine

from libs.common.database.engine import connect, run
from libs.common.database.migrate import upgrade
from libs.common.recovery.rebuild import SCHEMA as REBUILT
from services.ledger.app import MIGRATIONS

TABLES = (
    "batch",
    "payment",
    "payment_row",
    "payment_change",
    "waiting",
    "statement_run",
    "statement_line",
    "reconciliation_break",
    "inbox",
    "outbox",
    "dead_letter",
    "consumer_offset",
    "restored",
    "acknowledgement_proposal",
)
GUARDED = (
    *("acknowledgement", "correction", "certificate", "entry", "journal", "balance"),
    *("exported_journal", "accounting_export", "account_mapping", "source_available"),
)


@dataclass(frozen=True)
class Database:
    service: Engine
    owner: Engine
    owner_url: str
    service_url: str

    def empty(self) -> None:
        with self.owner.begin() as connection:
            # A rebuild that found differences keeps its store in this schema, for a look.
            run(connection, f"DROP SCHEMA IF EXISTS {REBUILT} CASCADE")
            for table in GUARDED:
                run(connection, f"ALTER TABLE {table} DISABLE TRIGGER USER")
            run(connection, f"TRUNCATE {', '.join((*TABLES, *GUARDED))}")
            for table in GUARDED:
                run(connection, f"ALTER TABLE {table} ENABLE TRIGGER USER")
            for table, function in run(
                connection,
                "SELECT CAST(tgrelid AS regclass), tgname FROM pg_trigger WHERE NOT tgisinternal",
            ).all():
                run(connection, f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {function}")


@pytest.fixture(scope="session")
def ledger_database(make_database: Callable[[str], tuple[str, str]]) -> Iterator[Database]:
    service_url, owner_url = make_database("ledger")
    upgrade(owner_url, MIGRATIONS)
    found = Database(
        connect(service_url, "test", 3), connect(owner_url, "test-owner", 3), owner_url, service_url
    )
    yield found
    found.service.dispose()
    found.owner.dispose()


@pytest.fixture
def database(ledger_database: Database) -> Database:
    ledger_database.empty()
    return ledger_database


@pytest.fixture(params=["service", "owner"])
def connection(request: pytest.FixtureRequest, database: Database) -> Iterator[Connection]:
    """A connection of the service's role, then one of the owner's."""
    engine = database.service if request.param == "service" else database.owner
    with engine.connect() as connection:
        yield connection
