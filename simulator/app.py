"""The ASGI application: admits a request, injects faults, keeps idempotency, answers.

An answer is sent only after everything that it depends on is committed.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime

from simulator import control_api
from simulator.asgi import (
    Message,
    Receive,
    Send,
    cut_connection,
    read_body,
    respond,
    wait_for_disconnect,
)
from simulator.engine import ProviderEngine
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
from simulator.routes.table import Handler, route_table, template_of

KEY_MAX = 255  # characters
#: Answers of these statuses are not stored for an idempotency key.
NEVER_STORED = frozenset({401, 429, 503})


class App:
    """The provider's API and the control API over HTTP."""

    def __init__(self, engine: ProviderEngine, key_mismatch: str = "replay") -> None:
        self.engine, self.key_mismatch = engine, key_mismatch
        self.routes: dict[tuple[str, str], Handler] = route_table(engine.storage)
        self._requests = 0
        self._date = (0, b"")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the server, as ASGI defines it."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/_simulator/"):
                await self._control(scope, receive, send)
            elif path in ("/health/live", "/health/ready"):
                await respond(send, Answer(200, b'{"status":"ok"}'))
            else:
                await self._serve(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.engine.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.engine.stop()
        await send({"type": "lifespan.shutdown.complete"})

    # The provider's API

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        engine, method, path = self.engine, scope["method"], scope["path"]
        template, ids = template_of(path)
        handler = self.routes.get((method, template))
        engine.calls[f"{method} {template}" if handler else "other"] += 1
        raw = await read_body(receive)
        if raw is None:
            return
        answer, rule, status = None, None, b"bypassed"
        try:
            request = self._request(scope, template, ids, raw)
            self._admit(request, scope)
            scope_key = scope_of(request)
            rule = engine.faults.draw(
                method, path, request.key, lambda: self._is_new(scope_key, request.now_ms)
            )
            if rule is not None and await self._inject_before(rule, scope, receive):
                return
            answer, status = self._execute_once(request, handler, scope_key, rule)
        except Refusal as refusal:
            answer = refused(refusal)
            engine.limit_violations += refusal.status == 429
        await engine.storage.committed()
        if rule is not None and rule.fault == "lose_answer":
            await cut_connection(scope, receive)
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
            now_ms=self.engine.clock.now_ms(),
            host=host,
            api_key=api_key,
            key=key or None,
        )

    def _admit(self, request: Request, scope: Message) -> None:
        """Check the API key, the limits and the version.

        Raises:
            Refusal: 401, 429 or 400. None of them is stored for the idempotency key.
        """
        address, now_s = (scope.get("client") or ("?",))[0], time.monotonic()
        authenticated = request.api_key.startswith("sk_")
        limiter = self.engine.limiter
        if authenticated:
            tier = tier_of(request.method, request.template)
            wait_s = limiter.admit(request.api_key, address, tier, now_s)
        else:
            wait_s = limiter.admit_unauthenticated(address, now_s)
        if wait_s:
            retry_after = (b"retry-after", b"%d" % math.ceil(wait_s))
            raise Refusal("TOO_MANY_REQUESTS", "Too many requests.", 429, headers=(retry_after,))
        if not authenticated:
            raise Refusal("FORBIDDEN", "No valid API key was given.", 401, "INVALID_AUTHORIZATION")
        if request.version not in VERSIONS:
            raise Refusal("INVALID_REQUEST", "Method-Version is unknown.")
        if request.key is not None and len(request.key) > KEY_MAX:
            raise Refusal(
                "INVALID_REQUEST", f"Idempotency-Key must have at most {KEY_MAX} characters."
            )

    def _is_new(self, scope_key: bytes, now_ms: int) -> bool:
        storage = self.engine.storage
        return not storage.is_drawn(scope_key) and storage.find_answer(scope_key, now_ms) is None

    async def _inject_before(self, rule: Rule, scope: Message, receive: Receive) -> bool:
        """Inject what a fault does before the request runs; true if it must not run at all."""
        if rule.fault == "lose_request":
            await cut_connection(scope, receive)
        elif rule.fault == "hang":
            try:
                await wait_for_disconnect(receive)
            except asyncio.CancelledError:  # the server stops: even then there is no answer
                await cut_connection(scope, receive)
        elif rule.fault == "delay":
            await asyncio.sleep(rule.seconds)
        return rule.fault in ("lose_request", "hang")

    def _execute_once(
        self, request: Request, handler: Handler | None, scope_key: bytes, rule: Rule | None
    ) -> tuple[Answer, bytes]:
        """(answer, idem-status) of a request, executed at most once per idempotency key.

        Nothing is awaited between the look-up of the key and the storing of the answer, so two
        requests at once cannot both run. The caller awaits the commit before it answers, so the
        second one, too, is answered from what is committed.
        """
        if request.key is None:
            return self._run(request, handler, rule)[0], b"bypassed"
        storage = self.engine.storage
        digest = hashlib.blake2b(request.raw, digest_size=16).digest()
        now_ms = self.engine.clock.now_ms()
        stored = storage.find_answer(scope_key, now_ms)
        if stored is not None:
            if stored[0] != digest and self.key_mismatch != "replay":
                raise Refusal(
                    "INVALID_REQUEST",
                    "This Idempotency-Key was used with another body.",
                    int(self.key_mismatch),
                )
            return stored[1], b"replayed"
        answer, to_store = self._run(request, handler, rule)
        if rule is not None and rule.fault == "status":
            storage.mark_drawn(scope_key)
        if to_store is not None:
            storage.store_answer(scope_key, digest, to_store, now_ms)
        return answer, b"stored" if to_store is answer else b"bypassed"

    def _run(
        self, request: Request, handler: Handler | None, rule: Rule | None
    ) -> tuple[Answer, Answer | None]:
        """(what is answered, what is stored for the key, if anything)."""
        if rule is None or rule.fault != "status":
            answer = self._execute(request, handler)
            return answer, None if answer.status in NEVER_STORED else answer
        executed = self._execute(request, handler) if rule.execute else None
        sub_type = rule.sub_type or ("IDEMPOTENCY_UNAVAILABLE" if rule.status == 503 else None)
        injected = failure(rule.status, rule.type, sub_type, "Something went wrong on our side.")
        return injected, injected if rule.stored else executed

    def _execute(self, request: Request, handler: Handler | None) -> Answer:
        try:
            if handler is None:
                raise not_found()
            request.now_ms = self.engine.clock.now_ms()
            return handler(self.engine.state, request)
        except Refusal as refusal:
            return refused(refusal)

    def _headers(self, status: bytes) -> list[tuple[bytes, bytes]]:
        self._requests += 1
        request_id = f"req_{self.engine.state.salt}{self._requests:x}".encode()
        second = self.engine.clock.now_ms() // 1000
        if self._date[0] != second:
            now = format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)
            self._date = (second, now.encode())
        return [
            (b"date", self._date[1]),
            (b"idem-request-id", request_id),
            (b"request-id", request_id),
            (b"idem-status", status),
        ]

    # The control API

    async def _control(self, scope: Message, receive: Receive, send: Send) -> None:
        raw = await read_body(receive)
        if raw is None:
            return
        parts, method = scope["path"].split("/")[2:], scope["method"]
        await self.engine.storage.committed()
        if method == "GET" and len(parts) == 2 and parts[0] == "books":
            lines = control_api.lines(self.engine, parts[1])
            if lines is not None:
                await _send_lines(send, lines)
                return
        answer = Answer(404, b'{"error":"unknown"}')
        if method == "GET" and parts == ["books"]:
            answer = Answer(200, dump(control_api.summary(self.engine)))
        elif len(parts) == 1 and parts[0] in control_api.CONTROLS:
            answer = control_api.answer_control(self.engine, method, parts[0], raw)
            await self.engine.storage.committed()
        await respond(send, answer)


async def _send_lines(send: Send, lines: Iterable[bytes]) -> None:
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for chunk in lines:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


def scope_of(request: Request) -> bytes:
    """What an idempotency key belongs to: a digest of API key, method, path and key."""
    return hashlib.blake2b(
        f"{request.api_key}\0{request.method}\0{request.path}\0{request.key}".encode(),
        digest_size=16,
    ).digest()
