"""A bank's statement: read from its files, and matched with what the ledger says left."""

import random
import time
from collections import Counter
from datetime import date, timedelta

import pytest

from services.ledger.domain.bank_statement import BankLine, Comparison, Movement, compare
from services.ledger.finance.bank_files import BankFile, StatementUnreadable, read_bank_file
from services.ledger.tests.conftest import Database
from services.ledger.tests.harness import ENDS, batch_events, deliver
from services.ledger.tests.http_client import client_of

DAY = date(2026, 11, 20)
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>1</MsgId></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><Othr><Id>000123455544</Id></Othr></Id></Acct>{entries}</Stmt>
</BkToCstmrStmt></Document>"""
ENTRY = """<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>
<Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt>
<NtryDtls>{details}</NtryDtls></Ntry>"""
DETAIL = """<TxDtls><Refs><EndToEndId>{ref}</EndToEndId></Refs>
<Amt Ccy="USD">{amount}</Amt></TxDtls>"""


def entry(amount: str, side: str = "DBIT", *details: tuple[str, str], **more: str) -> str:
    parts = "".join(DETAIL.format(ref=ref, amount=part) for ref, part in details)
    values = {"currency": "USD", "status": "BOOK"} | more
    return ENTRY.format(amount=amount, side=side, details=parts, **values)


def camt(*entries: str) -> BankFile:
    return read_bank_file(CAMT.format(entries="".join(entries)))


def moved(number: int, cents: int, day: date = DAY, kind: str = "settle") -> Movement:
    return Movement(f"j{number}", f"p{number}", f"pmt_{number}", kind, day, cents)


def line(cents: int, text: str = "", day: date = DAY) -> BankLine:
    return BankLine(day, cents, text)


def match(lines: list[BankLine], movements: list[Movement]) -> Comparison:
    days = [one.day for one in lines]
    return compare(lines, movements, min(days), max(days) + timedelta(days=10))


def test_a_camt_entry_is_read_with_its_sign_its_day_and_its_references() -> None:
    found = camt(entry("5.00"), entry("3.10", "CRDT", ("pmt_9", "3.10")))
    assert found.account_last4 == "5544"
    assert found.lines == (line(-500), line(310, "pmt_9"))


def test_a_bulk_entry_is_split_only_where_its_parts_make_up_the_whole() -> None:
    whole = camt(entry("5.00", "DBIT", ("pmt_1", "2.00"), ("pmt_2", "3.00")))
    assert whole.lines == (line(-200, "pmt_1"), line(-300, "pmt_2"))
    short = camt(entry("5.00", "DBIT", ("pmt_1", "2.00"), ("pmt_2", "2.99")))
    assert [one.amount_cents for one in short.lines] == [-500]


def test_an_entry_that_is_not_booked_does_not_count() -> None:
    assert camt(entry("5.00"), entry("9.00", status="PDNG")).lines == (line(-500),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CAMT.format(entries=""), "no booked line"),
        (CAMT.format(entries=entry("5.00", currency="EUR")), "not in US dollars"),
        (CAMT.format(entries=entry("5.001")), "no amount"),
        (CAMT.format(entries=entry("5.00", "BOTH")), "no direction"),
        ("<a><b></a>", "no XML"),
        ("<a/>", "no CAMT.053"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        ("when,what\n1,2\n", "must name the columns"),
        ("date,amount\n2026-13-01,5.00\n", "no day"),
        ("date,amount\n2026-11-20,five\n", "no amount"),
        ("date,amount,currency\n2026-11-20,5.00,EUR\n", "not in US dollars"),
        ("date,amount\n2026-11-20,5.00\n2026-11-21", "Line 3 .* no amount"),
        ("date,amount\n", "no booked line"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(StatementUnreadable, match=reason):
        read_bank_file(text)


@pytest.mark.parametrize(
    "text",
    [
        'Date,Description,Amount\r\n11/20/2026,"ACH, pmt_1","-1,005.00"\r\n11/20/2026,in,2.5\r\n',
        '\ufeffDate,Debit,Credit,Memo\n2026-11-20,"1,005.00",,"ACH, pmt_1"\n2026-11-20,,2.5,in',
        'date,amount,memo\n2026-11-20,(1005.00),"ACH, pmt_1"\n2026-11-20,2.50,in\n',
    ],
)
def test_the_csv_files_of_banks_are_read_alike(text: str) -> None:
    assert read_bank_file(text).lines == (line(-100_500, "ACH, pmt_1"), line(250, "in"))


def test_a_reference_is_surer_than_an_amount() -> None:
    found = match([line(-500, "ACH pmt_2")], [moved(1, -500), moved(2, -500)])
    assert [(m.by, m.movements[0].journal_id) for m in found.matches] == [("reference", "j2")]
    assert [one.journal_id for one in found.only_in_ledger] == ["j1"]


def test_a_reference_with_other_money_is_no_match() -> None:
    found = match([line(-499, "pmt_1")], [moved(1, -500)])
    assert found.matches == ()
    assert (found.only_in_statement[0].amount_cents, found.only_in_ledger[0].journal_id) == (
        -499,
        "j1",
    )


def test_one_debit_of_a_whole_day_matches_its_payments() -> None:
    later = DAY + timedelta(days=3)
    found = match([line(-900, day=later)], [moved(1, -400), moved(2, -500)])
    assert [(m.by, len(m.movements)) for m in found.matches] == [("sum of a day", 2)]
    assert found.only_in_statement == ()


def test_an_amount_matches_within_the_days_a_bank_needs_and_no_longer() -> None:
    assert match([line(-500, day=DAY + timedelta(days=5))], [moved(1, -500)]).matches
    assert not match([line(-500, day=DAY + timedelta(days=6))], [moved(1, -500)]).matches
    assert not match([line(-500, day=DAY - timedelta(days=2))], [moved(1, -500)]).matches


def test_a_return_matches_a_credit_and_never_a_debit() -> None:
    back = moved(1, 500, kind="reverse")
    assert match([line(500)], [back]).matches
    assert not match([line(-500)], [back]).matches


def test_what_left_in_the_last_days_may_still_come() -> None:
    found = compare([line(-1)], [moved(1, -500), moved(2, -700, DAY - timedelta(days=9))], DAY, DAY)
    assert [one.journal_id for one in found.may_still_come] == ["j1"]
    assert found.only_in_ledger == (), "before the statement: an earlier one may have it"


@pytest.mark.parametrize("seed", range(20))
def test_every_line_and_every_movement_is_matched_once_or_left_over_once(seed: int) -> None:
    draw = random.Random(seed)
    days = [DAY + timedelta(days=n) for n in range(4)]
    movements = [
        moved(n, draw.choice((-1, 1)) * draw.randint(1, 6) * 100, draw.choice(days))
        for n in range(40)
    ]
    lines = [
        line(one.amount_cents, draw.choice(("", one.provider_payment_id)), draw.choice(days))
        for one in draw.sample(movements, 25)
    ] + [line(-12_345)]
    found = match(lines, movements)
    used = Counter(id(one) for m in found.matches for one in m.lines)
    used.update(id(one) for one in found.only_in_statement)
    assert used == Counter(id(one) for one in lines)
    taken = Counter(one.journal_id for m in found.matches for one in m.movements)
    taken.update(one.journal_id for one in (*found.only_in_ledger, *found.may_still_come))
    assert taken == Counter(one.journal_id for one in movements)
    for m in found.matches:
        assert sum(one.amount_cents for one in m.lines) == sum(
            one.amount_cents for one in m.movements
        )


def test_fifty_thousand_equal_amounts_are_matched_in_seconds() -> None:
    days = [DAY + timedelta(days=n) for n in range(5)]
    movements = [moved(n, -938, days[n % 5]) for n in range(50_000)]
    began = time.process_time()
    found = match([line(-938, day=days[n % 5]) for n in range(50_000)], movements)
    assert len(found.matches) == 50_000
    assert time.process_time() - began < 20


@pytest.mark.database
def test_a_statement_is_compared_with_one_source_account(database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    client = client_of(database)
    text = "date,amount,memo\n2026-11-20,-5.00,pmt_1\n2026-11-23,-4.00,a fee\n"
    found = client.post("/bank-statement", {"source_account_id": "A", "text": text}).json()
    matched = found["matched"]
    assert (matched["count"], matched["debit"], matched["credit"]) == (1, "5.00", "0.00")
    assert matched["by"] == {"reference": 1}
    assert [one["text"] for one in found["only_in_statement"]] == ["a fee"]
    assert (found["ledger_alone"]["count"], found["may_still_come"]["count"]) == (0, 0)
    other = client.post("/bank-statement", {"source_account_id": "B", "text": text}).json()
    assert other["matched"]["count"] == 0
    assert other["may_still_come"]["debit_cents"] == 1501 + 4200
    wrong = CAMT.format(entries=entry("5.00")).replace("000123455544", "000123450000")
    answer = client.post("/bank-statement", {"source_account_id": "A", "text": wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "bank.other-account")
