"""A revision never changes: every upgrade, from nothing or from an older database, ends the same.

The frozen snapshots are `tests/migrations/<service>/<revision>.txt`; devtools/schema_snapshots.py
says how to make one for a new revision.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, pool

from devtools import schema_snapshots
from libs.common.database import migrate
from libs.common.database.engine import run

MakeDatabase = Callable[[str], tuple[str, str]]
REVISIONS = {
    service: migrate.history(schema_snapshots.migrations_of(service))
    for service in schema_snapshots.SERVICES
}


@pytest.mark.parametrize("service", schema_snapshots.SERVICES)
def test_every_revision_has_a_snapshot_and_every_snapshot_a_revision(service: str) -> None:
    migrations = schema_snapshots.migrations_of(service)
    assert len(REVISIONS[service]) == len(list(migrations.glob("[0-9]*.py")))
    folder = schema_snapshots.FOLDER / service
    assert {path.stem for path in folder.glob("*.txt")} == set(REVISIONS[service])


@pytest.mark.database
@pytest.mark.parametrize("service", schema_snapshots.SERVICES)
def test_after_each_step_the_schema_is_as_its_frozen_snapshot_says(
    service: str, make_database: MakeDatabase
) -> None:
    _, owner_url = make_database(service)
    migrations = schema_snapshots.migrations_of(service)
    for revision, found in schema_snapshots.steps(owner_url, migrations):
        assert schema_snapshots.difference(service, revision, found) == ""


@pytest.mark.database
@pytest.mark.parametrize("service", schema_snapshots.SERVICES)
def test_an_oldest_database_that_is_upgraded_is_as_a_fresh_one(
    service: str, make_database: MakeDatabase
) -> None:
    migrations = schema_snapshots.migrations_of(service)
    (_, oldest), (_, fresh) = make_database(service), make_database(service)
    migrate.upgrade(oldest, migrations, REVISIONS[service][0])
    migrate.upgrade(oldest, migrations)
    migrate.upgrade(fresh, migrations)
    upgraded = schema_snapshots.schema(oldest)
    assert upgraded == schema_snapshots.schema(fresh)
    assert schema_snapshots.difference(service, REVISIONS[service][-1], upgraded) == ""


@pytest.mark.database
def test_an_edited_old_migration_is_caught(make_database: MakeDatabase, tmp_path: Path) -> None:
    edited = tmp_path / "migrations"
    shutil.copytree(schema_snapshots.migrations_of("ledger"), edited)
    first = edited / "0001_start.py"
    text = first.read_text()
    assert "row_count int NOT NULL CHECK (row_count > 0)" in text
    first.write_text(
        text.replace(
            "row_count int NOT NULL CHECK (row_count > 0)",
            "row_count int NOT NULL CHECK (row_count >= 0)",
            1,
        )
    )
    _, owner_url = make_database("ledger")
    differences = [
        schema_snapshots.difference("ledger", revision, found)
        for revision, found in schema_snapshots.steps(owner_url, edited)
    ]
    assert all(
        "+" + " " * 8 + "payment_row_count_check CHECK ((row_count >= 0))" in one
        for one in differences
    )


CHANGES = {
    "a column": "ALTER TABLE journal ADD COLUMN more int",
    "a type": "ALTER TABLE waiting ALTER COLUMN version TYPE bigint",
    "a default": "ALTER TABLE payment ALTER COLUMN version SET DEFAULT 1",
    "a null": "ALTER TABLE payment ALTER COLUMN status_at DROP NOT NULL",
    "a constraint": "ALTER TABLE payment ADD CONSTRAINT more CHECK (amount_cents > 1)",
    "an index": "CREATE INDEX more ON payment (status)",
    "a trigger": "CREATE TRIGGER more BEFORE INSERT ON payment FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "a trigger that is switched off": "ALTER TABLE entry DISABLE TRIGGER USER",
    "a function": "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a grant": "GRANT TRUNCATE ON entry TO PUBLIC",
    "a grant of a function": "REVOKE EXECUTE ON FUNCTION keep_balances() FROM PUBLIC",
    "a table": "CREATE TABLE more (id int)",
    "an option": "ALTER TABLE payment SET (fillfactor = 50)",
    "a sequence": "CREATE SEQUENCE more",
    "a view": "CREATE VIEW more AS SELECT 1 AS one",
    "a type of its own": "CREATE TYPE more AS ENUM ('a', 'b')",
}


@pytest.fixture(scope="module")
def ledger(make_database: MakeDatabase) -> str:
    _, owner_url = make_database("ledger")
    migrate.upgrade(owner_url, schema_snapshots.migrations_of("ledger"))
    return owner_url


@pytest.mark.database
@pytest.mark.parametrize("what", CHANGES)
def test_each_kind_of_change_shows(what: str, ledger: str) -> None:
    owner = schema_snapshots.owner_of(ledger)
    engine = create_engine(ledger, poolclass=pool.NullPool)
    with engine.connect() as connection:
        before = schema_snapshots.describe(connection, owner)
        run(connection, CHANGES[what])
        assert schema_snapshots.describe(connection, owner) != before
        connection.rollback()
