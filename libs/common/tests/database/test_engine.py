from typing import Any

import psycopg2
import pytest
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoneFree
from structlog.testing import capture_logs

from libs.common.contracts.errors import SettingsError
from libs.common.database.engine import connect, is_unavailable, parsed, run
from libs.common.tests.conftest import Store

NOWHERE = "postgresql+psycopg2://role:hunter2@127.0.0.1:1/none"


@pytest.mark.parametrize(
    "url", ["", "postgresql://h/d", "sqlite://", "postgresql+asyncpg://role:hunter2@h/d"]
)
def test_an_address_of_another_form_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        connect(url, "test")
    assert "hunter2" not in str(refused.value)


def test_a_server_that_cannot_be_reached_is_away() -> None:
    with pytest.raises(OperationalError) as failed, connect(NOWHERE, "test").connect():
        pass
    assert is_unavailable(failed.value)
    assert "hunter2" not in str(failed.value)


def test_what_the_client_itself_refuses_is_a_bug_and_not_a_server_that_is_away() -> None:
    assert not is_unavailable(
        ProgrammingError("SELECT", {}, psycopg2.ProgrammingError("can't adapt type 'dict'"))
    )


def test_a_lost_connection_is_away_whatever_its_class() -> None:
    assert is_unavailable(
        DatabaseError(
            "SELECT",
            {},
            psycopg2.DatabaseError("SSL SYSCALL error: EOF detected"),
            connection_invalidated=True,
        )
    )


def test_a_pool_of_which_no_connection_comes_back_is_away() -> None:
    assert is_unavailable(NoneFree("QueuePool limit of size 8 overflow 8 reached"))


@pytest.mark.parametrize("error", [ValueError("x"), SQLAlchemyError("x"), ConnectionError("x")])
def test_what_is_no_error_of_a_database_is_never_away(error: Exception) -> None:
    assert not is_unavailable(error)


@pytest.mark.database
@pytest.mark.parametrize(
    ("sql", "away"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '40001'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '40P01'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '55P03'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '53300'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '57P01'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '57P03'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '25P03'; END $$", True),
        ("SET TRANSACTION READ ONLY; INSERT INTO applied VALUES (DEFAULT)", True),
        ("SELECT 1 / 0", False),
        ("SELECT * FROM no_such_table", False),
        ("SELECT CAST('x' AS uuid)", False),
        ("INSERT INTO inbox VALUES (NULL, NULL)", False),
        ("DO $$ BEGIN RAISE EXCEPTION USING errcode = '57014'; END $$", False),
    ],
)
def test_the_servers_code_separates_unavailable_from_wrong(
    store: Store, sql: str, away: bool
) -> None:
    with pytest.raises(DBAPIError) as failed, store.engine.begin() as connection:
        run(connection, sql)
    assert is_unavailable(failed.value) is away


@pytest.mark.database
def test_a_connection_has_its_limits_and_its_name(store: Store) -> None:
    assert [
        store.rows(f"SHOW {name}")[0][0]
        for name in (
            "idle_in_transaction_session_timeout",
            "lock_timeout",
            "timezone",
            "application_name",
        )
    ] == ["30s", "20s", "UTC", "test"]


@pytest.mark.database
def test_a_warning_of_the_server_is_a_line_without_values(store: Store) -> None:
    with capture_logs() as lines, store.engine.begin() as connection:
        for level in ("WARNING", "NOTICE", "WARNING"):
            run(connection, f"DO $$ BEGIN RAISE {level} 'row 12345 of \"Ida\" is odd'; END $$")
    assert [(line["event"], line["kind"], line["reason"]) for line in lines] == [
        ("database_server", "WARNING", "row … of … is odd")
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg2://u:p@h:5432/d", {}),
        (
            "postgresql+psycopg2://u:p%2C@h1:5432,h2:5433/d",
            {"host": "h1,h2", "port": "5432,5433", "target_session_attrs": "read-write"},
        ),
        (
            "postgresql+psycopg2://u:p%2C@h1:5432,h2:5433/d?target_session_attrs=any&sslmode=require",
            {"host": "h1,h2", "target_session_attrs": "any", "sslmode": "require"},
        ),
    ],
)
def test_an_address_may_name_several_servers(url: str, expected: dict[str, str]) -> None:
    engine = connect(url, "test")
    _, arguments = engine.dialect.create_connect_args(engine.url)
    assert {name: arguments[name] for name in expected} == expected
    assert arguments["password"].startswith("p")


@pytest.mark.database
def test_the_server_that_is_there_and_accepts_writes_is_taken(store: Store) -> None:
    url = store.engine.url
    hosts = f"127.0.0.1:1,{url.host}:{url.port}"
    engine = connect(
        f"postgresql+psycopg2://{url.username}:{url.password}@{hosts}/{url.database}", "test"
    )
    with engine.connect() as connection:
        assert run(connection, "SHOW transaction_read_only").scalar() == "off"
    engine.dispose()


@pytest.mark.database
def test_a_server_that_became_read_only_is_left(store: Store) -> None:
    """As after a switch-over: the pool's connections still lead to the fenced server."""
    with store.engine.connect() as connection:
        before = run(connection, "SELECT pg_backend_pid()").scalar()
    insert = "INSERT INTO applied (event_id) VALUES (gen_random_uuid())"
    with pytest.raises(DBAPIError) as failed, store.engine.begin() as connection:
        run(connection, f"SET TRANSACTION READ ONLY; {insert}")
    assert is_unavailable(failed.value)
    assert failed.value.connection_invalidated
    with store.engine.connect() as connection:
        assert run(connection, "SELECT pg_backend_pid()").scalar() != before


@pytest.mark.database
def test_no_error_shows_the_values_of_a_statement(store: Store) -> None:
    with pytest.raises(DBAPIError) as failed, store.engine.begin() as connection:
        run(
            connection,
            "INSERT INTO applied (event_id) VALUES (NULL) RETURNING CAST(:loan AS text)",
            loan="0012345678",
        )
    assert "0012345678" not in str(failed.value)


@pytest.mark.database
def test_one_use_with_another_isolation_level_leaves_nothing_behind(store: Store) -> None:
    """With a level that is named, each ping of the connection costs one statement more."""
    store.engine.dispose()
    found: list[object] = []
    for level in ("AUTOCOMMIT", "REPEATABLE READ"):
        with store.engine.connect().execution_options(isolation_level=level) as connection:
            first: object = connection.connection.dbapi_connection
            run(connection, "SELECT 1")
        with store.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            assert id(raw) == id(first)
            found += [raw.isolation_level, raw.autocommit]
            found.append(run(connection, "SHOW transaction_isolation").scalar())
    assert found == [None, False, "read committed"] * 2


@pytest.mark.database
def test_the_text_of_a_statement_is_read_once_however_often_it_is_used(store: Store) -> None:
    sql = "SELECT CAST(:number AS int) + 1 AS next"
    before = parsed.cache_info()
    with store.engine.begin() as connection:
        found = [run(connection, sql, number=n).scalar_one() for n in range(5)]
    after = parsed.cache_info()
    assert found == [1, 2, 3, 4, 5]
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 4)
