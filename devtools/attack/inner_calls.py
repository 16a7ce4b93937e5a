"""Calls to the services behind the gateway: without a signature, and with one that is not theirs.

The internal token is taken for stolen. Each route of each service is tried, from the description
that the service itself serves.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import httpx

from devtools.attack.target import ID, INNER, JSON_BODY, Headers, Operation, Target, operations
from devtools.attack.tries import Try, answered
from libs.common.web.call_signatures import GOOD_FOR_S, CallContents, CallSigner, hash_body
from libs.common.web.internal_auth import IDENTITY, TOKEN, Actor
from libs.common.web.methods import UNSAFE_METHODS
from libs.common.web.signed_calls import SIGNATURE

WEBHOOK = "/webhooks/method"
PATIENCE_S = 5
APPROVER = Actor("mallory", frozenset({"approver"}))
NOBODY = Actor("mallory")
BODY = b'{"reason":"no"}'


def inner_tries(target: Target) -> Iterator[Try]:
    """All tries on the services behind the gateway."""
    for service in INNER:
        description = target.services[service]("GET", "/openapi.json").json()
        for one in operations(description):
            if one.path != WEBHOOK:
                yield from _of_route(target, service, one)
    for forged in FORGERIES:
        for service in INNER:
            yield Try(
                "assertions", f"{service}: {forged}", partial(_forged, target, service, forged)
            )


def _of_route(target: Target, service: str, one: Operation) -> Iterator[Try]:
    path = one.filled()
    send, name = target.services[service], f"{service} {one.method} {one.path}"

    def run(headers: Headers) -> str:
        return answered(send(one.method, path, [*headers, JSON_BODY], BODY), (401,))

    def signed(signer: CallSigner, age_s: int = 0) -> Headers:
        return _signed(target, service, one.method, path, signer, age_s=age_s)

    yield Try("inner calls", f"{name} without the token", partial(run, []))
    guessed = [(TOKEN.encode(), b"guess")]
    yield Try("inner calls", f"{name} with another token", partial(run, guessed))
    yield Try("inner calls", f"{name} unsigned", partial(run, _identity(target, APPROVER)))
    yield Try("inner calls", f"{name} with a stolen key", lambda: run(signed(target.stolen)))
    yield Try(
        "inner calls",
        f"{name} with an expired signature",
        lambda: run(signed(target.signer, age_s=GOOD_FOR_S + PATIENCE_S)),
    )
    if one.method in UNSAFE_METHODS:

        def replayed() -> str:
            headers = [*signed(target.signer), JSON_BODY]
            send(one.method, path, headers, BODY)
            return answered(send(one.method, path, headers, BODY), (401,), "internal.signature")

        yield Try("inner calls", f"{name} replayed", replayed)


def _identity(target: Target, actor: Actor) -> Headers:
    made = actor.headers(target.internal_token)
    return [(name.encode(), value.encode()) for name, value in made.items()]


def _signed(
    target: Target,
    service: str,
    method: str,
    path: str,
    signer: CallSigner,
    *,
    actor: Actor = NOBODY,
    age_s: int = 0,
    body: bytes = BODY,
) -> list[tuple[bytes, bytes]]:
    """The headers of a call that is signed with a key, some seconds ago.

    The person has no role: a call that is let through changes nothing.
    """
    made = actor.headers(target.internal_token)
    contents = CallContents(
        service, method, path.encode(), tuple(made[name].encode() for name in IDENTITY)
    )
    call_id = f"{time.monotonic_ns():032x}"
    header = signer.sign(contents, int(time.time()) - age_s, call_id, hash_body(body))
    return [*_identity(target, actor), (SIGNATURE.encode(), header.encode())]


def _changed(headers: Headers, name: str, value: bytes) -> Headers:
    return [(key, value if key == name.encode() else old) for key, old in headers]


def _added(headers: Headers, name: str, value: bytes) -> Headers:
    """The value in front of the one that is signed: whichever is read, one is not signed."""
    return [(name.encode(), value), *headers]


def _send(target: Target, service: str, headers: Headers, body: bytes = BODY) -> httpx.Response:
    return target.services[service]("POST", f"/batches/{ID}/x", [*headers, JSON_BODY], body)


def _forged(target: Target, service: str, forgery: str) -> str:
    """A true signature for a route of this name, with one thing of the call changed."""
    true = _signed(target, service, "POST", f"/batches/{ID}/x", target.signer)
    return answered(FORGERIES[forgery](target, service, true), (401,))


Forgery = Callable[[Target, str, Headers], httpx.Response]
FORGERIES: dict[str, Forgery] = {
    "another person": lambda t, s, true: _send(t, s, _changed(true, IDENTITY[0], b"anna")),
    "more roles": lambda t, s, true: _send(t, s, _changed(true, IDENTITY[1], b"approver")),
    "counts as nobody": lambda t, s, true: _send(t, s, _changed(true, IDENTITY[2], b"x")),
    "a second person header": lambda t, s, true: _send(t, s, _added(true, IDENTITY[0], b"anna")),
    "a second roles header": lambda t, s, true: _send(t, s, _added(true, IDENTITY[1], b"approver")),
    "another body": lambda t, s, true: _send(t, s, true, b'{"reason":"yes"}'),
    "a longer body": lambda t, s, true: _send(t, s, true, BODY + b" "),
    "no body": lambda t, s, true: _send(t, s, true, b""),
    "another path": lambda t, s, true: t.services[s](
        "POST", f"/batches/{ID}/y", [*true, JSON_BODY], BODY
    ),
    "a query": lambda t, s, true: t.services[s](
        "POST", f"/batches/{ID}/x?force=1", [*true, JSON_BODY], BODY
    ),
    "another method": lambda t, s, true: t.services[s](
        "DELETE", f"/batches/{ID}/x", [*true, JSON_BODY], BODY
    ),
    "another service": lambda t, s, _: _send(
        t,
        s,
        _signed(t, next(o for o in INNER if o != s), "POST", f"/batches/{ID}/x", t.signer),
    ),
    "of tomorrow": lambda t, s, _: _send(
        t, s, _signed(t, s, "POST", f"/batches/{ID}/x", t.signer, age_s=-86_400)
    ),
    "a stolen key under the gateway's name": lambda t, s, _: _send(
        t,
        s,
        _signed(t, s, "POST", f"/batches/{ID}/x", replace(t.stolen, key_id=t.signer.key_id)),
    ),
    "an empty signature": lambda t, s, true: _send(t, s, _changed(true, SIGNATURE, b"")),
    "half a signature": lambda t, s, true: _send(
        t, s, _changed(true, SIGNATURE, dict(true)[SIGNATURE.encode()][:-30])
    ),
    "bytes outside ASCII": lambda t, s, true: _send(
        t, s, _changed(true, SIGNATURE, b"\xff:1:1:1:1")
    ),
    "a time of other digits": lambda t, s, true: _send(
        t, s, _changed(true, SIGNATURE, "k:\u0661:1:-:AAAA".encode())
    ),
}


def webhook_tries(target: Target) -> Iterator[Try]:
    """Deliveries that the provider has not signed. Their refusal is stored by a loop."""
    send, now = target.services["webhooks"], int(time.time())
    body = b'{"id":"pmt_1","type":"payment.update","op":"update"}'
    for name, headers, content in (
        ("no signature", [], body),
        ("an empty signature", [(b"method-webhook-signature", b"")], body),
        ("a guessed signature", [(b"method-webhook-signature", b"0" * 64)], body),
        ("no UTF-8", [(b"method-webhook-signature", b"\xff" * 64)], body),
        ("a body of 10 MB", [], b"x" * 10_000_000),
        ("an old time", [(b"method-webhook-timestamp", b"1")], body),
        ("a time that is none", [(b"method-webhook-timestamp", "\u0661".encode())], body),
        ("a huge time", [(b"method-webhook-timestamp", b"9" * 400)], body),
    ):
        sent = [(b"method-webhook-timestamp", str(now).encode()), *headers]
        if any(key == b"method-webhook-timestamp" for key, _ in headers):
            sent = [*headers, (b"method-webhook-signature", b"0" * 64)]

        def run(sent: Headers = sent, content: bytes = content) -> str:
            return answered(send("POST", WEBHOOK, sent, content), (400, 401, 413))

        yield Try("webhooks", name, run)
