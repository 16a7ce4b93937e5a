"""Journals in plain SQL, right and wrong ones, for the tests of what the database refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from libs.common.database.engine import run

BATCH = "00000000-0000-0000-0000-0000000000b1"
P1, P2 = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
HOLD1, HOLD2, SETTLE1, RELEASE1, REVERSE1 = (
    f"10000000-0000-0000-0000-00000000000{n}" for n in range(1, 6)
)
Line = tuple[str, str, int, int]  # account, layer, cents, rows
RESERVED: list[Line] = [
    ("source:A", "pending", -500, -2),
    ("branch:X", "pending", 300, 1),
    ("branch:Y", "pending", 200, 1),
]
UNDONE: list[Line] = [(account, layer, -cents, -rows) for account, layer, cents, rows in RESERVED]
POSTED: list[Line] = [(account, "posted", cents, rows) for account, _, cents, rows in RESERVED]
REVERSED: list[Line] = [(account, layer, -cents, -rows) for account, layer, cents, rows in POSTED]


def header(
    journal: str, payment: str, kind: str, cents: int = 500, rows: int = 2, count: int = 3
) -> str:
    return f"""
        INSERT INTO journal
        VALUES (
            '{journal}', '{BATCH}', '{payment}', '{kind}',
            {cents}, {rows}, {count}, '2026-11-20T00:00:00Z'
        )"""


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
    declared = len(lines) if count is None else count
    head = header(journal_id, payment, kind, cents, rows, declared)
    return f"WITH head AS ({head}) {entries(journal_id, lines)}"


HOLD = journal(HOLD1, P1, "hold", RESERVED)
SETTLE = journal(SETTLE1, P1, "settle", UNDONE + POSTED)
RELEASE = journal(RELEASE1, P1, "release", UNDONE)
REVERSE = journal(REVERSE1, P1, "reverse", REVERSED)
LATE = [("source:A", "pending", -7, -1), ("branch:X", "pending", 7, 1)]


@contextmanager
def refused(connection: Connection, *because: str) -> Iterator[None]:
    # A guard may refuse at the statement or at the commit.
    with pytest.raises(DBAPIError) as caught:  # noqa: PT012 - the statements are one case
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
