"""A payment with the joined timeline of four services."""

import httpx
import pytest

from services.gateway import payment_timeline
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import PAYMENT

ROW = {
    "at": "2026-11-20T10:00:00Z",
    "kind": "row",
    "title": "Row 1",
    "detail": "",
    "evidence": "r",
}


def test_a_timeline_is_in_order_and_has_no_line_twice() -> None:
    reserved = {"kind": "journal", "title": "Money reserved", "detail": "", "evidence": "j1"}
    timeline = [ROW, {"at": "2026-11-20T10:00:05.5Z", **reserved}]
    sent = payment_timeline.attempt_lines(
        {
            "attempts": [
                {
                    "n": 1,
                    "first_sent_at": "2026-11-20T10:00:05.25+00:00",
                    "outcome": "accepted",
                    "idempotency_key": "key_1",
                    "http_status": 200,
                    "code": "",
                    "request_id": "req_1",
                }
            ]
        }
    )
    assert sent[0]["detail"] == "200 · req_1"
    posted = payment_timeline.journal_lines(
        [
            {"journal_id": "j1", "kind": "hold", "posted_at": "2026-11-20T10:00:05.5Z"},
            {"journal_id": "j2", "kind": "settle", "posted_at": "2026-11-20T10:00:06Z"},
        ]
    )
    found = payment_timeline.issue_lines(
        {
            "issues": [
                {
                    "code": "W_ZIP_STATE",
                    "file_row": 1,
                    "field": "zip",
                    "message": "The zip is in another state.",
                }
            ]
        },
        timeline,
    )
    lines = payment_timeline.join(timeline, found, sent, posted)
    assert [(line["kind"], line["evidence"]) for line in lines] == [
        ("row", "r"),
        ("issue", "W_ZIP_STATE"),
        ("attempt", "key_1"),
        ("journal", "j1"),
        ("journal", "j2"),
    ]


@pytest.mark.database
def test_a_payments_timeline_is_joined_from_four_services(gateway: Gateway) -> None:
    gateway.reports.will_answer(
        "GET",
        f"/payments/{PAYMENT}",
        {"payment_id": PAYMENT, "status": "pending", "timeline": [ROW]},
    )
    gateway.ingest.will_answer(
        "GET",
        f"/payments/{PAYMENT}",
        {"issues": [{"code": "W_A", "file_row": 1, "field": "zip", "message": "m"}]},
    )
    gateway.dispatcher.will_answer(
        "GET",
        f"/payments/{PAYMENT}",
        {
            "attempts": [
                {
                    "n": 1,
                    "first_sent_at": "2026-11-20T10:00:02Z",
                    "outcome": "accepted",
                    "idempotency_key": "e",
                }
            ],
            "flags": [],
        },
    )
    gateway.ledger.will_answer(
        "GET",
        "/journals",
        {"items": [{"journal_id": "j", "kind": "hold", "posted_at": "2026-11-20T10:00:01Z"}]},
    )
    found = gateway.call("GET", f"/payments/{PAYMENT}").json()
    assert [line["kind"] for line in found["timeline"]] == ["row", "issue", "journal", "attempt"]
    assert gateway.ledger.queries == [f"payment_id={PAYMENT}"]
    gateway.dispatcher.will_answer("GET", f"/payments/{PAYMENT}", {"code": "payment.unknown"}, 404)
    assert gateway.call("GET", f"/payments/{PAYMENT}").status_code == 200
    gateway.dispatcher.away = httpx.ConnectError("refused")
    assert gateway.call("GET", f"/payments/{PAYMENT}").status_code == 503
