from typing import Any

import pytest

from services.ledger.reconciliation.overdue import check_overdue
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import BATCH, approved, batch, changed, payment_id
from services.ledger.tests.harness import ENDS, batch_events, deliver
from services.ledger.tests.http_client import Client, client_of

pytestmark = pytest.mark.database


@pytest.fixture
def client(database: Database) -> Client:
    return client_of(database)


def test_a_certificate_and_its_versions(client: Client, database: Database) -> None:
    assert client.get(f"/batches/{BATCH}/certificate").json()["code"] == "certificate.none"
    deliver(database.service, *batch_events(ENDS))
    found = client.get(f"/batches/{BATCH}/certificate").json()
    assert found["paid"] == {"rows": 6, "amount_cents": 6201, "amount": "62.01"}
    assert [v["version"] for v in found["versions"]] == [found["version"]] == [1]
    assert found["digest"].startswith("sha256:")


def test_totals_add_up_at_every_moment(client: Client, database: Database) -> None:
    assert client.get(f"/batches/{BATCH}/totals").status_code == 404
    events = batch_events({**ENDS, 2: "cancelled"})
    for event in [e for e in events if e.topic.name != "provider-statements"]:
        deliver(database.service, event)
        outcomes = client.get(f"/batches/{BATCH}/totals").json()["outcomes"]
        total = outcomes.pop("total")
        assert sum(o["amount_cents"] for o in outcomes.values()) == total["amount_cents"] == 7929
        assert sum(o["rows"] for o in outcomes.values()) == total["rows"] == 13
    assert (outcomes["cancelled"]["rows"], outcomes["pending"]["rows"]) == (1, 0)
    sources = {
        s["source_account_id"]: s for s in client.get(f"/batches/{BATCH}/totals").json()["sources"]
    }
    assert (sources["B"]["posted"], sources["B"]["posted_rows"], sources["A"]["pending"]) == (
        "-57.01",
        -4,
        "0.00",
    )


def test_rows_of_a_discarded_batch_count_as_cancelled(client: Client, database: Database) -> None:
    deliver(database.service, batch(6, "discarded", payments=0, payments_cents=0))
    outcomes = client.get(f"/batches/{BATCH}/totals").json()["outcomes"]
    assert (outcomes["cancelled"]["rows"], outcomes["pending"]["rows"]) == (7, 0)


def test_lists_are_paged_to_their_end(client: Client, database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    first_cursor: str | None = ""
    while cursor is not None:
        page = client.get(
            "/journals", params={"batch_id": str(BATCH), "limit": 3, "cursor": cursor}
        ).json()
        items += page["items"]
        cursor = page["next"]
        first_cursor = first_cursor or cursor
    assert page["total"] == len(items) == len({i["journal_id"] for i in items}) == 8
    settle = client.get(
        "/journals", params={"payment_id": str(payment_id(1)), "kind": "settle"}
    ).json()["items"][0]
    assert settle["amount"] == "5.00"
    assert settle["entries"][0] == {
        "n": 1,
        "account": "source:A",
        "layer": "pending",
        "amount_cents": 500,
        "amount": "5.00",
        "rows": 2,
    }
    assert client.get("/accounts", params={"batch_id": str(BATCH)}).json()["total"] == 5
    assert (
        client.get("/reconciliation/runs", params={"status": "clean"}).json()["items"][0][
            "break_count"
        ]
        == 0
    )
    refused = [
        client.get(path, params={"cursor": cursor})
        for path, cursor in (
            ("/journals", "!"),
            ("/journals", "LTU="),
            ("/journals", "eA=="),
            ("/accounts", first_cursor),
        )
    ]
    assert {(r.status_code, r.json()["code"]) for r in refused} == {(422, "cursor.invalid")}


def test_breaks_are_listed_with_their_age(client: Client, database: Database) -> None:
    deliver(database.service, approved(1), changed(1, 2, "pending"))
    check_overdue(database.service, 0)
    (item,) = client.get("/reconciliation/breaks", params={"status": "open"}).json()["items"]
    assert (item["kind"], item["payment_id"], item["status"]) == (
        "waiting",
        str(payment_id(1)),
        "open",
    )
    assert item["age_s"] >= 0
    assert client.get("/reconciliation/breaks", params={"status": "closed"}).json()["items"] == []


def test_without_the_shared_token_nothing_is_shown(client: Client) -> None:
    assert client.get("/accounts", headers={"X-Paydown-Internal": "no"}).status_code == 401
