"""What the database itself refuses, in plain SQL, to the service's role and to the owner; and that each guard is what refuses it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from libs.common.database.engine import run
from services.ledger.tests.conftest import Database

pytestmark = pytest.mark.database

BATCH = "00000000-0000-0000-0000-0000000000b1"
P1, P2 = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
HOLD1, HOLD2, SETTLE1, RELEASE1, REVERSE1 = (
    f"10000000-0000-0000-0000-00000000000{n}" for n in range(1, 6)
)

Line = tuple[str, str, int, int]  # account, layer, cents, rows
HELD: list[Line] = [
    ("source:A", "pending", -500, -2),
    ("branch:X", "pending", 300, 1),
    ("branch:Y", "pending", 200, 1),
]
UNDONE: list[Line] = [(account, layer, -cents, -rows) for account, layer, cents, rows in HELD]
POSTED: list[Line] = [(account, "posted", cents, rows) for account, _, cents, rows in HELD]
REVERSED: list[Line] = [(account, layer, -cents, -rows) for account, layer, cents, rows in POSTED]


def header(
    journal: str, payment: str, kind: str, cents: int = 500, rows: int = 2, count: int = 3
) -> str:
    return f"INSERT INTO journal VALUES ('{journal}', '{BATCH}', '{payment}', '{kind}', {cents}, {rows}, {count}, '2026-11-20T00:00:00Z')"


def entries(journal: str, lines: list[Line], first: int = 1, batch: str = BATCH) -> str:
    values = ", ".join(
        f"('{journal}', {n}, '{batch}', '{account}', '{layer}', {cents}, {rows})"
        for n, (account, layer, cents, rows) in enumerate(lines, start=first)
    )
    return f"INSERT INTO entry VALUES {values}"


def journal(
    journal_id: str,
    payment: str,
    kind: str,
    lines: list[Line],
    cents: int = 500,
    rows: int = 2,
    count: int | None = None,
) -> str:
    return f"WITH head AS ({header(journal_id, payment, kind, cents, rows, len(lines) if count is None else count)}) {entries(journal_id, lines)}"


HOLD = journal(HOLD1, P1, "hold", HELD)
SETTLE = journal(SETTLE1, P1, "settle", UNDONE + POSTED)
RELEASE = journal(RELEASE1, P1, "release", UNDONE)
REVERSE = journal(REVERSE1, P1, "reverse", REVERSED)


@pytest.fixture(params=["service", "owner"])
def connection(request: pytest.FixtureRequest, database: Database) -> Iterator[Connection]:
    engine = database.service if request.param == "service" else database.owner
    with engine.connect() as connection:
        yield connection


@contextmanager
def refused(connection: Connection, *because: str) -> Iterator[None]:
    with pytest.raises(DBAPIError) as caught:  # noqa: PT012 - a guard may speak at the statement or at the commit
        yield
        connection.commit()
    text = str(caught.value.orig)
    assert any(reason in text for reason in because), text
    connection.rollback()


def balances(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (row.account, row.layer): (row.amount_cents, row.row_count)
        for row in run(connection, "SELECT * FROM balance ORDER BY 1, 2")
    }


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
        journal(HOLD1, P1, "hold", HELD, cents=501),
        "not the sum its header declares",
    ),
    "header of more rows than the entries": (
        journal(HOLD1, P1, "hold", HELD, rows=3),
        "not the sum its header declares",
    ),
    "header of more entries": (
        journal(HOLD1, P1, "hold", HELD, count=4),
        "other entries than its header declares",
    ),
    "header of fewer entries": (
        journal(HOLD1, P1, "hold", HELD, count=2),
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
        f"WITH head AS ({header(HOLD1, P1, 'hold')}) {entries(HOLD1, HELD, batch=P2)}",
        "header declares",
    ),
    "entries of no journal": (entries(HOLD1, HELD), "does not exist"),
    "an entry of nothing": (
        journal(HOLD1, P1, "hold", [*HELD, ("branch:Z", "pending", 0, 0)]),
        "entry_",
    ),
    "an account that is neither": (
        journal(HOLD1, P1, "hold", [HELD[0], ("bank:X", "pending", 500, 2)]),
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
        run(connection, entries(HOLD1, HELD))
    with refused(connection, "does not exist"):
        run(connection, entries(HOLD1, HELD))
        run(connection, header(HOLD1, P1, "hold"))


LATE = [("source:A", "pending", -7, -1), ("branch:X", "pending", 7, 1)]


@pytest.mark.parametrize(
    "lines", [LATE, LATE[:1], HELD], ids=["balanced pair", "single", "the same again"]
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
            run(connection, entries(HOLD1, HELD))


def test_a_late_pair_beside_a_good_journal_of_the_same_statement_is_refused(
    connection: Connection,
) -> None:
    run(connection, HOLD)
    connection.commit()
    other = header(HOLD2, P2, "hold")
    with refused(connection, "other entries than its header declares"):
        run(
            connection,
            f"WITH head AS ({other}), late AS ({entries(HOLD1, LATE, first=4)}) {entries(HOLD2, HELD)}",
        )


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
        f"INSERT INTO journal SELECT * FROM journal WHERE journal_id = '{HOLD1}' ON CONFLICT (journal_id) DO UPDATE SET amount_cents = 1",
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
        f"INSERT INTO balance VALUES ('{BATCH}', 'source:A', 'pending', 1, 1) ON CONFLICT (batch_id, account, layer) DO UPDATE SET amount_cents = 0",
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
            run(connection, f"WITH head AS ({header(HOLD1, P1, 'hold')}) {entries(HOLD1, HELD)}")


AFTER_HOLD = {
    "a second hold": ([], journal(HOLD2, P1, "hold", HELD), "journal_once"),
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
    "release that holds again": ([], journal(RELEASE1, P1, "release", HELD), "does not mirror"),
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
    both = f"WITH a AS ({header(HOLD1, P1, 'hold')}), b AS ({entries(HOLD1, HELD)}), c AS ({header(RELEASE1, P1, 'release')}) {entries(RELEASE1, UNDONE)}"
    run(connection, both)
    connection.commit()
    assert set(balances(connection).values()) == {(0, 0)}


#: Each guard, and what goes through without it.
WITHOUT = {
    "check_journals": ("journal", [], header(HOLD1, P1, "hold")),
    "check_entries": ("entry", [HOLD], entries(HOLD1, LATE, first=4)),
    "check_mirror": ("entry", [HOLD], journal(RELEASE1, P1, "release", HELD)),
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
    assert len(kinds) == 8
    assert {row.tgenabled for row in kinds} == {"A"}
