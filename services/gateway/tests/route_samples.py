"""Ids, bodies and answers with which every route of the API succeeds."""

from typing import Any

import httpx
from starlette.responses import Response

from libs.common.web.methods import UNSAFE_METHODS
from services.gateway.domain import access
from services.gateway.tests.conftest import Gateway
from services.gateway.tests.fakes import BATCH, PAYMENT, batch, summary

DIGEST = "sha256:" + "0" * 64
BODIES: dict[str, Any] = {
    "/batches/{batch_id}/approve": {"digest": DIGEST},
    "/batches/{batch_id}/approval-requests": {"digest": DIGEST, "note": "for Friday"},
    "/batches/{batch_id}/approval-requests/{request_id}/send-back": {"reason": "one too many"},
    "/batches/{batch_id}/discard": {"reason": "no"},
    "/payments/{payment_id}/held": {"act": "look-up", "reason": "no"},
    "/payments/{payment_id}/duplicate": {"act": "ended", "reason": "cancelled there"},
    "/batches/{batch_id}/corrections": {
        "corrections": [{"source_account_id": "s", "field": "state", "from": "IA", "to": "KS"}]
    },
    "/batches/{batch_id}/period": {"period": "2026-11-23"},
    "/batches/{batch_id}/decisions": {
        "decisions": [{"act": "exclude", "employee_id": "EMP-1", "reason": "on leave"}]
    },
    "/approval-rules": {
        "base": 0,
        "rules": [{"scope": "total", "from_cents": 1_000_00}],
        "reason": "agreed",
    },
    "/approval-rules/{rules_version}/reject": {"reason": "not so"},
    "/holds": {"kind": "person", "id": "EMP-1", "reason": "on leave"},
    "/holds/{hold_id}/lift": {"reason": "back"},
    "/batches/{batch_id}/retry-refused": {"reason": "mended at the provider"},
    "/batches/{batch_id}/child-batches": {"filter": {"status": "failed"}, "reason": "again"},
    "/batches/{batch_id}/pause": {"reason": "wait"},
    "/batches/{batch_id}/cancel": {"reason": "stop"},
    "/batches/{batch_id}/resume": {"reason": "go"},
    "/reconciliation/breaks/{break_id}/acknowledge": {
        "act": "by-hand",
        "reason": "paid by hand on Monday",
        "evidence": DIGEST,
    },
    "/reconciliation/runs": {},
    "/finance/yearly": {"year": 2026},
    "/home/put-away": {"batch_id": BATCH, "status": "rejected"},
    "/names": {"kind": "branch", "id": "BRC-1", "base": 0, "name": "Boston"},
    "/finance/reports": {"by": ["source", "month"]},
    "/finance/mapping": {
        "base": 0,
        "lines": [{"account": "source:*", "gl_account": "1010", "gl_type": "Assets"}],
        "reason": "first",
    },
    "/finance/exports": {"through": "2026-11-20"},
    "/finance/bank-statement": {"source_account_id": "A", "text": "date,amount"},
    "/finance/available": {"source_account_id": "A", "available_cents": 100},
    "/ops/kill-switch": {"on": True, "reason": "stop"},
    "/ops/restored/release": {"reason": "compared"},
    "/notifications/channels": {"name": "chat", "service": "chat", "events": ["approved"]},
    "/notifications/channels/{channel_id}/events": {"events": ["finished"]},
    "/tokens": {"name": "nightly", "person": "demo-preparer", "roles": ["preparer"]},
}
NAMES = {
    "batch_id": BATCH,
    "payment_id": PAYMENT,
    "break_id": PAYMENT,
    "decision_id": PAYMENT,
    "hold_id": PAYMENT,
    "request_id": PAYMENT,
    "rules_version": "1",
    "name": "sources.csv",
    "dead_letter_id": "ledger:12",
    "token_id": PAYMENT,
    "channel_id": PAYMENT,
    "delivery_id": PAYMENT,
    "session_id": "0" * 32,
    "report_id": PAYMENT,
    "person_id": "p3rs0n_-",
    "loan_id": "00ff",
    "export_id": PAYMENT,
    "evidence_id": PAYMENT,
}
#: File names of other routes than a batch's reports.
FILE_NAMES = {
    "/finance/reports/{report_id}/{name}": "report.xlsx",
    "/finance/exports/{export_id}/{name}": "journals.csv",
}
QUERIES = {
    "/names/history": {"kind": "branch", "id": "BRC-1"},
    "/search": {"q": "Ida"},
    "/employees": {"q": "Ida"},
}
SUCCESS = {
    ("POST", "/notifications/channels"): 409,  # there is no key
    ("POST", "/notifications/channels/{channel_id}/events"): 404,  # there is no such channel
    ("POST", "/notifications/channels/{channel_id}/test"): 409,
    ("DELETE", "/notifications/channels/{channel_id}"): 404,
    ("POST", "/notifications/deliveries/{delivery_id}/again"): 409,
    ("POST", "/tokens"): 201,
    ("DELETE", "/tokens/{token_id}"): 404,  # there is no such token
    ("DELETE", "/sessions/{session_id}"): 404,  # there is no such session
}
PAY_PERIODS = {
    "today": "2026-11-20",
    "calendar": "every-two-weeks",
    "periods": [{"first": "2026-11-16", "last": "2026-11-29", "batches": []}] * 2,
}
UNSAFE = [route for route in access.ROUTE_ROLES if route[0] in UNSAFE_METHODS]
LIVE = ("GET", "/batches/{batch_id}/live")  # has no end; test_event_stream.py reads it


def prepare(gateway: Gateway) -> None:
    gateway.ingest.will_answer("GET", f"/batches/{BATCH}", batch("paying"))
    gateway.reports.will_answer("GET", f"/batches/{BATCH}/summary", summary(pending=5))
    gateway.reports.will_answer(
        "GET", f"/payments/{PAYMENT}", {"payment_id": PAYMENT, "timeline": []}
    )
    retry, check = f"/batches/{BATCH}/refused-objects/retry", f"/batches/{BATCH}/check-again"
    retried = {"batch_id": BATCH, "retried": 2, "exhausted": 1, "message": "Two are tried."}
    gateway.dispatcher.will_answer("POST", retry, retried)
    gateway.ingest.will_answer("POST", check, {"batch_id": BATCH, "status": "checking"})
    for path in ("/people/p3rs0n_-", "/loans/00ff"):
        gateway.ingest.will_answer("GET", path, {"rows": [], "periods": []})
    gateway.ingest.will_answer("GET", "/pay-periods", PAY_PERIODS)
    gateway.ledger.will_answer("GET", "/journals", {"items": [], "next": None, "total": 0})
    gateway.ledger.will_answer(
        "POST", f"/reconciliation/breaks/{PAYMENT}/acknowledge", {"state": "proposed"}
    )
    for fake in gateway.fakes.values():
        fake.will_answer("GET", "/ops/dead-letters", {"items": []})
        fake.will_answer(
            "GET",
            "/restored",
            {
                "held": True,
                "settled": True,
                "why": "old",
                "progress": "",
                "noticed_at": None,
                "proposed_by": None,
                "released_by": None,
            },
        )
        fake.will_answer("POST", "/restored/release", {"outcome": "proposed"})
        fake.will_answer("GET", "/health/ready", {"ready": True, "checks": {}})
        fake.answers["GET", "/metrics"] = Response("")


def call(
    gateway: Gateway, method: str, template: str, who: str | None, **options: Any
) -> httpx.Response:
    if template in QUERIES:
        options["params"] = QUERIES[template]
    if template in BODIES:
        options["json"] = BODIES[template]
    elif method == "POST":
        options["content"] = b"<root/>"
    names = NAMES | ({"name": FILE_NAMES[template]} if template in FILE_NAMES else {})
    return gateway.call(method, template.format(**names), who, **options)
