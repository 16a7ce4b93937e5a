"""The database lets a hold end once, and only with its own money."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from libs.common.database.engine import run
from services.ledger.tests.conftest import Database
from services.ledger.tests.journal_sql import (
    HOLD,
    HOLD1,
    HOLD2,
    P1,
    POSTED,
    RELEASE,
    RELEASE1,
    RESERVED,
    REVERSE,
    REVERSE1,
    REVERSED,
    SETTLE,
    SETTLE1,
    UNDONE,
    balances,
    entries,
    header,
    journal,
    refused,
)

pytestmark = pytest.mark.database


AFTER_HOLD = {
    "a second hold": ([], journal(HOLD2, P1, "hold", RESERVED), "journal_once"),
    "a second settle": ([SETTLE], journal(HOLD2, P1, "settle", UNDONE + POSTED), "journal_once"),
    "release after settle": ([SETTLE], RELEASE, "journal_one_final"),
    "settle after release": ([RELEASE], SETTLE, "journal_one_final"),
    "settle of another amount": (
        [],
        journal(
            SETTLE1,
            P1,
            "settle",
            [
                ("source:A", "pending", 900, 2),
                ("branch:X", "pending", -700, -1),
                ("branch:Y", "pending", -200, -1),
                ("source:A", "posted", -900, -2),
                ("branch:X", "posted", 700, 1),
                ("branch:Y", "posted", 200, 1),
            ],
            cents=900,
        ),
        "not of the money and rows",
    ),
    "release of another amount": (
        [],
        journal(
            RELEASE1,
            P1,
            "release",
            [
                ("source:A", "pending", 400, 2),
                ("branch:X", "pending", -200, -1),
                ("branch:Y", "pending", -200, -1),
            ],
            cents=400,
        ),
        "not of the money and rows",
    ),
    "settle to other branches": (
        [],
        journal(
            SETTLE1,
            P1,
            "settle",
            [
                *UNDONE,
                ("source:A", "posted", -500, -2),
                ("branch:Z", "posted", 300, 1),
                ("branch:Y", "posted", 200, 1),
            ],
        ),
        "does not mirror",
    ),
    "settle split otherwise": (
        [],
        journal(
            SETTLE1,
            P1,
            "settle",
            [
                *UNDONE,
                ("source:A", "posted", -500, -2),
                ("branch:X", "posted", 200, 1),
                ("branch:Y", "posted", 300, 1),
            ],
        ),
        "does not mirror",
    ),
    "release that holds again": ([], journal(RELEASE1, P1, "release", RESERVED), "does not mirror"),
    "reverse without settle": ([], REVERSE, "reverses what was not settled"),
    "reverse after release": ([RELEASE], REVERSE, "reverses what was not settled"),
    "a second reverse": (
        [SETTLE, REVERSE],
        journal(HOLD2, P1, "reverse", REVERSED),
        "journal_once",
    ),
    "reverse of another amount": (
        [SETTLE],
        journal(
            REVERSE1,
            P1,
            "reverse",
            [("source:A", "posted", 1, 2), ("branch:X", "posted", -1, -2)],
            cents=1,
        ),
        "not of the money and rows",
    ),
}


@pytest.mark.parametrize("name", AFTER_HOLD)
def test_a_hold_ends_once_with_its_own_money(connection: Connection, name: str) -> None:
    before, statement, because = AFTER_HOLD[name]
    for good in (HOLD, *before):
        run(connection, good)
    connection.commit()
    with refused(connection, because, "does not mirror"):
        run(connection, statement)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, (_, _, because) in AFTER_HOLD.items()
        if because == "not of the money and rows"
    ],
)
def test_the_header_alone_shows_other_money_than_the_hold(database: Database, name: str) -> None:
    before, statement, because = AFTER_HOLD[name]
    with database.owner.connect() as connection:
        run(connection, "DROP TRIGGER check_mirror ON entry")
        for good in (HOLD, *before):
            run(connection, good)
        with pytest.raises(DBAPIError, match=because):
            run(connection, statement)
        connection.rollback()


def test_hold_and_final_may_come_in_one_statement(connection: Connection) -> None:
    both = f"""
        WITH a AS ({header(HOLD1, P1, "hold")}),
             b AS ({entries(HOLD1, RESERVED)}),
             c AS ({header(RELEASE1, P1, "release")})
        {entries(RELEASE1, UNDONE)}"""
    run(connection, both)
    connection.commit()
    assert set(balances(connection).values()) == {(0, 0)}
