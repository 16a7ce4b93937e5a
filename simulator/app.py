"""The ASGI application: admits a request, applies faults, keeps idempotency, and answers only what is written."""

import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from simulator import control_api
from simulator.engine import Provider
from simulator.faults import Rule
from simulator.limits import tier_of
from simulator.messages import (
    DEFAULT_VERSION,
    VERSIONS,
    Answer,
    Refusal,
    Request,
    dump,
    failure,
    not_found,
    refused,
)
from simulator.routes.table import Handler, table, template_of

# ASGI's own vocabulary: messages are dictionaries of every shape.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CUT = "paydown.cut"
BODY_MAX_BYTES = 1_000_000
KEY_MAX = 255
NEVER_KEPT = frozenset({401, 429, 503})


class App:
    """One provider on the wire."""

    def __init__(self, provider: Provider, key_mismatch: str = "replay") -> None:
        self.provider, self.key_mismatch = provider, key_mismatch
        self.routes: dict[tuple[str, str], Handler] = table(provider.books)
        self._requests = 0
        self._date = (0, b"")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's event, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/_simulator/"):
                await self._admin(scope, receive, send)
            elif path in ("/health/live", "/health/ready"):
                await respond(send, Answer(200, b'{"status":"ok"}'))
            else:
                await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.provider.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.provider.stop()
        await send({"type": "lifespan.shutdown.complete"})

    # The provider's API

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        provider, method, path = self.provider, scope["method"], scope["path"]
        template, ids = template_of(path)
        handler = self.routes.get((method, template))
        provider.calls[f"{method} {template}" if handler else "other"] += 1
        raw = await read(receive)
        if raw is None:
            return
        answer, rule, status = None, None, b"bypassed"
        try:
            request = self._request(scope, template, ids, raw)
            self._admit(request, scope)
            scope_key = scope_of(request)
            rule = provider.faults.draw(
                method, path, request.key, lambda: self._is_fresh(scope_key)
            )
            if rule is not None and await self._hold(rule, scope, receive):
                return
            answer, status = self._once(request, handler, scope_key, rule)
        except Refusal as refusal:
            answer = refused(refusal)
            provider.limit_violations += refusal.status == 429
        await provider.books.committed()
        if rule is not None and rule.fault == "lose_answer":
            await cut(scope, receive)
            return
        await respond(send, answer, self._headers(status))

    def _request(self, scope: Message, template: str, ids: list[str], raw: bytes) -> Request:
        version, api_key, key, host = DEFAULT_VERSION, "", None, "127.0.0.1"
        for name, value in scope["headers"]:
            if name == b"authorization":
                api_key = value.decode("latin-1").removeprefix("Bearer ")
            elif name == b"method-version":
                version = value.decode("latin-1")
            elif name == b"idempotency-key":
                key = value.decode("latin-1")
            elif name == b"host":
                host = value.decode("latin-1")
        method = scope["method"]
        if method != "POST" or template.startswith("/simulate/"):
            key = None
        return Request(
            method=method,
            path=scope["path"],
            template=template,
            ids=ids,
            query_string=scope["query_string"].decode("latin-1"),
            raw=raw,
            version=version,
            now_ms=self.provider.clock.now_ms(),
            host=host,
            api_key=api_key,
            key=key or None,
        )

    def _admit(self, request: Request, scope: Message) -> None:
        """Check the key, the limits and the version.

        Raises:
            Refusal: 401, 429 or 400; none of them is kept for the idempotency key.
        """
        address, now_s = (scope.get("client") or ("?",))[0], time.monotonic()
        known = request.api_key.startswith("sk_")
        if known:
            wait_s = self.provider.limiter.admit(
                request.api_key, address, tier_of(request.method, request.template), now_s
            )
        else:
            wait_s = self.provider.limiter.admit_stranger(address, now_s)
        if wait_s:
            retry_after = (b"retry-after", b"%d" % math.ceil(wait_s))
            raise Refusal("TOO_MANY_REQUESTS", "Too many requests.", 429, headers=(retry_after,))
        if not known:
            raise Refusal("FORBIDDEN", "No valid API key was given.", 401, "INVALID_AUTHORIZATION")
        if request.version not in VERSIONS:
            raise Refusal("INVALID_REQUEST", "Method-Version is unknown.")
        if request.key is not None and len(request.key) > KEY_MAX:
            raise Refusal(
                "INVALID_REQUEST", f"Idempotency-Key must have at most {KEY_MAX} characters."
            )

    def _is_fresh(self, scope_key: bytes) -> bool:
        books = self.provider.books
        return not books.is_drawn(scope_key) and books.answer(scope_key) is None

    async def _hold(self, rule: Rule, scope: Message, receive: Receive) -> bool:
        """Do what a fault does before the request runs; whether it shall not run at all."""
        if rule.fault == "lose_request":
            await cut(scope, receive)
        elif rule.fault == "hang":
            try:
                await gone(receive)
            except asyncio.CancelledError:  # the server stops: not even then is there an answer
                await cut(scope, receive)
        elif rule.fault == "delay":
            await asyncio.sleep(rule.seconds)
        return rule.fault in ("lose_request", "hang")

    def _once(
        self, request: Request, handler: Handler | None, scope_key: bytes, rule: Rule | None
    ) -> tuple[Answer, bytes]:
        """(answer, idem-status): carried out at most once per key.

        Nothing is awaited between the look-up and the keeping, so two at once cannot both run; the caller awaits the commit before
        it answers, so the second, too, is answered from what is written.
        """
        if request.key is None:
            return self._run(request, handler, rule)[0], b"bypassed"
        books, digest = self.provider.books, hashlib.blake2b(request.raw, digest_size=16).digest()
        kept = books.answer(scope_key)
        if kept is not None:
            if kept[0] != digest and self.key_mismatch != "replay":
                raise Refusal(
                    "INVALID_REQUEST",
                    "This Idempotency-Key was used with another body.",
                    int(self.key_mismatch),
                )
            return kept[1], b"replayed"
        answer, keep = self._run(request, handler, rule)
        if rule is not None and rule.fault == "status":
            books.keep_drawn(scope_key)
        if keep is not None:
            books.keep_answer(scope_key, digest, keep)
        return answer, b"stored" if keep is answer else b"bypassed"

    def _run(
        self, request: Request, handler: Handler | None, rule: Rule | None
    ) -> tuple[Answer, Answer | None]:
        """(what is answered, what is kept for the key, if anything)."""
        if rule is None or rule.fault != "status":
            answer = self._execute(request, handler)
            return answer, None if answer.status in NEVER_KEPT else answer
        executed = self._execute(request, handler) if rule.execute else None
        sub_type = rule.sub_type or ("IDEMPOTENCY_UNAVAILABLE" if rule.status == 503 else None)
        broken = failure(rule.status, rule.type, sub_type, "Something went wrong on our side.")
        return broken, broken if rule.stored else executed

    def _execute(self, request: Request, handler: Handler | None) -> Answer:
        try:
            if handler is None:
                raise not_found()
            request.now_ms = self.provider.clock.now_ms()
            return handler(self.provider.world, request)
        except Refusal as refusal:
            return refused(refusal)

    def _headers(self, status: bytes) -> list[tuple[bytes, bytes]]:
        self._requests += 1
        request_id = f"req_{self.provider.world.salt}{self._requests:x}".encode()
        second = self.provider.clock.now_ms() // 1000
        if self._date[0] != second:
            self._date = (
                second,
                format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True).encode(),
            )
        return [
            (b"date", self._date[1]),
            (b"idem-request-id", request_id),
            (b"request-id", request_id),
            (b"idem-status", status),
        ]

    # Admin

    async def _admin(self, scope: Message, receive: Receive, send: Send) -> None:
        raw = await read(receive)
        if raw is None:
            return
        parts, method = scope["path"].split("/")[2:], scope["method"]
        await self.provider.books.committed()
        if parts == ["books"] and method == "GET":
            answer = Answer(200, dump(control_api.summary(self.provider)))
        elif (
            len(parts) == 2
            and parts[0] == "books"
            and method == "GET"
            and (lines := control_api.lines(self.provider, parts[1])) is not None
        ):
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"application/x-ndjson")],
                }
            )
            for chunk in lines:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b""})
            return
        elif len(parts) == 1 and parts[0] in control_api.ORDERS:
            answer = control_api.order(self.provider, method, parts[0], raw)
            await self.provider.books.committed()
        else:
            answer = Answer(404, b'{"error":"unknown"}')
        await respond(send, answer)


def scope_of(request: Request) -> bytes:
    """What an idempotency key belongs to: API key, method and path."""
    return hashlib.blake2b(
        f"{request.api_key}\0{request.method}\0{request.path}\0{request.key}".encode(),
        digest_size=16,
    ).digest()


async def read(receive: Receive) -> bytes | None:
    """The request's body; None when the client went away or sends more than is allowed."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while (
        message["type"] == "http.request"
        and message.get("more_body")
        and len(body) <= BODY_MAX_BYTES
    ):
        message = await receive()
        body += message.get("body", b"")
    return body if message["type"] == "http.request" and len(body) <= BODY_MAX_BYTES else None


async def gone(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut(scope: Message, receive: Receive) -> None:
    """Close the connection without an answer."""
    scope["extensions"][CUT]()
    await gone(receive)


async def respond(
    send: Send, answer: Answer, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Send an answer."""
    head = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *(headers or []),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    await send({"type": "http.response.body", "body": answer.body})
