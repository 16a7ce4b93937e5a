"""The database refuses a wrong journal, from the service's role and from the owner."""

import pytest
from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ledger.tests.journal_sql import (
    HOLD,
    HOLD1,
    HOLD2,
    LATE,
    P1,
    P2,
    POSTED,
    RESERVED,
    REVERSE,
    SETTLE,
    UNDONE,
    Line,
    balances,
    entries,
    header,
    journal,
    refused,
)

pytestmark = pytest.mark.database


def test_the_four_journals_move_money_and_rows_from_layer_to_layer(connection: Connection) -> None:
    run(connection, HOLD)
    assert balances(connection) == {
        ("source:A", "pending"): (-500, -2),
        ("branch:X", "pending"): (300, 1),
        ("branch:Y", "pending"): (200, 1),
    }
    run(connection, SETTLE)
    assert balances(connection)[("branch:Y", "pending")] == (0, 0)
    assert balances(connection)[("branch:Y", "posted")] == (200, 1)
    run(connection, REVERSE)
    assert set(balances(connection).values()) == {(0, 0)}
    connection.commit()


WRONG = {
    "unbalanced": (
        journal(
            HOLD1,
            P1,
            "hold",
            [("source:A", "pending", -500, -1), ("branch:X", "pending", 499, 1)],
            rows=1,
        ),
        "does not sum to zero: -1 cents",
    ),
    "balanced only over both layers": (
        journal(
            HOLD1,
            P1,
            "hold",
            [("source:A", "pending", -500, -1), ("branch:X", "posted", 500, 1)],
            rows=1,
        ),
        "does not sum to zero",
    ),
    "rows that do not balance": (
        journal(
            HOLD1, P1, "hold", [("source:A", "pending", -500, -2), ("branch:X", "pending", 500, 1)]
        ),
        "does not sum to zero",
    ),
    "without entries": (header(HOLD1, P1, "hold"), "has no entries"),
    "header of more money than the entries": (
        journal(HOLD1, P1, "hold", RESERVED, cents=501),
        "not the sum its header declares",
    ),
    "header of more rows than the entries": (
        journal(HOLD1, P1, "hold", RESERVED, rows=3),
        "not the sum its header declares",
    ),
    "header of more entries": (
        journal(HOLD1, P1, "hold", RESERVED, count=4),
        "other entries than its header declares",
    ),
    "header of fewer entries": (
        journal(HOLD1, P1, "hold", RESERVED, count=2),
        "other entries than its header declares",
    ),
    "a hold in the posted layer": (
        journal(HOLD1, P1, "hold", POSTED),
        "not the sum its header declares",
    ),
    "a hold the wrong way round": (
        journal(HOLD1, P1, "hold", UNDONE),
        "not the sum its header declares",
    ),
    "entries of another batch": (
        f"WITH head AS ({header(HOLD1, P1, 'hold')}) {entries(HOLD1, RESERVED, batch=P2)}",
        "header declares",
    ),
    "entries of no journal": (entries(HOLD1, RESERVED), "does not exist"),
    "an entry of nothing": (
        journal(HOLD1, P1, "hold", [*RESERVED, ("branch:Z", "pending", 0, 0)]),
        "entry_",
    ),
    "an account that is neither": (
        journal(HOLD1, P1, "hold", [RESERVED[0], ("bank:X", "pending", 500, 2)]),
        "entry_account_check",
    ),
    "a final without a hold": (SETTLE, "has no hold"),
    "a reverse without a hold": (REVERSE, "has no hold"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_journal_is_refused(connection: Connection, name: str) -> None:
    statement, because = WRONG[name]
    with refused(connection, because):
        run(connection, statement)
    assert balances(connection) == {}


def test_header_and_entries_in_two_statements_are_refused_either_way(
    connection: Connection,
) -> None:
    with refused(connection, "has no entries"):
        run(connection, header(HOLD1, P1, "hold"))
        run(connection, entries(HOLD1, RESERVED))
    with refused(connection, "does not exist"):
        run(connection, entries(HOLD1, RESERVED))
        run(connection, header(HOLD1, P1, "hold"))


@pytest.mark.parametrize(
    "lines", [LATE, LATE[:1], RESERVED], ids=["balanced pair", "single", "the same again"]
)
@pytest.mark.parametrize("same_transaction", [True, False])
def test_an_entry_added_later_is_refused(
    connection: Connection, lines: list[Line], same_transaction: bool
) -> None:
    run(connection, HOLD)
    if not same_transaction:
        connection.commit()
    before = balances(connection)
    with refused(connection, "other entries than its header declares"):
        run(connection, entries(HOLD1, lines, first=4))
    if not same_transaction:
        assert balances(connection) == before
        with refused(connection, "entry_pkey"):
            run(connection, entries(HOLD1, RESERVED))


def test_a_late_pair_beside_a_good_journal_of_the_same_statement_is_refused(
    connection: Connection,
) -> None:
    run(connection, HOLD)
    connection.commit()
    other = header(HOLD2, P2, "hold")
    with refused(connection, "other entries than its header declares"):
        run(
            connection,
            f"""
            WITH head AS ({other}),
                 late AS ({entries(HOLD1, LATE, first=4)})
            {entries(HOLD2, RESERVED)}""",
        )
