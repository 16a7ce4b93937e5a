"""Signed calls over HTTP: the gateway's header, and the check around each service."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.observability.logs import log
from libs.common.web.call_signatures import (
    STREAM,
    CallContents,
    CallRefused,
    CallSigner,
    CallVerifier,
    SignedCall,
    hash_body,
)
from libs.common.web.internal_auth import IDENTITY, TOKEN
from libs.common.web.methods import SAFE_METHODS
from libs.common.web.problem_details import Problem, problem_response

SIGNATURE = "X-Paydown-Signature"
BODY_MAX = 64_000_000  # bytes; the gateway takes no more, uploads excepted


def sign_request(
    request: httpx.Request, service: str, signer: CallSigner, now_s: int, *, is_stream: bool = False
) -> None:
    """Add the signature of this very request to it; a repeated request needs another one.

    Args:
        service: the one that is called.
        now_s: in seconds since 1970.
        is_stream: its body is not known yet.
    """
    contents = CallContents(
        service,
        request.method,
        request.url.raw_path,
        tuple(request.headers.get(name, "").encode("ascii") for name in IDENTITY),
    )
    body_hash = STREAM if is_stream else hash_body(request.content)
    request.headers[SIGNATURE] = signer.sign(contents, now_s, secrets.token_hex(16), body_hash)


@dataclass(frozen=True)
class SignedCallsOnly:
    """ASGI middleware: a call with the internal token must be signed by the gateway.

    A call without that token passes: the routes of people are closed to it, and health, metrics
    and the provider's webhooks are not the gateway's.

    Args:
        service: its own name; a call to another service is not good here.
        clock: seconds since 1970.
        accept_unsigned: let calls without a signature pass, while an older gateway is replaced.
    """

    app: ASGIApp
    service: str
    verifier: CallVerifier
    clock: Callable[[], float]
    accept_unsigned: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or 401."""
        if scope["type"] == "http" and TOKEN in Headers(scope=scope):
            try:
                receive = await self._verified(scope, receive)
            except CallRefused as reason:
                log.warning("call_refused", reason=str(reason), method=scope["method"])
                response = problem_response(Request(scope), _refusal(str(reason)))
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _verified(self, scope: Scope, receive: Receive) -> Receive:
        """What the application receives instead, once the call is verified."""
        headers = Headers(scope=scope)
        header = headers.get(SIGNATURE, "")
        if not header and self.accept_unsigned:
            return receive
        now_s = int(self.clock())
        call = self.verifier.verify(self._contents(scope, headers), header, now_s)
        if call.body_hash != STREAM:
            receive = await _checked_body(call, receive)
        if scope["method"] not in SAFE_METHODS:
            self.verifier.use_once(call, now_s)
        return receive

    def _contents(self, scope: Scope, headers: Headers) -> CallContents:
        query = scope["query_string"]
        return CallContents(
            self.service,
            scope["method"],
            scope["raw_path"] + (b"?" + query if query else b""),
            tuple(headers.get(name, "").encode("latin-1") for name in IDENTITY),
        )


async def _checked_body(call: SignedCall, receive: Receive) -> Receive:
    """Read the body; what gives it to the application once more."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallRefused("the call was cut off")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_MAX:
            raise CallRefused("its body is too large")
    if hash_body(bytes(body)) != call.body_hash:
        raise CallRefused("the signature is of another body")
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return receive_again


def _refusal(reason: str) -> Problem:
    return Problem(
        401,
        "internal.signature",
        f"This call was refused, because {reason}. Nothing was done.",
        "Use the gateway. If this is the gateway: compare its keys and clock with the service's.",
    )
