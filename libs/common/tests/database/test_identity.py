"""A replaced database is detected on the first new connection; one that was away is the same."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, create_engine

from libs.common.database.engine import connect, run
from libs.common.database.identity import DatabaseIdentity, DatabaseIdentityGuard, difference

BEFORE = DatabaseIdentity("7/5", "00000001", "16400", 70, 1_000)


@pytest.mark.parametrize(
    "now", [replace(BEFORE, wal_bytes=1_000), replace(BEFORE, outbox_id=71, wal_bytes=5_000)]
)
def test_a_database_that_went_on_is_the_same(now: DatabaseIdentity) -> None:
    assert difference(BEFORE, now) == ""


def test_tables_that_were_made_meanwhile_are_no_sign() -> None:
    assert difference(replace(BEFORE, version_table=""), BEFORE) == ""


@pytest.mark.parametrize(
    "now",
    [
        replace(BEFORE, database_id="7/6", wal_bytes=9_000),
        replace(BEFORE, timeline="00000002", wal_bytes=9_000),
        replace(BEFORE, version_table="16500", wal_bytes=9_000),
        replace(BEFORE, version_table="", wal_bytes=9_000),
        replace(BEFORE, outbox_id=69, wal_bytes=9_000),
        replace(BEFORE, wal_bytes=999),
    ],
)
def test_one_that_does_not_follow_is_another(now: DatabaseIdentity) -> None:
    assert difference(BEFORE, now)


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def ask(engine: Engine) -> None:
    with engine.connect() as connection:
        run(connection, "SELECT 1")


@pytest.mark.database
def test_a_replaced_database_is_detected_with_a_services_rights_before_the_connection_is_used(
    make_database: Callable[[str], tuple[str, str]], postgres_url: str
) -> None:
    url, owner_url = make_database("ingest")
    tables = (
        "CREATE TABLE alembic_version (id bigint)",
        "CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY)",
    )
    execute(owner_url, *tables)
    replaced: list[str] = []
    engine = connect(url, "test", 1)
    guard = DatabaseIdentityGuard(engine, replaced.append)
    ask(engine)
    name = urlsplit(url).path[1:]
    for _ in range(3):  # the server ends its connections, as when it is started again
        execute(
            postgres_url,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' "
            "AND pid <> pg_backend_pid()",
        )
        ask(engine)
    with engine.connect() as connection:
        guard.check(connection)
    assert replaced == []
    with engine.begin() as connection:
        run(connection, "INSERT INTO outbox DEFAULT VALUES")
        guard.check(connection)
    with engine.connect() as connection:
        assert guard.known is not None
        guard.check_and_advance(connection)
        assert guard.known.outbox_id == 0, "what was written a moment ago may not be on disk yet"
        guard.check_and_advance(connection)
    assert guard.known.outbox_id == 1
    execute(owner_url, "TRUNCATE outbox RESTART IDENTITY")  # in place, as by pg_restore --data-only
    with engine.connect() as connection:
        guard.check(connection)
    assert replaced == ["it has forgotten messages that it had written"]
    execute(
        owner_url, "DROP TABLE alembic_version", tables[0]
    )  # in place, as by pg_restore --clean
    with engine.connect() as connection:
        guard.check(connection)
    assert replaced[1:] == ["its tables are not those that were there"]
    execute(
        postgres_url,
        f'DROP DATABASE "{name}" WITH (FORCE)',
        f'CREATE DATABASE "{name}" OWNER "{urlsplit(owner_url).username}"',
    )
    ask(engine)
    assert replaced[2:] == ["it is another database under the same name"]
    engine.dispose()
