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
    "/batches/{batch_id}/discard": {"reason": "no"},
    "/payments/{payment_id}/held": {"act": "look-up", "reason": "no"},
    "/payments/{payment_id}/duplicate": {"act": "ended", "reason": "cancelled there"},
    "/batches/{batch_id}/corrections": {
        "corrections": [{"source_account_id": "s", "field": "state", "from": "IA", "to": "KS"}]
    },
    "/batches/{batch_id}/period": {"period": "2026-11-23"},
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
    "/ops/kill-switch": {"on": True, "reason": "stop"},
    "/ops/restored/release": {"reason": "compared"},
    "/tokens": {"name": "nightly", "person": "demo-preparer", "roles": ["preparer"]},
}
NAMES = {
    "batch_id": BATCH,
    "payment_id": PAYMENT,
    "break_id": PAYMENT,
    "name": "sources.csv",
    "dead_letter_id": "ledger:12",
    "token_id": PAYMENT,
    "session_id": "0" * 32,
}
SUCCESS = {
    ("POST", "/tokens"): 201,
    ("DELETE", "/tokens/{token_id}"): 404,  # there is no such token
    ("DELETE", "/sessions/{session_id}"): 404,  # there is no such session
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
    if template in BODIES:
        options["json"] = BODIES[template]
    elif method == "POST":
        options["content"] = b"<root/>"
    return gateway.call(method, template.format(**NAMES), who, **options)
