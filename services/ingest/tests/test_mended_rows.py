"""Refused rows are downloaded with their reasons, mended, and paid as a child of their batch."""

import asyncio
import re
from typing import Any
from uuid import UUID

import pytest
from httpx import Response
from starlette.requests import ClientDisconnect

from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from libs.common.web.internal_auth import Actor
from services.ingest import refused_rows
from services.ingest.file_checks import FileChecks
from services.ingest.routes.mended_rows import DOWNLOADS_MAX
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import TOKEN, IngestHarness

pytestmark = pytest.mark.database


@pytest.fixture
def people(request: pytest.FixtureRequest) -> list[str]:
    """Employee ids nobody else has."""
    name = abs(hash(request.node.name)) % 10**8
    return [f"EMP--{name}-{number}" for number in range(4)]


@pytest.fixture
def parent(ingest: IngestHarness, people: list[str]) -> Any:
    """An approved batch: the rows 1 and 4 are paid, 2 and 3 are refused."""
    ready = ingest.ready(
        roster(
            of(people[0], "11110001"),
            of(people[1], "11110002", {"Amount": "$1,2.00", "Payor/DBA": None}),
            of(people[2], "11110003", {"Employee/DOB": "1988-03-10", "Payee/PlaidId": "x&amp;y"}),
            of(people[3], "11110004"),
        )
    )
    assert (ready["rows"]["payable"], ready["rows"]["refused"]) == (2, 2)
    assert ingest.approve(ready).status_code == 200
    return ingest.batch(ready["batch_id"])


def of(person: str, loan: str, more: dict[str, str | None] | None = None) -> str:
    number = f"{abs(hash(person)) % 10**8}"
    return row(
        {"Employee/DunkinId": person, "Payee/LoanAccountNumber": loan + number, **(more or {})}
    )


def download(ingest: IngestHarness, batch: Any, who: str = "paula") -> Response:
    return ingest.call("GET", f"/batches/{batch['batch_id']}/refused-rows.xml", who)


def send(ingest: IngestHarness, batch: Any, xml: str, who: str = "paula", **query: str) -> Response:
    path = f"/batches/{batch['batch_id']}/mended-rows"
    return ingest.call("POST", path, who, content=xml.encode(), params=query)


def mended(ingest: IngestHarness, batch: Any) -> str:
    text = download(ingest, batch).text.replace("$1,2.00", "$12.00")
    return text.replace("1988-03-10", "03-10-1988").replace("x&amp;y", "ins_116944")


def child_of(ingest: IngestHarness, answer: Response) -> Any:
    assert answer.status_code == 202, answer.text
    ingest.read_all()
    return ingest.check(answer.json()["batch_id"])


def read(ingest: IngestHarness, answer: Response) -> Any:
    """The batch after its file was read, which refused it."""
    assert answer.status_code == 202, answer.text
    ingest.read_all()
    return ingest.batch(answer.json()["batch_id"])


def test_the_file_has_the_refused_rows_as_written_each_after_its_reasons(
    ingest: IngestHarness, parent: Any, people: list[str]
) -> None:
    answer = download(ingest, parent)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.text.count("<row>") == 2
    ids = {one["file_row"]: one["row_id"] for one in ingest.rows(parent)}
    comments = re.findall(r"  <!-- (row .*?) -->\n  <row>", answer.text)
    assert [one.split(":")[0] for one in comments] == [f"row {n} ({ids[n]})" for n in (2, 3)]
    assert "Amount: The amount is not written like $1,234.56" in comments[0]
    assert "E_DOB_FORMAT" in comments[1]
    assert "E_INSTITUTION_FORMAT" in comments[1]
    assert "<DOB>1988-03-10</DOB>" in answer.text
    assert "<PlaidId>x&amp;y</PlaidId>" in answer.text
    assert f"<DunkinId>{people[1]}</DunkinId>" in answer.text  # `--` is only apart in comments
    assert "<AccountNumber>00012345678</AccountNumber>" in answer.text


def test_mended_rows_are_paid_as_a_child_and_are_in_no_later_download(
    ingest: IngestHarness, parent: Any
) -> None:
    answer = send(ingest, parent, mended(ingest, parent), filename="mended.xml")
    child = child_of(ingest, answer)
    assert (child["parent_batch_id"], child["family_id"]) == (parent["batch_id"],) * 2
    assert (child["period"], child["period_end"]) == (parent["period"], parent["period_end"])
    assert (child["rows"]["payable"], child["rows"]["total"]) == (2, 2)
    roots = {str(one.root_row_id) for one in ingest.published(child["batch_id"], RowRead)}
    assert roots == {one["row_id"] for one in ingest.rows(parent, status="refused")}
    assert ingest.approve(child).status_code == 200
    again = download(ingest, parent)
    assert (again.status_code, again.json()["code"]) == (409, "refused-rows.none")
    (shown,) = ingest.batch(parent["batch_id"])["child_batches"]
    assert (shown["batch_id"], shown["filename"], shown["is_mended"], shown["rows"]) == (
        child["batch_id"],
        "mended.xml",
        True,
        2,
    )


def test_two_files_that_mend_the_same_rows_pay_them_once(
    ingest: IngestHarness, parent: Any
) -> None:
    text = mended(ingest, parent)
    first = child_of(ingest, send(ingest, parent, text))
    repeated = send(ingest, parent, text)
    assert (repeated.status_code, repeated.json()["code"]) == (409, "upload.repeated")
    assert repeated.json()["batch_id"] == first["batch_id"]
    second = child_of(ingest, send(ingest, parent, text + "\n"))
    assert second["rows"]["payable"] == 2
    assert ingest.approve(first).status_code == 200
    late = ingest.approve(second)
    assert late.status_code == 409
    checked = ingest.check(second["batch_id"])
    assert (checked["rows"]["payable"], checked["rows"]["excluded"]) == (0, 2)
    assert {one["reason_code"] for one in ingest.rows(checked)} == {"already_in_payment"}


def test_what_is_paid_by_another_upload_is_not_paid_as_mended_rows(
    ingest: IngestHarness, parent: Any, people: list[str]
) -> None:
    other = ingest.ready(roster(of(people[1], "11110002")))
    assert ingest.approve(other).status_code == 200
    child = child_of(ingest, send(ingest, parent, mended(ingest, parent)))
    rows = {one["employee_id"]: one for one in ingest.rows(child)}
    assert rows[people[1]]["reason_code"] == "already_in_period"
    assert rows[people[2]]["status"] == "payable"


def test_a_mended_row_whose_loan_its_roster_pays_already_is_a_warning(
    ingest: IngestHarness, parent: Any, people: list[str]
) -> None:
    number = re.search(r"11110002\d+", download(ingest, parent).text)
    assert number
    paid = of(people[0], "11110001")
    loan = re.search(r"11110001\d+", paid)
    assert loan
    text = mended(ingest, parent).replace(number[0], loan[0])
    # The employee id of a row that was refused for its birth date may be wrong as well.
    text = text.replace(f"<DunkinId>{people[2]}<", f"<DunkinId>{people[0]}<")
    third = re.search(r"11110003\d+", text)
    assert third
    child = child_of(ingest, send(ingest, parent, text.replace(third[0], loan[0])))
    (found,) = [one for one in child["issues"] if one["code"] == "W_MENDED_ALSO_PAID"]
    assert found["count"] == 1
    (place,) = ingest.get(f"/batches/{child['batch_id']}/issues", code=found["code"])["items"]
    assert (place["file_row"], place["value"]) == (2, f"row 1 of batch {parent['batch_id']}")
    missing = ingest.approve(child, acknowledge=[])
    assert "W_MENDED_ALSO_PAID" in missing.json()["missing"]


def test_a_row_that_another_mended_file_pays_meanwhile_is_checked_again(
    ingest: IngestHarness, parent: Any, people: list[str]
) -> None:
    text = mended(ingest, parent)
    head, second, third = split(text)
    loan, other = re.search(r"11110002\d+", second), re.search(r"11110003\d+", third)
    assert loan
    assert other
    same = third.replace(other[0], loan[0]).replace(people[2], people[1])
    one = child_of(ingest, send(ingest, parent, head + second + "</root>"))
    two = child_of(ingest, send(ingest, parent, head + same + "</root>"))
    assert "W_MENDED_ALSO_PAID" not in two["to_acknowledge"]
    assert ingest.approve(one).status_code == 200
    assert ingest.approve(two).json()["code"] == "approval.claims-moved"
    assert "W_MENDED_ALSO_PAID" in ingest.check(two["batch_id"])["to_acknowledge"]


def split(text: str) -> tuple[str, str, str]:
    """What is before the first row, and both rows with their comments."""
    head, second, third = text.removesuffix("</root>\n").split("  <!-- row ")
    return head, f"<!-- row {second}", f"<!-- row {third}"


def test_a_row_that_is_not_among_the_refused_ones_refuses_the_whole_file(
    ingest: IngestHarness, parent: Any, people: list[str]
) -> None:
    text = mended(ingest, parent)
    head, second, third = split(text)
    paid = ingest.rows(parent, status="payable")[0]["row_id"]
    refused = ingest.rows(parent, status="refused")[0]["row_id"]
    cases = {
        "E_FILE_MENDED_LINK": head + second + third.partition("-->")[2],
        "E_FILE_MENDED_ROW": text.replace(refused, paid),
        "E_FILE_MENDED_TWICE": head + second + second + third,
        "E_FILE_MENDED_PERSON": text.replace(f"<DunkinId>{people[1]}<", "<DunkinId>EMP-other<"),
    }
    for code, changed in cases.items():
        end = "" if changed.endswith("</root>\n") else "</root>"
        batch = read(ingest, send(ingest, parent, changed + end))
        assert (batch["status"], batch["error"]["code"]) == ("rejected", code)
        assert batch["error"]["row"] in (1, 2)
        assert batch["rows"]["total"] == 0
    assert child_of(ingest, send(ingest, parent, text))["rows"]["payable"] == 2


def test_a_file_of_another_batch_mends_nothing_here(
    ingest: IngestHarness, parent: Any, make_xml: Any
) -> None:
    other = ingest.ready(make_xml(3))
    assert ingest.approve(other).status_code == 200
    batch = read(ingest, send(ingest, other, mended(ingest, parent)))
    assert batch["error"]["code"] == "E_FILE_MENDED_ROW"


def test_only_rows_of_an_approved_batch_are_mended(
    ingest: IngestHarness, people: list[str]
) -> None:
    ready = ingest.ready(roster(of(people[0], "2222"), of(people[1], "3333", {"Amount": "none"})))
    assert download(ingest, ready).status_code == 200
    answer = send(ingest, ready, download(ingest, ready).text)
    assert (answer.status_code, answer.json()["code"]) == (409, "child.parent-not-approved")
    assert "Nothing of the file was stored." in answer.json()["detail"]
    assert ingest.batch(ready["batch_id"])["child_batches"] == []
    assert list(ingest.folder.incoming.iterdir()) == []


def test_rows_that_stay_wrong_are_refused_again_and_mended_once_more(
    ingest: IngestHarness, parent: Any
) -> None:
    half = download(ingest, parent).text.replace("$1,2.00", "$12.00")
    child = child_of(ingest, send(ingest, parent, half))
    assert (child["rows"]["payable"], child["rows"]["refused"]) == (1, 1)
    assert ingest.approve(child).status_code == 200
    once_more = mended(ingest, child)
    assert once_more.count("<row>") == 1
    grandchild = child_of(ingest, send(ingest, child, once_more))
    assert grandchild["parent_batch_id"] == child["batch_id"]
    assert grandchild["rows"]["payable"] == 1
    roots = {str(one.root_row_id) for one in ingest.published(grandchild["batch_id"], RowRead)}
    assert roots == {ingest.rows(parent, status="refused")[1]["row_id"]}


def test_who_uploaded_the_parent_or_the_mended_rows_cannot_approve_them(
    ingest: IngestHarness, parent: Any
) -> None:
    child = child_of(ingest, send(ingest, parent, mended(ingest, parent), who="maria"))
    assert ingest.approve(child, "maria").json()["code"] == "approval.same-person"


def test_only_a_preparer_gets_the_file_of_refused_rows_and_sends_mended_ones(
    ingest: IngestHarness, parent: Any
) -> None:
    assert send(ingest, parent, "<root/>", who="anna").status_code == 403
    assert {
        who: download(ingest, parent, who).status_code for who in ("paula", "anna", "otto")
    } == {
        "paula": 200,
        "anna": 403,
        "otto": 403,
    }


def test_a_file_that_was_changed_on_the_disk_is_not_written(
    ingest: IngestHarness, parent: Any
) -> None:
    path = ingest.folder.path_of(UUID(parent["batch_id"]))
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    answer = download(ingest, parent)
    assert (answer.status_code, answer.json()["code"]) == (409, "refused-rows.file-lost")
    path.write_bytes(before)


def test_files_of_mended_rows_are_compared_with_what_was_uploaded(
    ingest: IngestHarness, parent: Any
) -> None:
    child = child_of(ingest, send(ingest, parent, mended(ingest, parent)))
    path = ingest.folder.path_of(child["batch_id"])
    path.write_bytes(path.read_bytes() + b" ")
    checks = FileChecks(ingest.engine, ingest.folder)
    sentences = [checks.check()["uploaded files"] for _ in range(3)]
    assert child["batch_id"] in sentences[-1]


def test_the_database_keeps_the_file_of_a_child(ingest: IngestHarness, parent: Any) -> None:
    child = child_of(ingest, send(ingest, parent, mended(ingest, parent)))
    with pytest.raises(Exception, match=r"rewrit|restrict"), ingest.engine.begin() as connection:
        run(
            connection,
            "DELETE FROM mended_file WHERE batch_id = :id",
            id=child["batch_id"],
        )


def leave(ingest: IngestHarness, batch: Any) -> None:
    """Ask for the file, and be gone before its first piece."""
    headers = Actor("paula", frozenset({"preparer"})).headers(TOKEN)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/batches/{batch['batch_id']}/refused-rows.xml",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        assert message["status"] == 200, message
        raise OSError

    with pytest.raises(ClientDisconnect):
        asyncio.run(ingest.web(scope, receive, send))


def test_clients_that_leave_at_once_keep_no_slot(ingest: IngestHarness, parent: Any) -> None:
    for _ in range(DOWNLOADS_MAX):
        leave(ingest, parent)
    assert download(ingest, parent).status_code == 200


def test_more_files_than_slots_are_not_even_checked(
    ingest: IngestHarness, parent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check reads the whole uploaded file."""
    checked, answers = 0, []
    check = refused_rows.check_refused_rows

    def check_and_ask(*given: Any) -> Any:
        nonlocal checked
        checked += 1
        if checked <= DOWNLOADS_MAX:  # another one comes meanwhile
            answers.append(download(ingest, parent).status_code)
        return check(*given)

    monkeypatch.setattr(refused_rows, "check_refused_rows", check_and_ask)
    assert download(ingest, parent).status_code == 200
    assert (answers, checked) == ([503, 200], DOWNLOADS_MAX)


def test_files_that_cannot_be_written_keep_no_slot(ingest: IngestHarness, make_xml: Any) -> None:
    batch = ingest.ready(make_xml(3))
    answers = [download(ingest, batch).status_code for _ in range(DOWNLOADS_MAX + 1)]
    assert answers == [409] * (DOWNLOADS_MAX + 1)


def test_a_copied_child_says_that_it_has_no_file(ingest: IngestHarness, make_xml: Any) -> None:
    copied = ingest.ready(make_xml(3))
    assert ingest.approve(copied).status_code == 200
    ingest.end(copied, ingest.payments(copied))
    child = ingest.child(copied, filter={"status": "failed"}).json()
    with ingest.engine.begin() as connection:
        run(
            connection,
            "UPDATE batch_row SET status = 'refused' WHERE batch_id = :id",
            id=child["batch_id"],
        )
    answer = download(ingest, child)
    assert (answer.status_code, answer.json()["code"]) == (409, "refused-rows.copied")
    assert copied["batch_id"] in answer.json()["detail"]
