"""SQL stands in `store` only.

Elsewhere a service imports no database package, holds no SQL and executes none.
"""

from pathlib import Path

import pytest

from devtools import paths
from tests.contracts.source_rules import SERVICES, Violation, relative
from tests.contracts.sql_rules import violations

#: In libs/common SQL stands in the module that owns the table, the lock or the catalog's question.
OWNERS_IN_LIBS = frozenset(
    {
        "libs/common/crypto/key_check.py",  # columns that a service names
        "libs/common/database/alembic/env.py",
        "libs/common/database/engine.py",  # `run` itself
        "libs/common/database/identity.py",  # the catalog
        "libs/common/database/migrate.py",  # alembic_version, and a lock
        "libs/common/database/pooler.py",  # locks and settings of a session
        "libs/common/database/server_checks.py",  # the catalog
        "libs/common/messaging/dead_letters.py",
        "libs/common/messaging/inbox.py",
        "libs/common/messaging/offsets.py",
        "libs/common/messaging/outbox.py",
        "libs/common/messaging/relay.py",  # a lock, and LISTEN
        "libs/common/recovery/quarantine.py",  # restored, and a lock
        "libs/common/recovery/rebuild.py",  # the schema `rebuild`
        "libs/common/recovery/republish.py",  # the relay's lock
        "libs/common/runtime/health.py",  # which tables there are
    }
)
PLANTED = [
    "from libs.common.database.engine import run",
    "from libs.common.database.engine import run as execute_sql",
    "from libs.common.database import engine\nengine.run(None, 'x')",
    "from sqlalchemy import text",
    "from sqlalchemy import create_engine",
    "import sqlalchemy",
    "from sqlalchemy.sql import select",
    "from sqlalchemy.orm import Session",
    "import psycopg2",
    "from psycopg2.extras import execute_values",
    "def f(connection):\n    connection.execute(store.QUERY)",
    "def f(connection):\n    connection.exec_driver_sql('x')",
    "QUERY = 'SELECT batch_id FROM batch'",
    "QUERY = f'SELECT {COLUMNS} FROM batch'",
    'QUERY = """\n    INSERT INTO batch (batch_id)\n    VALUES (:id)"""',
    "def f(c):\n    c.go('UPDATE batch SET status = 1')",
    "def f(c):\n    c.go('DELETE FROM batch')",
    "QUERY = 'WITH mine AS (SELECT 1) SELECT 2'",
    "LOCK = 'LOCK TABLE batch IN EXCLUSIVE MODE'",
    "ORDER = ' ORDER BY amount_cents DESC'",
    "FILTER = 'WHERE status = :status'",
    "FILTER = 'redriven_at IS NULL'",
    "CLAUSE = 'ON CONFLICT DO NOTHING'",
]
ACCEPTED = '''
"""Takes a batch: SELECT and INSERT INTO are words of a docstring here."""
from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy import exc
from libs.common.database.engine import connect, is_unavailable
from services.ingest.store import batches


def apply(connection: Connection, loop) -> None:
    """Applies it; nothing is done ON CONFLICT."""
    batches.insert(connection, "Select a file, then update it where it is wrong.")
    loop.run("from the store")
    log.info("deleted from the list; order by name")
'''


def outside_store(service: str) -> list[Path]:
    """A service's files in which SQL may not stand."""
    folder = paths.ROOT / "services" / service
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if path.relative_to(folder).parts[0] not in {"store", "store.py", "migrations", "tests"}
    ]


def breaking(files: list[Path]) -> set[str]:
    return {relative(path) for path in files if violations(path.read_text())}


def first_violations(name: str) -> list[Violation]:
    return violations((paths.ROOT / name).read_text())[:3]


@pytest.mark.parametrize("service", SERVICES)
def test_sql_stands_in_store_only(service: str) -> None:
    found = {name: first_violations(name) for name in breaking(outside_store(service))}
    assert found == {}


def test_what_stands_beside_the_services_holds_no_sql() -> None:
    assert breaking(sorted((paths.ROOT / "services").glob("*.py"))) == set()


def test_in_libs_sql_stands_in_the_module_that_owns_the_table() -> None:
    folder = paths.ROOT / "libs" / "common"
    files = [
        path
        for path in folder.rglob("*.py")
        if not {"tests", "testing"} & set(path.relative_to(folder).parts)
    ]
    assert breaking(files) == OWNERS_IN_LIBS


@pytest.mark.parametrize("source", PLANTED)
def test_each_way_to_the_database_is_found(source: str) -> None:
    assert violations(source)


def test_handles_errors_and_english_are_accepted() -> None:
    assert violations(ACCEPTED) == []
