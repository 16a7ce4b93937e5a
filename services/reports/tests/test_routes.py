"""The internal HTTP of reports on a real PostgreSQL."""

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import CertificateIssued, Outcome
from libs.common.contracts.events.payments import PaidRow, PaymentChanged
from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from libs.common.web import problem_details
from libs.common.web.pagination import write_cursor
from services.reports import consumers
from services.reports.routes import files
from services.reports.routes.context import Context
from services.reports.routes.router import router
from services.reports.tests import factories

pytestmark = pytest.mark.database
BATCH = factories.make(120, 41)
PATH = f"/batches/{BATCH.batch_id}"
ITEM = {
    "first_name",
    "last_name",
    "payment_id",
    "status",
    "version",
    "amount",
    "amount_cents",
    "source_account_id",
    "employee_id",
    "institution_id",
    "loan_last4",
    "rows",
    "provider_payment_id",
    "provider_status",
    "attempts",
    "reason_code",
    "reason",
}


@dataclass
class Client:
    app: FastAPI

    def get(
        self, path: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app), base_url="http://reports"
            ) as client:
                return await client.get(
                    path, params=params, headers={"X-Paydown-Internal": "token"} | (headers or {})
                )

        return asyncio.run(ask())


@pytest.fixture
def client(engine: Engine) -> Client:
    app = FastAPI()
    problem_details.install_error_handlers(app)
    app.include_router(
        router(Context(engine, "token", factories.CIPHER, 0.3, lambda _connection, _batch_id: None))
    )
    return Client(app)


@pytest.fixture
def whole(engine: Engine) -> None:
    store_all(engine, BATCH.events)


def store_all(engine: Engine, events: Any) -> None:
    with engine.begin() as connection:
        consumers.apply(connection, events)


def test_no_answer_without_the_token(client: Client) -> None:
    assert client.get(f"{PATH}/summary", headers={"X-Paydown-Internal": "wrong"}).status_code == 401


def test_before_an_approval_all_counts_are_zero_and_unknown_files_are_404(
    client: Client, engine: Engine
) -> None:
    store_all(engine, [BATCH.events[0], *BATCH.rows])
    found = client.get(f"{PATH}/summary").json()
    assert set(found["payments"].values()) == set(found["payment_amount_cents"].values()) == {0}
    other = client.get(f"/batches/{factories.SPACE}/reports/sources.csv")
    assert (other.status_code, other.json()["code"]) == (404, "batch.unknown")
    assert client.get(f"/payments/{factories.SPACE}").status_code == 404


@pytest.mark.usefixtures("whole")
def test_the_summary_counts_every_payment_once(client: Client) -> None:
    found = client.get(f"{PATH}/summary").json()
    last = {event.payment_id: event for event in BATCH.events if isinstance(event, PaymentChanged)}
    for status in ("completed", "failed", "cancelled", "reversed"):
        of_status = [event for event in last.values() if event.status == status]
        assert found["payments"][status] == len(of_status)
        assert found["payment_amount_cents"][status] == sum(
            event.amount_cents for event in of_status
        )
    assert found["payments"]["total"] == len(BATCH.payments)
    assert set(found["payments"]) == {
        "total",
        "unprocessed",
        "sending",
        "pending",
        "completed",
        "failed",
        "in_doubt",
        "held",
        "cancelled",
        "reversed",
    }
    live = client.get(f"{PATH}/live").json()
    assert (live["from"], live["payments"]) == ("sql", found["payments"])


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("sort", ["file_row", "-amount", "status", "-employee_id", "updated_at"])
def test_pages_of_every_order_hold_each_payment_once(client: Client, sort: str) -> None:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get(
            f"{PATH}/payments", params={"limit": 17, "cursor": cursor, "sort": sort}
        ).json()
        assert page["total"] == len(BATCH.payments)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(item["payment_id"] for item in found) == sorted(
        str(p.payment_id) for p in BATCH.payments
    )
    assert all(set(item) == ITEM for item in found)
    name = sort.removeprefix("-")
    if name in ("status", "employee_id"):
        values = [item[name] for item in found]
        assert values == sorted(values, reverse=sort.startswith("-"))


@pytest.mark.usefixtures("whole")
def test_filters_and_search_find_what_they_name(client: Client) -> None:
    paid = next(p for p in BATCH.payments if len(p.rows) > 1)

    def found(**wanted: str) -> set[str]:
        return {
            item["payment_id"]
            for item in client.get(f"{PATH}/payments", params={"limit": "1000"} | wanted).json()[
                "items"
            ]
        }

    everything = BATCH.payments
    assert found(source=paid.source_account_id) == {
        str(p.payment_id) for p in everything if p.source_account_id == paid.source_account_id
    }
    branch = paid.rows[1].branch_id
    assert found(branch=branch) == {
        str(p.payment_id) for p in everything if branch in {row.branch_id for row in p.rows}
    }
    assert found(institution="ins_2") == set()
    assert found(q=str(paid.rows[1].file_row)) >= {str(paid.payment_id)}
    assert found(q=str(paid.payment_id)) == {str(paid.payment_id)}
    assert found(q=paid.employee_id.lower()) >= {str(paid.payment_id)}
    assert found(q="%") == set()
    two = sorted(str(p.payment_id) for p in everything)[:2]
    assert found(ids=",".join(two)) == set(two)
    assert found(ids=two[0], status="unprocessed") <= {two[0]}
    assert (
        found(status="failed") | found(status="completed")
        == found(status="failed,completed")
        != set()
    )


@pytest.mark.usefixtures("whole")
def test_a_payment_has_the_name_of_its_person_and_is_found_by_it(client: Client) -> None:
    rows = {row.row_id: row for row in BATCH.rows}

    def name_of(paid: PaidRow) -> tuple[str, str]:
        row = rows[paid.row_id]
        first, last = (
            factories.CIPHER.decrypt(getattr(row, name), name, str(row.row_id))
            for name in ("first_name", "last_name")
        )
        return first, last

    items = client.get(f"{PATH}/payments", params={"limit": 1000}).json()["items"]
    names = {item["payment_id"]: (item["first_name"], item["last_name"]) for item in items}
    expected = {
        str(p.payment_id): name_of(min(p.rows, key=lambda row: row.file_row))
        for p in BATCH.payments
    }
    assert names == expected
    one = next(iter(expected))
    assert client.get(f"/payments/{one}").json()["last_name"] == expected[one][1]
    found = client.get(f"{PATH}/payments", params={"limit": 1000, "q": " zoë "}).json()
    assert {item["payment_id"] for item in found["items"]} == {
        str(p.payment_id)
        for p in BATCH.payments
        if any("zoë" in " ".join(name_of(row)).casefold() for row in p.rows)
    }
    assert 0 < found["total"] < len(BATCH.payments)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    "parameters",
    [
        {"sort": "password"},
        {"cursor": "!!"},
        {"cursor": write_cursor("payments:file_row", "1")},
        {"cursor": write_cursor("payments:file_row", "1", "x")},
        {"cursor": write_cursor("payments:file_row", "x", str(factories.SPACE))},
        {"cursor": write_cursor("payments:amount", "1", str(factories.SPACE))},
        {"limit": 0},
        {"limit": 9_999},
    ],
)
def test_a_wrong_order_cursor_or_limit_is_a_clear_refusal(
    client: Client, parameters: dict[str, Any]
) -> None:
    answer = client.get(f"{PATH}/payments", params=parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == (
        "cursor.invalid" if "cursor" in parameters else "request.invalid"
    )


@pytest.mark.usefixtures("whole")
def test_a_completed_payments_timeline_shows_its_life_without_personal_values(
    client: Client,
) -> None:
    shown = client.get(f"{PATH}/payments", params={"status": "completed"}).json()["items"][0]
    one = client.get(f"/payments/{shown['payment_id']}").json()
    assert {name: one[name] for name in ITEM} == shown
    kinds = {entry["kind"] for entry in one["timeline"]}
    assert kinds == {
        "upload",
        "row",
        "check",
        "approval",
        "status",
        "webhook",
        "journal",
        "certificate",
    }
    assert all(
        set(entry) == {"at", "kind", "title", "detail", "evidence"} for entry in one["timeline"]
    )
    assert [entry["at"] for entry in one["timeline"]] == sorted(
        entry["at"] for entry in one["timeline"]
    )
    rows = [row for row in BATCH.rows if row.file_row in one["rows"]]
    sealed = {value for row in rows for value in (row.first_name, row.last_name)}
    assert not any(value in json.dumps(one) for value in sealed)


def test_a_batch_whose_rows_have_not_all_come_has_no_report_yet(
    client: Client, engine: Engine
) -> None:
    store_all(engine, [BATCH.events[0], *BATCH.rows[1:]])
    answer = client.get(f"{PATH}/reports/payments.csv")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (
        503,
        "2",
        "reports.incomplete",
    )
    store_all(engine, BATCH.rows[:1])
    assert client.get(f"{PATH}/reports/payments.csv").status_code == 200


def test_a_final_batch_waits_for_a_certificate_that_is_equal(
    client: Client, engine: Engine
) -> None:
    certificate = next(event for event in BATCH.events if isinstance(event, CertificateIssued))
    store_all(engine, [event for event in BATCH.events if event is not certificate])
    began = time.monotonic()
    assert client.get(f"{PATH}/reports/sources.csv").json()["code"] == "reports.uncertified"
    assert time.monotonic() - began > 0.3
    store_all(
        engine,
        [certificate.model_copy(update={"paid": certificate.failed, "failed": certificate.paid})],
    )
    assert client.get(f"{PATH}/reports/sources.csv").json()["code"] == "reports.unequal"
    store_all(engine, [certificate.model_copy(update={"version": 2})])
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
def test_a_final_batch_with_a_rejected_message_has_no_report_until_it_is_redriven(
    client: Client, engine: Engine
) -> None:
    with engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO dead_letter (
                consumer, topic, partition, message_offset, correlation, body, code, reason
            )
            VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r')""",
            b=PATH.rsplit("/", 1)[1],
        )
    assert client.get(f"{PATH}/reports/sources.csv").json()["code"] == "reports.dead-letter"
    with engine.begin() as connection:
        run(connection, "DELETE FROM dead_letter")
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("code", message_signatures.CODES)
def test_a_forged_message_bars_no_report(client: Client, engine: Engine, code: str) -> None:
    with engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO dead_letter (
                consumer, topic, partition, message_offset, correlation, body, code, reason
            )
            VALUES ('c', 't', 0, 0, :b, '', :code, 'r')""",
            b=PATH.rsplit("/", 1)[1],
            code=code,
        )
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
def test_a_certificate_that_does_not_account_for_the_file_bars_no_report(
    client: Client, engine: Engine
) -> None:
    certificate = next(event for event in BATCH.events if isinstance(event, CertificateIssued))
    nothing = dict.fromkeys(("total", "paid", "failed", "unpayable", "refused"), Outcome())
    store_all(engine, [certificate.model_copy(update={"version": 9, **nothing})])
    assert client.get(f"{PATH}/reports/sources.csv").status_code == 200


@pytest.mark.usefixtures("whole")
def test_every_file_is_given_with_its_type_and_leaves_no_connection_behind(
    client: Client, engine: Engine
) -> None:
    for name, media in (
        ("sources.csv", "text/csv"),
        ("branches.xlsx", "application/vnd"),
        ("summary.pdf", "application/pdf"),
        ("all.zip", "application/zip"),
    ):
        for _ in range(files.EXPORTS_MAX + 1):
            answer = client.get(f"{PATH}/reports/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(media)
            assert answer.content
    assert client.get(f"{PATH}/reports/secrets.csv").status_code == 422
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0


@pytest.mark.parametrize(
    "name",
    ["sources.csv", "branches.csv", "payments.csv", "payments.xlsx", "summary.pdf", "all.zip"],
)
def test_the_name_of_a_file_says_that_one_person_was_enough(
    client: Client, engine: Engine, name: str
) -> None:
    store_all(engine, BATCH.events)
    assert (
        client.get(f"{PATH}/reports/{name}").headers["content-disposition"]
        == f'attachment; filename="{BATCH.batch_id}-{name}"'
    )
    store_all(
        engine,
        [
            e.model_copy(update={"version": 9})
            for e in factories.approved_by_uploader(BATCH)[-2:]
            if isinstance(e, BatchChanged)
        ],
    )
    assert (
        client.get(f"{PATH}/reports/{name}").headers["content-disposition"]
        == f'attachment; filename="{BATCH.batch_id}-single-control-{name}"'
    )


@pytest.mark.usefixtures("whole")
def test_a_reader_who_goes_away_gives_back_slot_and_connection(engine: Engine) -> None:
    context = Context(engine, "token", factories.CIPHER, 0.3, lambda _connection, _batch_id: None)
    slots = threading.BoundedSemaphore(1)
    for _ in range(3):
        chunks = files.export(context, slots, BATCH.batch_id, lambda report: report.csv("payments"))
        next(chunks)
        del chunks
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == 0
