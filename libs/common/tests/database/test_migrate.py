"""Which databases this code works with.

Its own revision, an older one to be migrated, and a newer one that only added something.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from libs.common.database import migrate
from libs.common.database.engine import connect, run

pytestmark = pytest.mark.database
MIGRATION = """
from alembic import op

revision = "thing_{number}"
down_revision = {before}


def upgrade() -> None:
    op.execute("{sql}")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, before, sql in (
        ("0001", None, "CREATE TABLE thing (a int)"),
        ("0002", '"thing_0001"', "ALTER TABLE thing ADD COLUMN b int"),
    ):
        (tmp_path / f"{number}_it.py").write_text(
            MIGRATION.format(number=number, before=before, sql=sql)
        )
    return tmp_path


@pytest.fixture
def owner(make_database: Callable[[str], tuple[str, str]]) -> str:
    return make_database("thing")[1]


@pytest.fixture
def engine(owner: str) -> Iterator[Engine]:
    made = connect(owner, "test")
    yield made
    made.dispose()


def at(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        run(connection, "UPDATE alembic_version SET version_num = :revision", revision=revision)


def test_an_empty_database_is_not_ready_and_not_refused(
    folder: Path, owner: str, engine: Engine
) -> None:
    migrate.refuse_newer(engine, folder)
    assert not migrate.at_head(engine, folder)
    migrate.upgrade(owner, folder)
    assert migrate.at_head(engine, folder)


def test_a_newer_version_that_only_added_something_is_worked_with_and_not_touched(
    folder: Path, owner: str, engine: Engine
) -> None:
    migrate.upgrade(owner, folder)
    at(engine, "thing_0007")
    migrate.refuse_newer(engine, folder)
    migrate.upgrade(owner, folder)
    assert migrate.at_head(engine, folder)
    with engine.connect() as connection:
        assert run(connection, "SELECT version_num FROM alembic_version").scalars().all() == [
            "thing_0007"
        ]


@pytest.mark.parametrize("revision", ["thing_c1_0007", "another_0007", "f3ab12", "thing_0001b"])
def test_a_newer_version_that_took_something_away_or_an_unknown_one_is_refused(
    folder: Path, owner: str, engine: Engine, revision: str
) -> None:
    migrate.upgrade(owner, folder)
    at(engine, revision)
    with pytest.raises(
        migrate.SchemaTooNew, match=f"at {revision}, which a newer version of paydown has made"
    ):
        migrate.refuse_newer(engine, folder)
    with pytest.raises(migrate.SchemaTooNew):
        migrate.upgrade(owner, folder)
    assert not migrate.at_head(engine, folder)


def test_an_older_one_waits_for_its_migration(folder: Path, owner: str, engine: Engine) -> None:
    migrate.upgrade(owner, folder, "thing_0001")
    migrate.refuse_newer(engine, folder)
    assert not migrate.at_head(engine, folder)


def test_a_newer_version_that_migrates_meanwhile_is_seen_when_the_lock_is_had(
    folder: Path, owner: str, engine: Engine
) -> None:
    migrate.upgrade(owner, folder, "thing_0001")
    with ThreadPoolExecutor(1) as pool, engine.connect() as newer:
        run(newer, "SELECT pg_advisory_lock(:lock)", lock=migrate.MIGRATION_LOCK)
        waiting = pool.submit(migrate.upgrade, owner, folder)
        while not run(
            newer, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).scalar():
            time.sleep(0.05)
        run(newer, "UPDATE alembic_version SET version_num = 'thing_0007'")
        newer.commit()
        run(newer, "SELECT pg_advisory_unlock(:lock)", lock=migrate.MIGRATION_LOCK)
        newer.commit()
        waiting.result(20)
    assert migrate.at_head(engine, folder)
