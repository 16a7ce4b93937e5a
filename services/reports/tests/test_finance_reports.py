"""Reports for finance: their sums against the ledger's journals, and their bytes afterwards."""

import csv
import io
import zipfile
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from libs.common.contracts.envelope import Event
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import CertificateIssued, JournalPosted
from libs.common.web import problem_details
from services.reports.routes.context import Context
from services.reports.routes.router import router
from services.reports.tests import factories
from services.reports.tests.http_client import BATCH, Client, store_all

pytestmark = pytest.mark.database

PATH = "/finance-reports"
OTHER = factories.make(60, 7)
OUTCOMES = (
    *("paid", "pending", "failed", "cancelled"),
    *("reversed", "unpayable", "refused", "excluded"),
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def in_period(batch: factories.Sample, period: str) -> list[Event]:
    return [
        e.model_copy(update={"period": period}) if isinstance(e, BatchChanged) else e
        for e in batch.events
    ]


@pytest.fixture
def two_batches(engine: Engine) -> None:
    store_all(engine, in_period(BATCH, "2026-10-19"))
    store_all(engine, in_period(OTHER, "2026-11-16"))


def make(client: Client, person: str = "Fina", **order: Any) -> dict[str, Any]:
    answer = client.post(PATH, {"by": ["source"], **order}, person)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lines(client: Client, report: dict[str, Any]) -> list[dict[str, str]]:
    path = f"{PATH}/{report['report_id']}/report.csv"
    content = client.get(path, headers={"X-Paydown-Roles": "auditor"}).content
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def cents(lines: list[dict[str, str]], column: str) -> int:
    return int(sum(Decimal(line[column]) for line in lines) * 100)


def paid_by_journals(*batches: factories.Sample) -> int:
    sign = Counter({"settle": 1, "reverse": -1})
    return sum(
        sign[e.kind] * e.amount_cents
        for batch in batches
        for e in batch.events
        if isinstance(e, JournalPosted)
    )


@pytest.mark.usefixtures("two_batches")
@pytest.mark.parametrize(
    "by",
    [
        *(["source"], ["branch"], ["servicer"], ["month"], ["status"], ["person"]),
        ["month", "source", "branch"],
    ],
)
def test_the_sums_equal_the_files_and_the_journals_however_they_are_grouped(
    client: Client, by: list[str]
) -> None:
    found = lines(client, make(client, by=by))
    rows = [*BATCH.rows, *OTHER.rows]
    assert sum(int(line["rows"]) for line in found) == len(rows)
    assert cents(found, "amount") == sum(row.amount_cents for row in rows)
    assert sum(cents(found, f"{name}_amount") for name in OUTCOMES) == cents(found, "amount")
    assert cents(found, "paid_amount") == paid_by_journals(BATCH, OTHER) > 0


@pytest.mark.usefixtures("two_batches")
def test_days_choose_the_batches_whose_pay_period_begins_in_them(client: Client) -> None:
    october = make(client, from_day="2026-10-01", to_day="2026-10-31", by=["month"])
    assert [line["month"] for line in lines(client, october)] == ["2026-10"]
    assert cents(lines(client, october), "paid_amount") == paid_by_journals(BATCH)
    named = make(client, batch_ids=[str(OTHER.batch_id)], by=["batch"])
    assert [line["batch_id"] for line in lines(client, named)] == [str(OTHER.batch_id)]
    none = client.post(PATH, {"from_day": "2030-01-01", "by": ["month"]}, "Fina")
    assert (none.status_code, none.json()["code"]) == (404, "reports.no-batch")


@pytest.mark.usefixtures("two_batches")
def test_the_manifest_says_who_when_from_which_versions_and_the_digest_of_each_file(
    client: Client,
) -> None:
    report = make(client, person="Fina Nance", by=["source", "status"])
    assert report["made_by"] == "Fina Nance"
    assert report["made_at"].endswith("Z")
    assert report["question"]["by"] == ["source", "status"]
    assert [
        (batch["batch_id"], batch["period"], batch["certificate_version"])
        for batch in report["batches"]
    ] == [(str(BATCH.batch_id), "2026-10-19", 1), (str(OTHER.batch_id), "2026-11-16", 1)]
    assert report["all_final"] is True
    for name, digest in report["sha256"].items():
        answer = client.get(f"{PATH}/{report['report_id']}/{name}")
        assert sha256(answer.content).hexdigest() == digest
        assert answer.headers["cache-control"] == "no-store"
    assert client.get(f"{PATH}/{report['report_id']}").json() == report
    assert client.get(PATH).json()["items"] == [report]


def test_a_report_has_the_same_bytes_after_its_figures_have_moved(
    client: Client, engine: Engine
) -> None:
    certificate = next(e for e in BATCH.events if isinstance(e, CertificateIssued))
    store_all(engine, BATCH.events)
    names = ("report.csv", "report-bom.csv", "report.xlsx", "report.pdf")
    first = make(client)
    before = {n: client.get(f"{PATH}/{first['report_id']}/{n}").content for n in names}
    assert before["report-bom.csv"] == b"\xef\xbb\xbf" + before["report.csv"]
    assert make(client, person="Someone else") == first, "the same answer is the same report"
    store_all(engine, [certificate.model_copy(update={"version": 2})])
    second = make(client)
    assert second["report_id"] != first["report_id"]
    assert [batch["certificate_version"] for batch in second["batches"]] == [2]
    after = {n: client.get(f"{PATH}/{first['report_id']}/{n}").content for n in names}
    assert after == before


@pytest.mark.usefixtures("two_batches")
def test_the_workbook_has_numbers_filters_a_frozen_header_and_the_totals(client: Client) -> None:
    report = make(client, by=["source", "branch"])
    content = client.get(f"{PATH}/{report['report_id']}/report.xlsx").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))
        about = archive.read("xl/worksheets/sheet2.xml").decode()
    rows = sheet.findall(f".//{SHEET}row")
    assert len(rows) == report["lines"] + 2
    assert sheet.find(f".//{SHEET}pane").attrib["ySplit"] == "1"  # type: ignore[union-attr] # it is there
    last = f"W{report['lines'] + 1}"
    assert sheet.find(f"{SHEET}autoFilter").attrib["ref"] == f"A1:{last}"  # type: ignore[union-attr] # it is there
    columns = csv_header(client, report).split(",")
    totals = {cell.attrib["r"].rstrip("0123456789"): cell for cell in rows[-1]}
    amount = totals[LETTERS[columns.index("amount")]]
    assert amount.findtext(f"{SHEET}f") == f"SUBTOTAL(109,G2:G{report['lines'] + 1})"
    assert Decimal(amount.findtext(f"{SHEET}v") or "") == Decimal(report["amount"])
    assert "t" not in amount.attrib, "a total is a number before anything calculates it"
    paid = totals[LETTERS[columns.index("paid_amount")]]
    assert int(Decimal(paid.findtext(f"{SHEET}v") or "") * 100) == paid_by_journals(BATCH, OTHER)
    assert str(OTHER.batch_id) in about
    assert "equals certificate version 1" in about
    source = rows[1][0]
    assert source.attrib["t"] == "inlineStr", "an id is text"
    assert "t" not in rows[1][columns.index("amount")].attrib, "an amount is a number"


def csv_header(client: Client, report: dict[str, Any]) -> str:
    content = client.get(f"{PATH}/{report['report_id']}/report.csv").content
    return content.decode().splitlines()[0]


def test_a_batch_that_is_not_complete_bars_the_report_by_its_name(
    client: Client, engine: Engine
) -> None:
    store_all(engine, [*in_period(BATCH, "2026-10-19")])
    store_all(engine, [e for e in OTHER.events if e is not OTHER.rows[0]])
    answer = client.post(PATH, {"by": ["source"]}, "Fina")
    assert (answer.status_code, answer.json()["code"]) == (503, "reports.incomplete")
    assert str(OTHER.batch_id) in answer.json()["detail"]
    assert client.get(PATH).json()["total"] == 0


def test_a_batch_that_is_not_final_is_said_to_be_so(client: Client, engine: Engine) -> None:
    paying = [e for e in BATCH.events if not isinstance(e, CertificateIssued)]
    kept = [e for e in paying if not isinstance(e, BatchChanged) or e.status == "approved"]
    store_all(engine, kept)
    report = make(client)
    assert report["all_final"] is False
    content = client.get(f"{PATH}/{report['report_id']}/report.xlsx").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"not final" in archive.read("xl/worksheets/sheet2.xml")


def test_a_report_waits_for_its_turn_and_is_refused_in_words(engine: Engine) -> None:
    context = Context(
        engine, "token", factories.CIPHER, 0.1, lambda *_: None, slots=BoundedSemaphore(1)
    )
    busy = FastAPI()
    problem_details.install_error_handlers(busy)
    busy.include_router(router(context))
    with context.export_slot():
        answer = Client(busy).post(PATH, {"by": ["source"]}, "Fina")
    assert (answer.status_code, answer.json()["code"]) == (503, "reports.busy")


@pytest.mark.usefixtures("two_batches")
def test_branches_and_sources_have_the_names_that_people_gave_behind_their_ids(
    client: Client,
) -> None:
    unnamed = make(client, by=["branch"])
    branch = next(row.branch_id for row in BATCH.rows if row.branch_id)
    order = {"kind": "branch", "id": branch, "base": 0, "name": "Boston"}
    assert client.post("/names", order, "Prea").status_code == 200
    named = make(client, by=["branch"])
    assert named["report_id"] != unnamed["report_id"], "its files show another name"
    shown = {line["branch_id"]: line["branch_name"] for line in lines(client, named)}
    assert shown[branch] == "Boston"
    assert set(shown.values()) == {"Boston", ""}


@pytest.mark.usefixtures("two_batches")
def test_a_report_by_person_is_for_those_who_may_see_persons(client: Client) -> None:
    report = make(client, by=["person"])
    path = f"{PATH}/{report['report_id']}/report.csv"
    for roles, status in (("auditor", 200), ("operator", 403), ("admin", 403), ("", 403)):
        answer = client.get(path, headers={"X-Paydown-Actor": "A", "X-Paydown-Roles": roles})
        assert answer.status_code == status
    order = {"by": ["person"]}
    assert client.post(PATH, order, "Ottla", roles="operator").status_code == 403
    sums = make(client, by=["source"])
    assert client.get(f"{PATH}/{sums['report_id']}/report.csv").status_code == 200
    text = client.get(path, headers={"X-Paydown-Roles": "auditor"}).text
    assert "Ada" not in text, "an employee is named by the id alone"


YEAR = {
    "year": 2026,
    "limit_cents": 525_000,
    "batches": [
        {
            "batch_id": str(BATCH.batch_id),
            "period": "2026-11-16",
            "status": "completed",
            "version": 9,
            "digest": "sha256:0",
        }
    ],
    "people": [
        {"employee_id": "EMP-1", "branch_id": "B", "payments": 26, "counted_cents": 525_001},
        {"employee_id": "=EMP", "branch_id": "", "payments": 1, "counted_cents": 100},
    ],
}


def test_the_list_of_a_year_has_what_is_left_and_what_is_over_to_the_cent(client: Client) -> None:
    report = client.post(f"{PATH}/yearly", YEAR, "Fina").json()
    assert (report["kind"], report["rows"], report["amount"]) == ("yearly", 27, "5251.01")
    assert (report["paid_amount"], report["as_of"]) == ("", "")  # some are approved and not paid
    content = client.get(
        f"{PATH}/{report['report_id']}/report.csv", headers={"X-Paydown-Roles": "auditor"}
    )
    found = list(csv.DictReader(io.StringIO(content.text, newline="")))
    assert [
        (line["employee_id"], line["amount"], line["left_amount"], line["over_amount"])
        for line in found
    ] == [("EMP-1", "5250.01", "0.00", "0.01"), ("'=EMP", "1.00", "5249.00", "0.00")]
    assert client.post(f"{PATH}/yearly", YEAR, "Other").json() == report
    more = {**YEAR, "limit_cents": 525_001}
    assert client.post(f"{PATH}/yearly", more, "Fina").json()["report_id"] != report["report_id"]
    assert client.post(f"{PATH}/yearly", YEAR, "Ottla", roles="operator").status_code == 403


@pytest.mark.usefixtures("two_batches")
def test_the_pdf_is_one_and_says_what_the_workbook_says(client: Client) -> None:
    report = make(client, by=["source"])
    answer = client.get(f"{PATH}/{report['report_id']}/report.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert sha256(answer.content).hexdigest() == report["sha256"]["report.pdf"]
