"""Uploads over HTTP and reading, on a real database."""

import gzip
import hashlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest import staging
from services.ingest.roster.issue_codes import SENTENCES
from services.ingest.staging import RosterReader
from services.ingest.tests.harness import IngestHarness, spaced

pytestmark = pytest.mark.database
MakeXml = Callable[[int], bytes]


def test_a_roster_goes_from_upload_to_ready(ingest: IngestHarness, make_xml: MakeXml) -> None:
    answer = ingest.upload(make_xml(300), period="2026-11-20")
    assert (answer.status_code, answer.json()["status"]) == (202, "reading")
    batch_id = answer.json()["batch_id"]
    ingest.read_all()
    checking = ingest.batch(batch_id)
    assert (
        checking["status"],
        checking["digest"],
        checking["rows"]["payable"],
        checking["period"],
    ) == ("checking", None, 300, "2026-11-09")
    ready = ingest.check(batch_id)
    rows = ingest.rows(ready)
    assert ready["status"] == "ready"
    assert [row["file_row"] for row in rows] == list(range(1, 301))
    assert ready["amount_cents"]["total"] == sum(row["amount_cents"] for row in rows)
    unpayable = [row for row in rows if row["institution_id"] == "ins_116527"]
    assert ready["rows"] == {
        "total": 300,
        "payable": 300 - len(unpayable),
        "unpayable": len(unpayable),
        "refused": 0,
        "excluded": 0,
    }
    assert {(row["status"], row["reason_code"], row["payment_id"]) for row in unpayable} == {
        ("unpayable", "no_merchant", None)
    }
    for kind, name in (("sources", "source_account_id"), ("branches", "branch_id")):
        assert sum(one["rows"] for one in ready[kind]) == 300
        assert {one[name]: one["amount_cents"] for one in ready[kind]} == {
            one[name]: sum(row["amount_cents"] for row in rows if row[name] == one[name])
            for one in ready[kind]
        }
    assert ready["to_acknowledge"] == ["W_ABA_PREFIX", "W_EIN_LENGTH"]


def test_what_is_published_is_the_contract_and_holds_no_clear_number(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    first, second = ingest.published(ready["batch_id"], BatchChanged)
    assert (first.version, first.status, first.revision, first.digest) == (1, "checking", 1, None)
    assert (second.version, second.status, second.digest, second.row_messages) == (
        2,
        "ready",
        ready["digest"],
        20,
    )
    assert first.institutions
    assert (
        sum(source.rows.total for source in second.sources)
        == sum(branch.rows.total for branch in second.branches)
        == 20
    )
    messages = ingest.published(ready["batch_id"], RowRead)
    shown = {str(row["row_id"]): row for row in ingest.rows(ready)}
    assert {str(message.row_id) for message in messages} == set(shown)
    for message in messages:
        row, name = shown[str(message.row_id)], str(message.row_id)
        opened = {
            what: ingest.encryption.decrypt(getattr(message, what), what, name)
            for what in ("first_name", "last_name", "dob", "phone", "loan")
        }
        assert (message.status, message.amount_cents, message.employee_id) == (
            row["status"],
            row["amount_cents"],
            row["employee_id"],
        )
        assert (opened["first_name"], opened["loan"][-4:]) == (row["first_name"], row["loan_last4"])
        assert message.person_index == ingest.encryption.index.digest(
            "person", *(opened[what] for what in ("first_name", "last_name", "dob", "phone"))
        )
        assert message.loan_index == ingest.encryption.index.digest(
            "loan", message.institution_id, opened["loan"]
        )
        assert not any(
            opened[what] in message.model_dump_json() for what in ("dob", "phone", "loan")
        )
    with ingest.engine.connect() as connection:
        stored = run(
            connection,
            "SELECT body FROM outbox WHERE message_type = :kind AND correlation = :id LIMIT 1",
            kind=RowRead.name(),
            id=ready["batch_id"],
        ).scalar_one()
    assert RowRead.model_validate_json(stored).model_dump_json().count('":') == stored.count(
        '":'
    ), "the message lacks a field, or has one too many"
    source = second.sources[0]
    account = ingest.encryption.decrypt(
        source.account, "account", f"{ready['batch_id']}/{source.source_account_id}"
    )
    assert source.account_index == ingest.encryption.index.digest(
        "account", source.aba_routing, account
    )


def stored_contents(ingest: IngestHarness) -> list[bytes]:
    found = []
    for path in ingest.folder.path.glob("*.upload"):
        with ingest.folder.open(UUID(path.stem)) as file:
            found.append(file.read())
    return found


def test_the_same_bytes_while_live_are_refused_with_the_batch_they_are(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.upload(xml).json()["batch_id"]
    for again in (xml, gzip.compress(xml)):
        answer = ingest.upload(again)
        assert (answer.status_code, answer.json()["code"], answer.json()["batch_id"]) == (
            409,
            "upload.repeated",
            first,
        )
    assert ingest.upload(xml, repeat_reason="on purpose").status_code == 202
    assert ingest.upload(spaced(xml)).status_code == 202
    assert stored_contents(ingest).count(xml) == 2
    ingest.read_all()


def test_the_same_bytes_are_taken_again_after_a_discard(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    assert ingest.discard(ready).status_code == 200
    assert ingest.upload(xml).status_code == 202
    ingest.read_all()


def test_of_racing_uploads_of_the_same_bytes_one_wins(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    with ThreadPoolExecutor(3) as pool:
        for _ in range(20):
            data = make_xml(1)
            answers = [
                answer.result() for answer in [pool.submit(ingest.upload, data) for _ in range(3)]
            ]
            won = [answer.json()["batch_id"] for answer in answers if answer.status_code == 202]
            assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
            assert {
                answer.json()["batch_id"] for answer in answers if answer.status_code == 409
            } == set(won)
    ingest.read_all()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"content": b""}, 400, "E_FILE_EMPTY"),
        ({"headers": {"Content-Length": str(3 * 10**9)}}, 413, "upload.too-large"),
        ({"headers": {"Content-Encoding": "gzip"}}, 400, "E_FILE_GZIP"),
        ({"headers": {"Content-Encoding": "br"}}, 415, "upload.encoding"),
        ({"params": {"period": "2030-01-01"}}, 422, "period.too-far"),
        ({"who": "otto"}, 403, "auth.forbidden"),
        ({"who": "anna"}, 403, "auth.forbidden"),
        ({"headers": {"X-Paydown-Internal": "guess"}}, 401, "internal.token"),
    ],
)
def test_an_upload_that_cannot_be_taken_changes_nothing(
    ingest: IngestHarness, change: dict[str, object], status: int, code: str
) -> None:
    before = ingest.get("/batches")["total"]
    answer = ingest.call(
        "POST",
        "/batches",
        **{"who": "paula", "content": b"<root></root>", **change},  # type: ignore[arg-type] # fields by name
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ingest.get("/batches")["total"] == before
    assert not list((ingest.folder.path / "incoming").iterdir())


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda xml: xml[:-20], "E_FILE_TRUNCATED"),
        (lambda xml: b"<!DOCTYPE root>" + xml, "E_FILE_DOCTYPE"),
        (lambda _: b"hello", "E_FILE_TYPE"),
        (lambda _: b"<root></root>", "E_FILE_NO_ROWS"),
        (lambda xml: xml.replace(b"</LastName>", b" & Son</LastName>", 3), "E_FILE_AMPERSAND"),
    ],
)
def test_a_file_that_is_refused_leaves_no_row(
    ingest: IngestHarness, xml: bytes, damage: Callable[[bytes], bytes], code: str
) -> None:
    batch_id = ingest.upload(damage(xml)).json()["batch_id"]
    ingest.read_all()
    batch = ingest.batch(batch_id)
    assert (batch["status"], batch["error"]["code"], batch["rows"]["total"]) == (
        "rejected",
        code,
        0,
    )
    assert batch["error"]["message"].startswith(SENTENCES[code])
    in_row = code in {"E_FILE_AMPERSAND", "E_FILE_TRUNCATED"}
    assert (batch["error"]["row"] is not None) == in_row
    assert bool(batch["error"]["field"]) == in_row
    assert [issue["outcome"] for issue in batch["issues"]] == ["file"]
    assert ingest.approve(batch).status_code == 409
    (event,) = ingest.published(batch_id, BatchChanged)
    assert (event.status, event.row_messages) == ("rejected", 0)


def test_a_refused_row_is_shown_with_its_reason_and_the_rest_stays(
    ingest: IngestHarness, xml: bytes
) -> None:
    begin, end = xml.index(b"<Amount>"), xml.index(b"</Amount>")
    ready = ingest.ready(xml[:begin] + b"<Amount>$1,2.00" + xml[end:])
    assert ready["rows"]["refused"] == 1
    first = ingest.rows(ready, status="refused")[0]
    assert (first["file_row"], first["reason_code"], first["amount_cents"], first["amount"]) == (
        1,
        "E_AMOUNT_FORMAT",
        0,
        "0.00",
    )
    assert (first["reason_field"], first["reason_value"]) == ("Amount", "$1,2.00")
    payable = ingest.rows(ready, status="payable")[0]
    assert (payable["reason_field"], payable["reason_value"]) == ("", "")
    issue = ingest.get(f"/batches/{ready['batch_id']}/issues", outcome="row")["items"][0]
    assert (issue["file_row"], issue["field"], issue["code"], issue["value"]) == (
        1,
        "Amount",
        "E_AMOUNT_FORMAT",
        "$1,2.00",
    )
    assert ingest.approve(ready).status_code == 200


def test_rows_refused_for_their_payor_count_under_no_source(
    ingest: IngestHarness, xml: bytes
) -> None:
    rows = xml.split(b"</row>")
    payor = rows[0][rows[0].index(b"<Payor>") : rows[0].index(b"</Payor>")]
    number = payor[payor.index(b"<AccountNumber>") + 15 : payor.index(b"</AccountNumber>")]
    changed = rows[0].replace(number, b"1234567890123") + b"</row>" + b"</row>".join(rows[1:])
    ready = ingest.ready(changed)
    of_it = xml.count(b"<AccountNumber>" + number)
    assert ready["rows"]["refused"] == of_it
    assert [source["rows"] for source in ready["sources"] if source["source_account_id"] == ""] == [
        of_it
    ]
    assert {row["reason_code"] for row in ingest.rows(ready, status="refused")} == {
        "E_PAYOR_TWO_ACCOUNTS"
    }


def test_a_known_employee_with_another_birth_date_is_refused_and_with_another_branch_warned(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    first = make_xml(6)
    assert ingest.approve(ingest.ready(first)).status_code == 200
    dob = first[first.index(b"<DOB>") : first.index(b"</DOB>")]
    again = ingest.ready(first.replace(dob, b"<DOB>01-02-1991"), period="2026-12-20")
    assert {row["reason_code"] for row in ingest.rows(again, status="refused")} == {
        "E_EMPLOYEE_OTHER_DOB"
    }
    moved = ingest.ready(first.replace(b"BRC-", b"BRC-X"), period="2026-12-20")
    assert "W_EMPLOYEE_BRANCH" in moved["to_acknowledge"]
    assert moved["rows"]["refused"] == 0


def test_lists_are_paged_filtered_sorted_and_searched(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    ready = ingest.ready(make_xml(45))
    path, found, cursor = f"/batches/{ready['batch_id']}/rows", [], ""
    while cursor is not None:
        page = ingest.get(path, limit=20, cursor=cursor)
        found += [row["file_row"] for row in page["items"]]
        assert page["total"] == 45
        cursor = page["next"]
    assert found == list(range(1, 46))
    some = ingest.rows(ready)[7]
    assert some in ingest.rows(ready, q=some["last_name"].lower())
    assert {row["branch_id"] for row in ingest.rows(ready, branch=some["branch_id"])} == {
        some["branch_id"]
    }
    cents = [row["amount_cents"] for row in ingest.rows(ready, sort="-amount_cents")]
    assert cents == sorted(cents, reverse=True)
    assert ingest.rows(ready, q="%") == []
    other = ingest.get(path, limit=20, sort="-amount_cents")["next"]
    for wrong, code in (
        ({"cursor": "!!"}, "cursor.invalid"),
        ({"cursor": other}, "cursor.invalid"),
        ({"sort": "loan_index"}, "page.sort"),
    ):
        answer = ingest.call("GET", path, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_batches_of_the_very_same_bytes_are_found_by_their_hash(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    xml = make_xml(3)
    ready, _other = ingest.ready(xml), ingest.ready(make_xml(4))
    found = ingest.get("/batches", sha256=hashlib.sha256(xml).hexdigest().upper())
    assert [item["batch_id"] for item in found["items"]] == [ready["batch_id"]]
    assert ingest.get("/batches", sha256="0" * 64)["items"] == []
    assert ingest.get("/batches")["total"] >= 2


@pytest.mark.parametrize(
    "path",
    [
        "/batches/nonsense",
        f"/batches/{uuid4()}",
        f"/batches/{uuid4()}/rows",
        f"/batches/{uuid4()}/issues",
        "/payments/nonsense",
        f"/payments/{uuid4()}",
    ],
)
def test_an_unknown_id_is_404(ingest: IngestHarness, path: str) -> None:
    assert ingest.call("GET", path).status_code == 404


def test_a_reader_killed_in_the_middle_is_followed_by_another(
    ingest: IngestHarness, make_xml: MakeXml
) -> None:
    batch_id = ingest.upload(make_xml(4_500)).json()["batch_id"]
    url = ingest.engine.url.render_as_string(hide_password=False)
    script = f"""
import os, signal
from pathlib import Path
from services.ingest.store import bulk_copy
from services.ingest.tests.harness import IngestHarness

ingest = IngestHarness.make({url!r}, Path({str(ingest.folder.path)!r}))
copy_rows, copied = bulk_copy.copy_rows, []

def copy_and_die(connection, table, columns, records):
    copy_rows(connection, table, columns, records)
    copied.append(table)
    if len(copied) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

bulk_copy.copy_rows = copy_and_die
ingest.read_all()
"""
    died = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL
    assert ingest.batch(batch_id)["rows"]["total"] == 0
    until = time.monotonic() + 20  # the database must notice that its client is gone
    while ingest.batch(batch_id)["status"] == "reading" and time.monotonic() < until:
        ingest.read_all()
    assert ingest.check(batch_id)["rows"]["total"] == 4_500


def test_two_readers_do_not_read_the_same_file(ingest: IngestHarness, make_xml: MakeXml) -> None:
    ids = [ingest.upload(make_xml(500)).json()["batch_id"] for _ in range(2)]
    done: list[bool] = []

    def read() -> None:
        reader = RosterReader(ingest.folder.open, ingest.encryption)  # in a child process
        done.append(staging.read_next(ingest.engine, reader))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True, True]
    assert [ingest.batch(one)["status"] for one in ids] == ["checking", "checking"]
