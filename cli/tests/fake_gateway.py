"""A gateway in memory: uploads, idempotency keys, batches and reports; and failures on demand."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

TOKEN = "paydown_secret-of-the-tests"
PROBLEM = "application/problem+json"
ZERO_ROWS = dict.fromkeys(("total", "payable", "unpayable", "refused", "excluded"), 0)
ZERO_PAYMENTS = dict.fromkeys(
    (
        "total", "unprocessed", "sending", "pending", "completed", "failed", "in_doubt", "held",
        "cancelled", "reversed",
    ), 0,
)  # fmt: skip
Answer = Callable[[httpx.Request], httpx.Response | None]


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    body = {"code": code, "detail": f"{code} happened.", "money": "None.", "action": "Look."}
    return httpx.Response(
        status, content=json.dumps({**body, **more}), headers={"content-type": PROBLEM}
    )


@dataclass
class FakeGateway:
    """`before` answer requests in place of the gateway, one each; None: the gateway answers.

    `after` see the answer before the client does: one that raises loses it.
    """

    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    before: list[Answer] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "auth.required")
        given = self.before.pop(0)(request) if self.before else None
        answer = given or self._route(request)
        if self.after:
            self.after.pop(0)()
        return answer

    def uploads(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == "POST"]

    def check(self, batch_id: str, **more: Any) -> None:
        """The batch is checked: ready, with these fields."""
        self.batches[batch_id] |= {"status": "ready", **more}

    def _route(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if (request.method, path) == ("POST", "/batches"):
            return self._idempotent(request)
        if path == "/batches":
            wanted = request.url.params.get("status", "")
            items = [b for b in self.batches.values() if wanted in ("", b["status"])]
            return httpx.Response(200, json={"items": items, "next": None, "total": len(items)})
        batch = self.batches.get(path.split("/")[2])
        if batch is None:
            return problem(404, "batch.unknown")
        if "/reports/" in path:
            return httpx.Response(200, content=f"{path}\r\n".encode())
        return httpx.Response(200, json=batch)

    def _idempotent(self, request: httpx.Request) -> httpx.Response:
        key = (request.url.query.decode(), request.headers["idempotency-key"])
        if key in self.answers:
            status, body = self.answers[key]
            headers = {"idempotent-replayed": "true", "content-type": PROBLEM}
            return httpx.Response(status, content=body, headers=headers)
        answer = self._upload(request)
        if answer.is_success:
            self.answers[key] = answer.status_code, answer.content
        return answer

    def _upload(self, request: httpx.Request) -> httpx.Response:
        sha256 = hashlib.sha256(request.content).hexdigest()
        for batch in self.batches.values():
            live = batch["sha256"] == sha256 and batch["status"] != "discarded"
            if live and "repeat_reason" not in request.url.params:
                return problem(409, "upload.repeated", batch_id=batch["batch_id"])
        made = new_batch(request.url.params["filename"], sha256)
        self.batches[made["batch_id"]] = made
        return httpx.Response(202, json={"batch_id": made["batch_id"], "status": "reading"})


def new_batch(filename: str, sha256: str = "", batch_id: UUID | None = None) -> dict[str, Any]:
    return {
        "batch_id": str(batch_id or uuid4()),
        "status": "reading",
        "filename": filename,
        "sha256": sha256,
        "period": "2026-11-20",
        "rows": ZERO_ROWS,
        "amount_cents": ZERO_ROWS,
        "payments": ZERO_PAYMENTS,
        "payment_amount_cents": ZERO_PAYMENTS,
        "issues": [],
        "to_acknowledge": [],
        "corrections_offered": [],
        "stopped_sources": [],
        "error": None,
    }
