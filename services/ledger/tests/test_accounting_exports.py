"""Accounting exports against the ledger's journals, read back by independent tools."""

import csv
import io
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from libs.common.database.engine import run
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import BATCH, at, changed
from services.ledger.tests.harness import ENDS, batch_events, deliver, rows
from services.ledger.tests.http_client import Client, client_of

pytestmark = pytest.mark.database

MAPPING = [
    {"account": "source:*", "gl_account": "1010 Checking", "gl_type": "Assets"},
    {"account": "source:B", "gl_account": "1020 Savings", "gl_type": "Assets"},
    {"account": "branch:*", "gl_account": "6100:Student loans", "gl_type": "Expenses"},
    {
        "account": "branch:Z",
        "gl_account": "6100:Student loans",
        "gl_type": "Expenses",
        "cost_centre": "CC-900",
    },
    {"account": "outside:provider", "gl_account": "6900", "gl_type": "Expenses"},
]
COST_CENTRE_OF = {"X": "X", "Y": "Y", "Z": "CC-900"}
EXPORTS = "/accounting-exports"
PERIOD = {"through": "2026-11-20"}
Sums = dict[tuple[str, str], int]  # (account, cost centre) -> cents, a debit is positive


@pytest.fixture
def client(database: Database) -> Client:
    deliver(database.service, *batch_events(ENDS))
    made = client_of(database)
    answer = made.post("/account-mapping", {"base": 0, "lines": MAPPING, "reason": "first"})
    assert answer.json() == {"version": 1}, answer.text
    return made


def export(client: Client, **order: Any) -> dict[str, Any]:
    answer = client.post(EXPORTS, order)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def text_of(client: Client, made: dict[str, Any], name: str) -> str:
    answer = client.get(f"{EXPORTS}/{made['export_id']}/{name}")
    assert answer.status_code == 200
    return answer.content.decode()


def booked(database: Database, kind: str = "settle") -> Sums:
    """What the journals moved, in the accounts of the mapping, read from the entries alone."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows(
        database.service,
        """
        SELECT e.account, e.amount_cents
        FROM entry e
        JOIN journal j USING (journal_id)
        WHERE e.layer = 'posted' AND j.kind = :kind""",
        kind=kind,
    ):
        side, _, own_id = row.account.partition(":")
        if side == "source":
            account = ("1020 Savings" if own_id == "B" else "1010 Checking", "")
        else:
            account = ("6100:Student loans", COST_CENTRE_OF[own_id])
        sums[account] += row.amount_cents
    return dict(sums)


def cents(amount: str) -> int:
    return int(Decimal(amount or "0") * 100)


def read_generic(text: str) -> Sums:
    sums: Counter[tuple[str, str]] = Counter()
    for line in csv.DictReader(io.StringIO(text, newline="")):
        key = (line["account"], line["cost_centre"])
        sums[key] += cents(line["debit"]) - cents(line["credit"])
    return dict(sums)


def read_netsuite(text: str) -> Sums:
    sums: Counter[tuple[str, str]] = Counter()
    for line in csv.DictReader(io.StringIO(text, newline="")):
        assert line["Date"] == "11/20/2026"
        key = (line["Account"], line["Department"])
        sums[key] += cents(line["Debit"]) - cents(line["Credit"])
    return dict(sums)


def read_iif(text: str) -> Sums:
    sums: Counter[tuple[str, str]] = Counter()
    open_cents = 0
    for line in text.split("\r\n"):
        fields = line.split("\t")
        if fields[0] in ("TRNS", "SPL"):
            assert fields[2] == "11/20/2026"
            sums[fields[3], fields[4]] += cents(fields[5])
            open_cents += cents(fields[5])
        if fields[0] == "ENDTRNS":
            assert open_cents == 0
    return dict(sums)


def read_sap(text: str) -> Sums:
    sums: Counter[tuple[str, str]] = Counter()
    for line in text.split("\r\n"):
        fields = line.split(";")
        if fields[0] == "I":
            assert (fields[3], fields[5]) in (("40", "S"), ("50", "H"))
            sums[fields[4], fields[7]] += cents(fields[6]) * (1 if fields[5] == "S" else -1)
    return dict(sums)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("journals.csv", read_generic),
        ("netsuite.csv", read_netsuite),
        ("quickbooks.iif", read_iif),
        ("sap.txt", read_sap),
    ],
)
def test_every_file_has_the_debits_and_credits_of_the_journals(
    client: Client, database: Database, name: str, read: Any
) -> None:
    made = export(client, **PERIOD)
    assert read(text_of(client, made, name)) == booked(database)
    assert (made["number"], made["made_by"], made["amount"]) == (1, "Fina", "62.01")


def test_beancount_reads_the_export_without_an_error_and_finds_the_same_balances(
    client: Client, database: Database
) -> None:
    beancount = pytest.importorskip("beancount.loader", reason="in requirements/dev.txt")
    text = text_of(client, export(client, **PERIOD), "journals.beancount")
    entries, errors, _ = beancount.load_string(text)
    assert errors == []
    sums: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            key = (posting.account, (posting.meta or {}).get("cost-centre", ""))
            sums[key] += int(posting.units.number * 100)
            assert posting.units.currency == "USD"
    names = {
        "1010 Checking": "Assets:1010-Checking",
        "1020 Savings": "Assets:1020-Savings",
        "6100:Student loans": "Expenses:6100:Student-loans",
    }
    expected = {(names[a], centre): amount for (a, centre), amount in booked(database).items()}
    assert dict(sums) == expected


def test_a_journal_is_exported_once_and_a_later_return_comes_as_its_own_entry(
    client: Client, database: Database
) -> None:
    first = export(client, **PERIOD)
    before = {name: text_of(client, first, name) for name in ("journals.csv", "sap.txt")}
    again = client.post(EXPORTS, PERIOD)
    assert (again.status_code, again.json()["code"]) == (409, "export.state")
    assert "already" in again.json()["detail"]
    deliver(database.service, changed(1, 4, "reversed", occurred_at=at(600)))
    second = export(client, batch_id=str(BATCH))
    lines = list(csv.DictReader(io.StringIO(text_of(client, second, "journals.csv"), newline="")))
    assert {line["kind"] for line in lines} == {"reverse"}
    assert read_generic(text_of(client, second, "journals.csv")) == booked(database, "reverse")
    assert (second["number"], second["journals"]) == (2, 1)
    assert {line["document_date"] for line in lines} == {"2026-11-20"}
    assert {line["posting_date"] for line in lines} == {"2026-11-21"}, "the 20th is closed"
    assert {name: text_of(client, first, name) for name in before} == before


def test_a_month_shows_what_is_exported_and_which_export_closed_it(
    client: Client, database: Database
) -> None:
    def month() -> tuple[int, int, int | None]:
        (found,) = client.get(EXPORTS).json()["months"]
        return found["exported_journals"], found["open_journals"], found["closed_by"]

    assert month() == (0, 3, None)
    export(client, **PERIOD)
    assert month() == (3, 0, None), "through the 20th: the month is not over"
    deliver(database.service, changed(1, 4, "reversed", occurred_at=at(600)))
    assert month() == (3, 1, None)


def test_a_day_that_is_not_over_and_an_order_without_a_scope_are_refused(client: Client) -> None:
    for order in ({"through": "2999-01-01"}, {}, {"through": "2026-11-20", "batch_id": str(BATCH)}):
        assert client.post(EXPORTS, order).status_code == 409
    assert client.get(EXPORTS).json()["total"] == 0


def test_the_mapping_is_kept_with_its_history_and_an_old_export_keeps_its_accounts(
    client: Client,
) -> None:
    made = export(client, **PERIOD)
    before = text_of(client, made, "journals.csv")
    changed_lines = [{**line, "gl_account": "7000"} for line in MAPPING[2:3]] + MAPPING[:2]
    changed_lines += [{**MAPPING[4], "gl_account": "7900"}]
    stale = client.post("/account-mapping", {"base": 0, "lines": changed_lines, "reason": "r"})
    assert stale.status_code == 409
    done = client.post("/account-mapping", {"base": 1, "lines": changed_lines, "reason": "r"}, "Bo")
    assert done.json() == {"version": 2}
    history = client.get("/account-mapping").json()["versions"]
    assert [(v["version"], v["made_by"]) for v in history] == [(2, "Bo"), (1, "Fina")]
    assert text_of(client, made, "journals.csv") == before


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (MAPPING[:4], "no line for outside:provider"),
        ([*MAPPING, MAPPING[0]], "two lines for source:*"),
        ([*MAPPING, {**MAPPING[0], "account": "source:C", "gl_type": "Equity"}], "two types"),
        (
            [*MAPPING, {**MAPPING[0], "account": "source:C", "gl_account": "1010-Checking"}],
            "would be one",
        ),
    ],
)
def test_a_mapping_that_has_no_place_or_two_for_an_account_is_refused(
    client: Client, lines: list[dict[str, str]], reason: str
) -> None:
    answer = client.post("/account-mapping", {"base": 1, "lines": lines, "reason": "r"})
    assert (answer.status_code, answer.json()["code"]) == (422, "mapping.invalid")
    assert reason in answer.json()["detail"]


def test_without_a_mapping_nothing_is_exported(database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    answer = client_of(database).post(EXPORTS, PERIOD)
    assert (answer.status_code, "mapped" in answer.json()["detail"]) == (409, True)


HEADER = """
    INSERT INTO accounting_export (
        export_id, number, batch_id, through, mapping_version, journals, amount_cents,
        first_day, last_day, lines, made_by
    )
    VALUES (
        '00000000-0000-0000-0000-0000000000e9', 9, NULL, '2026-11-20', 1, {journals}, {cents},
        '2026-11-20', '2026-11-20', '[]', 'x'
    )"""
MARK = """
    WITH header AS ({header})
    INSERT INTO exported_journal
    SELECT journal_id, '00000000-0000-0000-0000-0000000000e9'
    FROM journal
    WHERE kind = '{kind}'"""


@pytest.mark.parametrize(
    "sql",
    [
        HEADER.format(journals=1, cents=1),  # an export without journals
        MARK.format(header=HEADER.format(journals=3, cents=6202), kind="settle"),  # other money
        MARK.format(header=HEADER.format(journals=2, cents=6201), kind="settle"),  # other number
        MARK.format(header=HEADER.format(journals=4, cents=7139), kind="hold"),  # no money moved
    ],
)
def test_the_database_refuses_an_export_that_is_not_of_its_journals(
    client: Client, connection: Connection, sql: str
) -> None:
    with pytest.raises(DatabaseError, match="export"):
        run(connection, sql)


def test_the_database_refuses_a_journal_in_two_exports(
    client: Client, connection: Connection
) -> None:
    export(client, **PERIOD)
    second = MARK.format(header=HEADER.format(journals=3, cents=6201), kind="settle")
    with pytest.raises(DatabaseError, match="exported_journal_pkey"):
        run(connection, second)


@pytest.mark.parametrize("table", ["exported_journal", "accounting_export", "account_mapping"])
def test_an_export_and_a_mapping_stay_as_they_are(
    client: Client, connection: Connection, table: str
) -> None:
    export(client, **PERIOD)
    with pytest.raises(DatabaseError, match=r"stays as it is|permission denied"):
        run(connection, f"DELETE FROM {table}")


def test_after_a_restore_the_last_number_in_the_books_is_asked_for(
    client: Client, database: Database
) -> None:
    with database.owner.begin() as connection:
        run(
            connection,
            """
            INSERT INTO restored (why, first_outbox_id, settled_at, proposed_by, released_by,
                released_at)
            VALUES ('older', 0, now(), 'a', 'b', now())""",
        )
    for order in (PERIOD, {**PERIOD, "last_number": 2}):
        answer = client.post(EXPORTS, order)
        assert (answer.status_code, "restored" in answer.text or "lost" in answer.text) == (
            409,
            True,
        )
    assert export(client, **PERIOD, last_number=0)["number"] == 1
    assert client.post(EXPORTS, PERIOD).json()["detail"].startswith("Every journal")
