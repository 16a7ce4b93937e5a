"""Employees, loans and the search: composed from two services, recorded, without names in paths."""

import json
import logging
from typing import Any

import pytest

from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import PAYMENT
from services.gateway.tests.test_employee_periods import row

pytestmark = pytest.mark.database

NAME = "Featherstonehaugh"
PERSON = {
    "person_id": "p3rs0n",
    "year": {"year": 2026, "limit_cents": 5_250_00, "counted_cents": 350_00},
    "periods": [],
}


def prepare(gateway: Gateway, *rows: dict[str, Any], **payment: Any) -> None:
    gateway.ingest.will_answer("GET", "/people/p3rs0n", {**PERSON, "rows": rows})
    states = [{"payment_id": PAYMENT, "reason": "", "reason_code": "", **payment}]
    gateway.reports.will_answer("POST", "/payment-states", {"items": states})


def test_a_person_is_composed_of_rows_and_payments(gateway: Gateway) -> None:
    paid = row(1, payment_id=PAYMENT)
    last_year = row(2, ("2025-12-15", "2025-12-28"), payment_id=PAYMENT)
    prepare(gateway, paid, last_year, row(3, status="refused", loan_id=""), status="completed")
    found = gateway.call("GET", "/employees/p3rs0n", "auditor").json()
    assert json.loads(gateway.reports.bodies[0]) == {"payment_ids": [PAYMENT]}
    assert [(r["payment_status"], r["outcome"]) for r in found["rows"]] == [
        ("completed", "paid"),
        ("completed", "paid"),
        (None, "unpaid"),
    ]
    assert found["year"] == {
        **PERSON["year"],  # type: ignore[dict-item] # it is a mapping
        "counted_percent": 6,
        "paid_cents": 100_00,
    }
    assert [p["outcome"] for p in found["periods"]] == ["partly", "paid"]


def test_half_a_story_is_not_told_while_reports_is_away(gateway: Gateway) -> None:
    prepare(gateway, row(1, payment_id=PAYMENT))
    gateway.reports.will_answer("POST", "/payment-states", {}, 500)
    assert gateway.call("GET", "/employees/p3rs0n", "auditor").status_code == 502
    assert gateway.audit_lines() == []  # nothing was shown


def test_a_search_names_nobody_in_a_path_a_log_or_the_audit_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.ingest.will_answer("POST", "/search", {"employees": [], "batches": []})
    gateway.ingest.will_answer("POST", "/people", {"items": [], "more": False})
    gateway.reports.will_answer("POST", "/search", {"payments": []})
    for path in ("/search", "/employees"):
        assert gateway.call("GET", path, "auditor", params={"q": NAME}).status_code == 200
    asked = [*gateway.ingest.bodies, *gateway.reports.bodies]
    assert [json.loads(body)["q"] for body in asked] == [NAME] * 3
    for fake in (gateway.ingest, gateway.reports):
        assert not any(fake.queries)
        assert not any(NAME in path for _, path in fake.calls)
    assert [line[2] for line in gateway.audit_lines()] == ["/api/v1/search", "/api/v1/employees"]
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert NAME not in " ".join(one.getMessage() for one in ours)


@pytest.mark.parametrize(
    ("who", "people"),
    [("preparer", True), ("auditor", True), ("operator", False), ("admin", False)],
)
def test_people_are_searched_for_those_who_may_see_them(
    gateway: Gateway, who: str, people: bool
) -> None:
    gateway.call("GET", "/search", who, params={"q": NAME})
    for fake in (gateway.ingest, gateway.reports):
        assert json.loads(fake.bodies[0]) == {"q": NAME, "people": people}


def test_one_character_finds_nothing(gateway: Gateway) -> None:
    for q in ("a", " a ", "   ", "\u00a0\u00a0", "a\x00b"):
        assert gateway.call("GET", "/search", "auditor", params={"q": q}).status_code == 422, q
    assert gateway.call("GET", "/search", "auditor", params={"q": " ab "}).status_code == 200
    assert gateway.call("GET", "/search", "auditor").status_code == 422


def test_a_payment_names_the_person_and_the_loan_of_its_row(gateway: Gateway) -> None:
    path = f"/payments/{PAYMENT}"
    gateway.reports.will_answer("GET", path, {"payment_id": PAYMENT, "timeline": []})
    gateway.ledger.will_answer("GET", "/journals", {"items": []})
    rows = [{"person_id": "p3rs0n", "loan_id": "00ff"}, {"person_id": "other", "loan_id": "x"}]
    gateway.ingest.will_answer("GET", path, {"rows": rows})
    found = gateway.call("GET", path).json()
    assert (found["person_id"], found["loan_id"]) == ("p3rs0n", "00ff")
    gateway.ingest.will_answer("GET", path, {"code": "payment.unknown"}, 404)
    assert gateway.call("GET", path).json()["person_id"] == ""
