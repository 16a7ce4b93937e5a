"""Fakes of the five services: ASGI applications with prepared answers that record their calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.contracts.statuses import PAYMENT_STATUSES
from libs.common.testing.call_keys import signed_calls_only

TOKEN = "internal-token-of-tests"
BATCH, PAYMENT, RUN = (
    "7f3e0b86-3a5a-4a52-9d3a-0c7b2a1f0001",
    "7f3e0b86-3a5a-4a52-9d3a-0c7b2a1f0002",
    "7f3e0b86-3a5a-4a52-9d3a-0c7b2a1f0003",
)
COUNTS = dict.fromkeys(("total", *PAYMENT_STATUSES), 0)


@dataclass
class Fake:
    """One service."""

    name: str
    answers: dict[tuple[str, str], tuple[int, Any] | Response] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    received: int = 0
    away: Exception | None = None

    def will_answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        """Answer a call like this from now on."""
        self.answers[method, path] = (status, body)

    def client(self) -> httpx.AsyncClient:
        """A client that calls the fake."""
        app = Starlette(
            routes=[Route("/{path:path}", self._answer, methods=["GET", "POST", "DELETE"])]
        )
        transport: httpx.AsyncBaseTransport = httpx.ASGITransport(signed_calls_only(app, self.name))
        return httpx.AsyncClient(
            transport=Breakable(self, transport), base_url=f"http://{self.name}"
        )

    async def _answer(self, request: Request) -> Response:
        self.calls.append((request.method, request.url.path))
        self.headers.append(request.headers)
        self.queries.append(request.url.query)
        body = b""
        async for chunk in request.stream():
            self.received += len(chunk)
            body = (body + chunk)[:10_000]
        self.bodies.append(body)
        found = self.answers.get((request.method, request.url.path), (200, {}))
        return (
            found
            if isinstance(found, Response)
            else JSONResponse(found[1], found[0], media_type=_media(found[0]))
        )


class Breakable(httpx.AsyncBaseTransport):
    """A connection that fails while its service is away."""

    def __init__(self, fake: Fake, inner: httpx.AsyncBaseTransport) -> None:
        self.fake, self.inner = fake, inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.fake.away is not None:
            raise self.fake.away
        return await self.inner.handle_async_request(request)


def _media(status: int) -> str:
    return "application/json" if status < 400 else "application/problem+json"


def batch(status: str, **changed: Any) -> dict[str, Any]:
    """A batch as ingest shows it."""
    return {
        "batch_id": BATCH,
        "status": status,
        "filename": "roster.xml",
        "rows": {"total": 5, "payable": 5},
        "amount_cents": {"total": 500, "payable": 500},
        "certificate": None,
    } | changed


def summary(**counts: int) -> dict[str, Any]:
    """Payments as reports sums them up, 100 cents each."""
    found = COUNTS | counts | {"total": sum(counts.values())}
    return {
        "payments": found,
        "payment_amount_cents": {name: 100 * n for name, n in found.items()},
        "as_of": "2026-11-20T10:00:00Z",
    }


def certificate(**outcomes: int) -> dict[str, Any]:
    """A certificate with 100 cents per row."""
    names = ("paid", "failed", "cancelled", "reversed", "unpayable", "refused", "excluded")
    return {
        "version": 1,
        **{
            n: {"rows": outcomes.get(n, 0), "amount_cents": 100 * outcomes.get(n, 0)} for n in names
        },
    }
