"""What the gateway sends to the services, and how it relays their answers."""

import json
from typing import Any

import pytest
from starlette.responses import Response

from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT, TOKEN

pytestmark = pytest.mark.database
ONE = f"/batches/{BATCH}"


def test_a_service_gets_the_person_and_the_request_id(gateway: Gateway) -> None:
    answer = gateway.call(
        "GET",
        f"{ONE}/rows?limit=5&cursor=abc&status=payable,refused&source=s%26x&unknown=1",
        headers={
            "X-Request-Id": "mine",
            "X-Paydown-Actor": "demo-admin",
            "X-Paydown-Roles": "approver",
            "X-Paydown-Internal": "guess",
        },
    )
    sent = gateway.ingest.headers[0]
    assert (sent["x-paydown-internal"], sent["x-paydown-actor"], sent["x-paydown-roles"]) == (
        TOKEN,
        "demo-auditor",
        "auditor",
    )
    assert sent["x-request-id"] == answer.headers["x-request-id"] == "mine"
    assert gateway.ingest.queries == ["limit=5&cursor=abc&status=payable%2Crefused&source=s%26x"]


def test_changes_come_from_ingest_and_an_unknown_kind_is_refused_without_a_call(
    gateway: Gateway,
) -> None:
    found: dict[str, Any] = {"items": [], "next": None, "total": 0, "against": None, "counts": {}}
    gateway.ingest.will_answer("GET", f"{ONE}/changes", found)
    assert gateway.call("GET", f"{ONE}/changes?limit=2&kind=loan&q=ada").json() == found
    assert gateway.call("GET", f"{ONE}/changes").json() == found
    assert gateway.call("GET", f"{ONE}/changes?kind=colour").status_code == 422
    assert gateway.ingest.queries == ["limit=2&q=ada&kind=loan", "limit=100"]


def test_decisions_and_holds_are_sent_as_ingest_expects_them(gateway: Gateway) -> None:
    one = {"act": "exclude", "filter": {"branch": "BRC-1"}, "reason": "closed"}
    body = {"decisions": [one], "dry_run": True}
    gateway.call("POST", f"{ONE}/decisions", "preparer", json=body)
    held = {"kind": "loan", "row_id": PAYMENT, "last_day": "2026-12-31", "reason": "moved"}
    gateway.call("POST", "/holds", "approver", json=held)
    gateway.call("GET", "/holds?lifted=true", "auditor")
    gateway.call("DELETE", f"{ONE}/decisions/{PAYMENT}", "preparer")
    gateway.call("POST", f"/holds/{PAYMENT}/lift", "approver", json={"reason": "over"})
    sent = [json.loads(body) for body in gateway.ingest.bodies if body]
    (decided,) = sent[0]["decisions"]
    assert (decided["act"], decided["filter"]["branch"], decided["row_ids"]) == (
        *("exclude", "BRC-1", []),
    )
    assert (sent[0]["dry_run"], "row_id" in decided) == (True, False)
    assert (sent[1]["row_id"], sent[1]["last_day"]) == (PAYMENT, "2026-12-31")
    assert sent[2:] == [{"reason": "over"}]
    assert "limit=100&lifted=true" in gateway.ingest.queries
    for who, path in (("preparer", f"/holds/{PAYMENT}/lift"), ("auditor", "/holds")):
        assert gateway.call("POST", path, who, json={"reason": "x"}).status_code == 403


def test_amendments_are_sent_as_ingest_expects_them(gateway: Gateway) -> None:
    accept = {"act": "accept", "employee_id": "EMP-1", "reason": "passport seen"}
    mend = {
        "act": "mend",
        "institution_id": "ins_1",
        "merchant_id": "mch_77",
        "reason": "named by the servicer",
    }
    body = {"decisions": [accept, mend]}
    gateway.call("POST", f"{ONE}/decisions", "preparer", json=body)
    (sent,) = [json.loads(body) for body in gateway.ingest.bodies if body]
    empty = ("institution_id", "merchant_id", "source_account_id", "ein", "loan_number")
    nothing = dict.fromkeys(empty, "")
    rows = {"row_ids": [], "employee_id": "", "evidence": ""}
    assert sent["decisions"] == [{**nothing, **rows, **accept}, {**nothing, **rows, **mend}]
    wrong = {**mend, "merchant_id": "77"}
    answer = gateway.call("POST", f"{ONE}/decisions", "preparer", json={"decisions": [wrong]})
    assert answer.status_code == 422


def test_orders_are_sent_as_the_services_expect_them(gateway: Gateway) -> None:
    offered = [{"source_account_id": "s", "field": "state", "from": "IA", "to": "KS"}]
    gateway.call("POST", f"{ONE}/corrections", "preparer", json={"corrections": offered})
    gateway.call(
        "POST",
        f"{ONE}/child-batches",
        "preparer",
        json={"filter": {"status": "failed"}, "reason": "again"},
    )
    gateway.call("POST", f"{ONE}/period", "preparer", json={"period": "2026-11-23"})
    gateway.call("POST", f"{ONE}/approve", "approver", json={"digest": "d", "acknowledge": ["W_A"]})
    assert [json.loads(body) for body in gateway.ingest.bodies] == [
        {"corrections": offered},
        {"filter": {"status": "failed"}, "reason": "again"},
        {"period": "2026-11-23"},
        {"digest": "d", "acknowledge": ["W_A"], "include": [], "start_at": None},
    ]
    assert gateway.ingest.queries[-1] == "digest=d&include=0"
    gateway.call(
        "POST",
        f"/payments/{PAYMENT}/held",
        "approver",
        json={"act": "bind", "provider_payment_id": "pmt_1", "reason": "seen"},
    )
    gateway.call("POST", "/reconciliation/runs", "operator", json={"batch_id": BATCH})
    gateway.call("POST", f"{ONE}/cancel", "approver", json={"reason": "half way"})
    gateway.call("POST", f"{ONE}/resume", "approver")
    assert [json.loads(body) for body in gateway.dispatcher.bodies] == [
        {"act": "bind", "reason": "seen", "provider_payment_id": "pmt_1"},
        {"batch_id": BATCH},
        {"reason": "half way"},
        {"reason": ""},
    ]


def test_the_providers_list_is_read_again_once_two_people_explained_a_break(
    gateway: Gateway,
) -> None:
    path = f"/reconciliation/breaks/{PAYMENT}/acknowledge"
    order = {"act": "by-hand", "reason": "paid on Monday", "evidence": "sha256:0"}
    answer = {"break_id": PAYMENT, "batch_id": BATCH, "act": "by-hand"}
    for state, compared in (("proposed", []), ("done", [{"batch_id": BATCH}])):
        gateway.ledger.will_answer("POST", path, {**answer, "state": state})
        assert gateway.call("POST", path, "approver", json=order).json()["state"] == state
        assert [json.loads(body) for body in gateway.dispatcher.bodies] == compared
    assert [json.loads(body) for body in gateway.ledger.bodies] == [order, order]


def test_a_services_problem_is_relayed_unchanged(gateway: Gateway) -> None:
    problem = {
        "type": "urn:paydown:batch.repeat",
        "status": 409,
        "code": "batch.repeat",
        "detail": "…",
        "batch_id": BATCH,
    }
    gateway.ingest.will_answer("POST", "/batches", problem, 409)
    answer = gateway.call("POST", "/batches?filename=a.xml", "preparer", content=b"<root/>")
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (
        409,
        problem,
        "application/problem+json",
    )
    gateway.ingest.will_answer("GET", ONE, {"code": "batch.unknown"}, 404)
    assert (gateway.call("GET", ONE).status_code, gateway.call("GET", ONE).json()) == (
        404,
        {"code": "batch.unknown"},
    )


def test_a_service_that_fails_or_refuses_the_gateway_is_502(gateway: Gateway) -> None:
    for status in (500, 401):
        gateway.ingest.will_answer("GET", "/batches", {"code": "internal"}, status)
        answer = gateway.call("GET", "/batches")
        assert (answer.status_code, answer.json()["code"]) == (502, "upstream.failed")


def test_a_malformed_id_is_404_and_no_service_is_called(gateway: Gateway) -> None:
    for path in (
        "/batches/nonsense",
        "/batches/nonsense/rows",
        "/payments/nonsense",
        f"{ONE}/reports/else.csv",
    ):
        answer = gateway.call("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert (
        gateway.call("POST", "/batches/%00/approve", "approver", json={"digest": "x"}).status_code
        == 404
    )
    assert not any(fake.calls for fake in gateway.fakes.values())
    assert gateway.call("GET", "/nowhere").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", f"{ONE}/rows?q=%00", {}),
        ("GET", "/ledger/journals?kind=%00", {}),
        ("POST", f"{ONE}/discard", {"json": {"reason": "a\x00"}}),
        ("POST", f"/payments/{PAYMENT}/held", {"json": {"act": "close", "reason": "\x00"}}),
    ],
)
def test_a_text_that_no_database_can_store_is_refused_in_the_gateway(
    gateway: Gateway, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = gateway.call(method, path, "approver", **more)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert not any(fake.calls for fake in gateway.fakes.values())


def test_a_report_is_relayed_with_its_name(gateway: Gateway) -> None:
    path = f"{ONE}/reports/payments.csv"
    gateway.reports.answers["GET", path] = Response(
        b"a,b\r\n" * 1000,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="payments.csv"'},
    )
    answer = gateway.call("GET", path)
    assert (answer.content, answer.headers["content-disposition"]) == (
        b"a,b\r\n" * 1000,
        'attachment; filename="payments.csv"',
    )
    gateway.reports.will_answer("GET", path, {"code": "reports.behind"}, 503)
    assert (gateway.call("GET", path).status_code, gateway.call("GET", path).json()) == (
        503,
        {"code": "reports.behind"},
    )
