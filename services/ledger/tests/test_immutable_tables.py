"""What is written stays: no update, no delete, no balance by hand. Each guard is needed."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from libs.common.database.engine import run
from services.ledger.store.guards import GUARDS
from services.ledger.tests.conftest import Database
from services.ledger.tests.journal_sql import (
    BATCH,
    HOLD,
    HOLD1,
    HOLD2,
    LATE,
    P1,
    POSTED,
    RELEASE,
    RELEASE1,
    RESERVED,
    SETTLE,
    UNDONE,
    balances,
    entries,
    header,
    journal,
    refused,
)

pytestmark = pytest.mark.database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET amount_cents = amount_cents * 2",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "UPDATE journal SET amount_cents = 1",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "TRUNCATE journal, entry",
        "UPDATE journal SET amount_cents = 1 WHERE false",
        "UPDATE certificate SET outcome = 'completed'",
        "DELETE FROM certificate",
        "TRUNCATE certificate",
        f"""
        INSERT INTO journal
        SELECT * FROM journal WHERE journal_id = '{HOLD1}'
        ON CONFLICT (journal_id) DO UPDATE SET amount_cents = 1""",
    ],
)
def test_what_is_written_stays_as_it_is(connection: Connection, statement: str) -> None:
    run(connection, HOLD)
    connection.commit()
    with refused(connection, "permission denied", "stays as it is"):
        run(connection, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE balance SET amount_cents = amount_cents + 1",
        f"INSERT INTO balance VALUES ('{BATCH}', 'branch:Z', 'posted', 1, 1)",
        "DELETE FROM balance",
        "TRUNCATE balance",
        "DO $$ BEGIN UPDATE balance SET amount_cents = 0; END $$",
        f"""
        INSERT INTO balance
        VALUES ('{BATCH}', 'source:A', 'pending', 1, 1)
        ON CONFLICT (batch_id, account, layer) DO UPDATE SET amount_cents = 0""",
    ],
)
def test_a_balance_is_changed_by_its_entries_alone(connection: Connection, statement: str) -> None:
    run(connection, HOLD)
    connection.commit()
    before = balances(connection)
    with refused(connection, "permission denied", "by its entries alone"):
        run(connection, statement)
    assert balances(connection) == before


def test_a_table_of_the_same_name_in_front_of_the_real_one_changes_nothing(
    database: Database,
) -> None:
    with database.service.connect() as connection:
        run(connection, "CREATE TEMPORARY TABLE journal AS SELECT * FROM journal WITH NO DATA")
        with refused(connection, "does not exist"):
            run(
                connection, f"WITH head AS ({header(HOLD1, P1, 'hold')}) {entries(HOLD1, RESERVED)}"
            )


#: Each guard, and what goes through without it.
WITHOUT = {
    "check_journals": ("journal", [], header(HOLD1, P1, "hold")),
    "check_entries": ("entry", [HOLD], entries(HOLD1, LATE, first=4)),
    "check_mirror": ("entry", [HOLD], journal(RELEASE1, P1, "release", RESERVED)),
    "guard_balance": ("balance", [HOLD], "UPDATE balance SET amount_cents = amount_cents + 1"),
    "refuse_change": ("entry", [HOLD], "UPDATE entry SET amount_cents = amount_cents * 2"),
}


@pytest.mark.parametrize("guard", WITHOUT)
def test_without_its_guard_each_would_go_through(database: Database, guard: str) -> None:
    table, before, statement = WITHOUT[guard]
    with database.owner.connect() as connection:
        for good in before:
            run(connection, good)
        point = connection.begin_nested()
        with pytest.raises(DBAPIError):
            run(connection, statement)
        point.rollback()
        run(connection, f"DROP TRIGGER {guard} ON {table}")
        assert run(connection, statement).rowcount > 0
        connection.rollback()  # the guard is back


@pytest.mark.parametrize(
    ("index", "statements"),
    [
        (
            "ALTER TABLE journal DROP CONSTRAINT journal_once",
            [HOLD, SETTLE, journal(HOLD2, P1, "settle", UNDONE + POSTED)],
        ),
        ("DROP INDEX journal_one_final", [HOLD, SETTLE, RELEASE]),
    ],
)
def test_without_its_unique_index_a_second_final_would_go_through(
    database: Database, index: str, statements: list[str]
) -> None:
    with database.owner.connect() as connection:
        run(connection, "DROP INDEX journal_one_final")
        if "journal_one_final" not in index:
            run(connection, index)
        for statement in statements:
            run(connection, statement)
        connection.rollback()


def test_every_guard_fires_for_a_replicating_session_too(database: Database) -> None:
    with database.owner.connect() as connection:
        kinds = run(
            connection, "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
        ).all()
    assert len(kinds) == len(GUARDS)
    assert {row.tgenabled for row in kinds} == {"A"}
