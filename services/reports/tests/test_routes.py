"""The internal HTTP of reports on a real PostgreSQL."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from libs.common.contracts.events.payments import PaidRow, PaymentChanged
from libs.common.web.pagination import write_cursor
from services.reports.tests import factories
from services.reports.tests.http_client import BATCH, PATH, Client, store_all

pytestmark = pytest.mark.database
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
