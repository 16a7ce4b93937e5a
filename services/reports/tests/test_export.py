"""The files against the events they came from.

The rules are written here from the contract; they are not shared with the code.
"""

import csv
import io
import json
import random
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import uuid5
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Connection, Engine

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.ledger import (
    AcknowledgedBreak,
    BreakAcknowledged,
    CertificateIssued,
)
from libs.common.contracts.events.rows import RowRead
from services.reports import consumers
from services.reports.export.report import Report, spool
from services.reports.store import queries
from services.reports.tests import factories

pytestmark = pytest.mark.database

COLUMNS = (
    "batch_id,file_row,row_id,payment_id,employee_id,first_name,last_name,branch_id,"
    "source_account_id,source_last4,institution_id,merchant_id,loan_last4,"
    "amount,amount_cents,currency,status,reason_code,reason,"
    "provider_payment_id,provider_status,source_trace_id,destination_trace_id,"
    "attempts,approved_by,approved_at,created_at,updated_at,completed_at,reversal_id"
)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
OUTCOMES = (
    "paid",
    "pending",
    "failed",
    "cancelled",
    "reversed",
    "unpayable",
    "refused",
    "excluded",
)
OUTCOME = {"completed": "paid"} | {
    name: name for name in ("failed", "cancelled", "reversed", "unpayable", "refused", "excluded")
}
AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
PAIRS = ",".join(f"{name}_count,{name}_amount" for name in OUTCOMES)


def stored(engine: Engine, events: list[Event], size: int = 500) -> None:
    for start in range(0, len(events), size):
        with engine.begin() as connection:
            consumers.apply(connection, events[start : start + size])


def open_report(connection: Connection, batch: factories.Sample) -> Report:
    known = queries.find_batch(connection, batch.batch_id)
    assert known is not None
    return Report(connection, known, factories.CIPHER)


def files(engine: Engine, batch: factories.Sample) -> dict[str, bytes]:
    with engine.connect() as connection:
        report = open_report(connection, batch)
        return {name: b"".join(report.csv(name)) for name in ("sources", "branches", "payments")}


def read(raw: bytes) -> list[dict[str, str]]:
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r") > 0
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8"), newline="")))


def cents(text: str) -> int:
    dollars, part = text.split(".")
    assert len(part) == 2
    return int(dollars + part)


def check(found: dict[str, bytes], rows: list[RowRead]) -> dict[int, dict[str, str]]:
    """Every rule of the contract; the lines of payments.csv by file row."""
    lines = read(found["payments"])
    assert ",".join(lines[0]) == COLUMNS
    by_row = {int(line["file_row"]): line for line in lines}
    assert len(lines) == len(by_row) == len(rows)
    groups: dict[str, defaultdict[str, Counter[str]]] = {
        "source_account_id": defaultdict(Counter),
        "branch_id": defaultdict(Counter),
    }
    for row in rows:
        line = by_row[row.file_row]
        assert (
            line["row_id"],
            line["employee_id"],
            line["branch_id"],
            line["source_account_id"],
        ) == (str(row.row_id), row.employee_id, row.branch_id, row.source_account_id)
        assert cents(line["amount"]) == int(line["amount_cents"]) == row.amount_cents
        outcome = OUTCOME.get(line["status"], "pending")
        assert line["reason"] or outcome in ("paid", "pending", "cancelled")
        for name in ("first_name", "last_name"):
            clear = factories.CIPHER.decrypt(getattr(row, name), name, str(row.row_id))
            assert line[name] in (clear, "'" + clear)
            assert line[name][:1] not in {"=", "+", "-", "@", "\t", "\r"}
            assert (line[name] == clear) is (clear[:1] not in {"=", "+", "-", "@", "\t", "\r"})
        for column, sums in groups.items():
            sums[line[column]].update(
                {
                    "rows": 1,
                    "amount": row.amount_cents,
                    f"{outcome}_count": 1,
                    f"{outcome}_amount": row.amount_cents,
                }
            )
    for name, column in (("sources", "source_account_id"), ("branches", "branch_id")):
        listed = read(found[name])
        assert [line[column] for line in listed] == sorted(groups[column])
        for line in listed:
            for key in ("rows", "amount", *PAIRS.split(",")):
                value = cents(line[key]) if key.endswith("amount") else int(line[key])
                assert value == groups[column][line[column]][key], (name, line[column], key)
    return by_row


def test_the_three_files_of_an_ended_batch_agree_with_each_other_and_with_every_row(
    engine: Engine,
) -> None:
    batch = factories.make(400, 21)
    stored(engine, batch.events)
    found = files(engine, batch)
    lines = check(found, batch.rows)
    assert {int(row): OUTCOME[line["status"]] for row, line in lines.items()} == {
        row.file_row: batch.ending[row.row_id] for row in batch.rows
    }
    paid = next(line for line in lines.values() if line["status"] == "completed")
    assert (paid["approved_by"], paid["provider_status"], paid["attempts"]) == (
        "approver",
        "posted",
        "1",
    )
    assert paid["completed_at"].startswith("2026-11-20T")
    assert paid["completed_at"].endswith("Z")
    assert read(found["sources"])[1]["payor_name"] == "'=Dunkin'"
    assert found["sources"].splitlines()[0].decode() == (
        "batch_id,source_account_id,payor_name,aba_routing,account_last4,currency,rows,amount,"
        + PAIRS
    )
    assert (
        found["branches"].splitlines()[0].decode()
        == "batch_id,branch_id,currency,rows,amount," + PAIRS
    )


def test_half_way_the_three_files_agree_as_well(engine: Engine) -> None:
    batch = factories.make(300, 22)
    rest = [event for event in batch.events if not isinstance(event, RowRead)]
    random.Random(22).shuffle(rest)
    stored(engine, [batch.events[0], *batch.rows])
    while rest:
        stored(engine, rest[:300])
        del rest[:300]
        check(files(engine, batch), batch.rows)


def test_a_batch_without_rows_gives_headers(engine: Engine) -> None:
    batch = factories.make(2, 1)
    stored(engine, batch.events[:1])
    assert all(
        raw.endswith(b"\r\n") and raw.count(b"\n") == 1 for raw in files(engine, batch).values()
    )


def test_workbook_and_archive_hold_the_same_and_no_formula_or_link(engine: Engine) -> None:
    batch = factories.make(120, 23)
    stored(engine, batch.events)
    with engine.connect() as connection:
        report = replace(open_report(connection, batch), freshness={"as_of": "now", "behind": ""})
        archive = zipfile.ZipFile(io.BytesIO(b"".join(spool(report.archive))))
    assert sorted(archive.namelist()) == [
        "branches.csv",
        "branches.xlsx",
        "manifest.json",
        "payments.csv",
        "payments.xlsx",
        "sources.csv",
        "sources.xlsx",
        "summary.pdf",
    ]
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["sha256"] == {
        name: sha256(archive.read(name)).hexdigest()
        for name in archive.namelist()
        if name != "manifest.json"
    }
    assert (manifest["as_of"], manifest["behind"]) == ("now", "")
    assert (manifest["batch_id"], manifest["control"]) == (
        str(batch.batch_id),
        "two people: uploaded by preparer, approved by approver",
    )
    assert archive.read("summary.pdf").startswith(b"%PDF-")
    check(
        {name: archive.read(f"{name}.csv") for name in ("sources", "branches", "payments")},
        batch.rows,
    )
    book = zipfile.ZipFile(io.BytesIO(archive.read("payments.xlsx")))
    sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    assert len(sheet.findall(f".//{space}row")) == 1 + len(batch.rows)
    assert not sheet.findall(f".//{space}f")
    assert not sheet.findall(f".//{space}hyperlink")
    assert "=cmd|' /C calc'!A0" in {
        "".join(cell.itertext()) for cell in sheet.findall(f".//{space}c")
    }
    for name in ("sources", "branches", "payments"):
        check_amounts(archive.read(f"{name}.xlsx"), archive.read(f"{name}.csv"))


def check_amounts(workbook: bytes, table: bytes) -> None:
    """Every amount is a number, so SUM adds to the cent what the CSV says; ids stay text."""
    lines = list(csv.DictReader(io.StringIO(table.decode())))
    book = zipfile.ZipFile(io.BytesIO(workbook))
    sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    formats = ET.fromstring(book.read("xl/styles.xml"))
    ids = {one.get("formatCode"): one.get("numFmtId") for one in formats.iter(f"{SHEET}numFmt")}
    styles = [one.get("numFmtId") for one in next(formats.iter(f"{SHEET}cellXfs"))]
    for at, name in enumerate(lines[0]):
        letter = re.compile(f"^{column_letter(at)}[0-9]+$")
        column = [
            cell
            for cell in sheet.iter(f"{SHEET}c")
            if letter.match(cell.get("r", "")) and cell.get("r") != f"{column_letter(at)}1"
        ]
        if name.endswith("amount"):
            assert len(column) == len(lines), name
            assert {cell.get("t", "n") for cell in column} == {"n"}, name
            assert {styles[int(cell.get("s", "0"))] for cell in column} == {ids["#,##0.00"]}, name
            total = sum(Decimal("".join(cell.itertext())) for cell in column)
            assert total == sum(Decimal(line[name]) for line in lines), name
        elif name.endswith(("_id", "_last4")):
            assert {cell.get("t") for cell in column} <= {"inlineStr"}, name
    pane, table_filter = sheet.find(f".//{SHEET}pane"), sheet.find(f"{SHEET}autoFilter")
    assert pane is not None
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")
    assert table_filter is not None
    last = column_letter(len(lines[0]) - 1)
    assert table_filter.get("ref") == f"A1:{last}{len(lines) + 1}"


def column_letter(at: int) -> str:
    """The letters of a column: 0 is A, 26 is AA."""
    return (chr(64 + at // 26) if at >= 26 else "") + chr(65 + at % 26)


def texts(raw: bytes, sheet: int) -> list[str]:
    """The texts of a sheet of a workbook."""
    found = ET.fromstring(zipfile.ZipFile(io.BytesIO(raw)).read(f"xl/worksheets/sheet{sheet}.xml"))
    return [
        "".join(one.itertext())
        for one in found.iter("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c")
    ]


def printed(raw: bytes) -> bytes:
    """The text operators of a PDF."""
    streams = [part.split(b"endstream", 1)[0].strip(b"\r\n") for part in raw.split(b"stream")[1::2]]
    return b"".join(zlib.decompress(part) for part in streams if part.startswith(b"\x78"))


@pytest.mark.parametrize("single", [False, True])
def test_every_report_says_whether_the_rule_of_two_people_was_off(
    engine: Engine, single: bool
) -> None:
    batch = factories.make(20, 25)
    stored(engine, factories.approved_by_uploader(batch) if single else batch.events)
    with engine.connect() as connection:
        report = open_report(connection, batch)
        archive = zipfile.ZipFile(io.BytesIO(b"".join(spool(report.archive))))
        stem = report.stem()
    sentence = (
        "SINGLE CONTROL: the rule that another person approves was switched off; "
        "uploaded and approved by preparer"
    )
    expected = sentence if single else "two people: uploaded by preparer, approved by approver"
    assert json.loads(archive.read("manifest.json"))["control"] == expected
    for name in ("sources", "branches", "payments"):
        about = texts(archive.read(f"{name}.xlsx"), 2)
        assert dict(zip(about[::2], about[1::2], strict=True))["control"] == expected
    assert (sentence.encode() in printed(archive.read("summary.pdf"))) is single
    assert stem == (f"{batch.batch_id}-single-control" if single else str(batch.batch_id))


def test_the_summary_lists_what_two_people_explained(engine: Engine) -> None:
    batch = factories.make(20, 25)
    explained = AcknowledgedBreak(
        break_id=uuid5(batch.batch_id, "break"),
        kind="orphan",
        found="1200 cents, paid at the provider",
        amount_cents=1200,
        act="by-hand",
        reason="paid on Monday",
        proposed_by="anna",
        confirmed_by="adam",
        confirmed_at=AT,
    )
    decided = BreakAcknowledged(
        **factories.envelope(batch.batch_id, "acknowledged"),
        batch_id=batch.batch_id,
        counts_after=AT,
        evidence="sha256:0",
        **explained.model_dump(
            include={"break_id", "act", "reason", "amount_cents", "proposed_by", "confirmed_by"}
        ),
    )
    events = [
        event.model_copy(update={"acknowledged": (explained,)})
        if isinstance(event, CertificateIssued)
        else event
        for event in batch.events
    ]
    stored(engine, [decided, *events])  # the decision itself is only told by the certificate
    with engine.connect() as connection:
        shown = printed(b"".join(spool(open_report(connection, batch).pdf)))
    for words in (b"orphan: 1200 cents, paid", b"by-hand: paid on Monday", b"anna, adam", b"12.00"):
        assert words in shown


def test_workbooks_and_the_summary_say_as_of_when_they_are_and_what_was_behind(
    engine: Engine,
) -> None:
    batch = factories.make(20, 26)
    stored(engine, batch.events)
    old = {"as_of": "2026-11-28T11:49:55.000Z", "behind": "Not applied yet: 7 messages of batches."}
    with engine.connect() as connection:
        report = replace(open_report(connection, batch), freshness=old)
        archive = zipfile.ZipFile(io.BytesIO(b"".join(spool(report.archive))))
    for name in ("sources", "branches", "payments"):
        about = texts(archive.read(f"{name}.xlsx"), 2)
        assert dict(zip(about[::2], about[1::2], strict=True)).items() >= old.items()
    summary = printed(archive.read("summary.pdf"))
    assert f"As of {old['as_of']}".encode() in summary
    assert old["behind"].encode() in summary
