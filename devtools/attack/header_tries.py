"""Headers that no honest client sends: bytes outside ASCII, very long ones, repeated ones."""

from collections.abc import Iterator
from functools import partial

from devtools.attack.target import ID, JSON_BODY, Target, bearer
from devtools.attack.tries import HELD, Try, answered, not_failed

ME, SESSION, AUDIT = "/api/v1/me", "/api/v1/session", "/api/v1/audit?limit=1"
NAMES = (
    "Authorization",
    "Cookie",
    "Idempotency-Key",
    "Origin",
    "Sec-Fetch-Site",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Forwarded",
    "Content-Type",
    "Content-Encoding",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Last-Event-ID",
    "traceparent",
    "tracestate",
    "X-Request-Id",
    "If-None-Match",
    "If-Modified-Since",
    "Range",
    "Referer",
    "User-Agent",
)
VALUES = {
    "bytes that are no text": b"\xff\xfe",
    "UTF-8": "Bearer \u20ac\u202e".encode(),
    "8 kB": b"a" * 8_000,
    "SQL": b"' OR 1=1 --",
    "nothing": b"",
}
TWICE = ("Authorization", "Cookie", "Idempotency-Key", "Origin", "Sec-Fetch-Site")


def header_tries(target: Target) -> Iterator[Try]:
    """All tries with headers."""

    def read(name: str, value: bytes) -> str:
        sent = [(name.encode(), value)]
        if name != "Authorization":
            sent.append(bearer("auditor"))
        return not_failed(target.gateway("GET", ME, sent))

    def write(name: str, value: bytes) -> str:
        sent = [(name.encode(), value)]
        if name != "Authorization":
            sent.append(bearer("preparer"))
        if name != "Content-Type":
            sent.append(JSON_BODY)
        path = f"/api/v1/batches/{ID}/discard"
        answer = target.gateway("POST", path, sent, b'{"reason": "no"}')
        return not_failed(answer) or answered(answer, range(400, 500))

    for name in NAMES:
        for kind, value in VALUES.items():
            yield Try("headers", f"{name} is {kind}, reading", partial(read, name, value))
            yield Try("headers", f"{name} is {kind}, writing", partial(write, name, value))
    for name in TWICE:
        yield Try("headers", f"{name} twice", partial(_twice, target, name.encode()))
    yield Try("headers", "X-Forwarded-For from nobody's proxy", partial(_forged_address, target))
    for host in (b"evil.example", b"127.0.0.1.evil.example", b"evil.example:8080", b"", b"\xff"):
        yield Try("headers", f"Host is {host!r}", partial(_other_host, target, host))


def _twice(target: Target, name: bytes) -> str:
    """Two values: one of them may count, never both together."""
    people = [("demo-preparer", ["preparer"]), ("demo-auditor", ["auditor"])]
    first, second = {
        b"Authorization": (bearer("preparer")[1], bearer("auditor")[1]),
        b"Cookie": (target.session("preparer")[1], target.session("auditor")[1]),
    }.get(name, (b"127.0.0.1", b"evil.example"))
    sent = [(name, first), (name, second)]
    if name not in (b"Authorization", b"Cookie"):
        sent.append(bearer("auditor"))
    answer = target.gateway("GET", ME, sent)
    if answer.status_code != 200:
        return not_failed(answer)
    me = answer.json()
    return HELD if (me["id"], me["roles"]) in people else f"somebody else answers: {me}"


def _forged_address(target: Target) -> str:
    """The audit log has the address of the connection, not one that the caller names."""
    sent = [(b"X-Forwarded-For", b"203.0.113.99"), bearer("auditor")]
    path = f"/api/v1/batches/{ID}/pause"
    refused = target.gateway("POST", path, [*sent, JSON_BODY], b'{"reason": "no"}')
    lines = target.gateway("GET", AUDIT, [bearer("auditor")])
    return answered(refused, (403,)) or (
        "the audit log believes it" if "203.0.113.99" in lines.text else HELD
    )


def _other_host(target: Target, host: bytes) -> str:
    """Demo tokens are known to everybody, so no foreign name may lead here (DNS rebinding)."""
    return answered(target.gateway("GET", ME, [(b"Host", host), bearer("admin")]), range(400, 500))
