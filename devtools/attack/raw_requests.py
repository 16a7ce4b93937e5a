"""Requests that no HTTP library sends, over sockets: smuggling, broken framing, traversal."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from devtools.attack.tries import HELD, TEXT_MAX, Try

TIMEOUT_S, SILENCE_S = 5.0, 0.5
READ_MAX = 1 << 20
ADMIN = b"Authorization: Bearer demo-admin\r\n"
#: A second request, hidden in the first: answered, it is a token of an administrator.
HIDDEN = b"GET /api/v1/audit?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ADMIN + b"\r\n"
OPEN = HIDDEN[:-2] + b"Connection: close\r\n\r\n"  # the same, not hidden
POST = b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
GET = b"GET /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n"
END = b"0\r\n\r\n"

#: One request each, with one hidden in its body. Both may not be answered with success.
SMUGGLED = {
    "two lengths": POST + b"Content-Length: 0\r\n" + LENGTH % len(HIDDEN) + b"\r\n" + HIDDEN,
    "a length and chunks": POST + LENGTH % len(END + HIDDEN) + CHUNKED + b"\r\n" + END + HIDDEN,
    "chunks and a length": POST + CHUNKED + LENGTH % len(END + HIDDEN) + b"\r\n" + END + HIDDEN,
    "a length of two values": POST + b"Content-Length: 0, %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a signed length": POST + b"Content-Length: +0\r\n\r\n" + HIDDEN,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + HIDDEN,
    "a length in hex": POST + b"Content-Length: 0x0\r\n\r\n" + HIDDEN,
    "a length of other digits": POST + "Content-Length: \u0660\r\n\r\n".encode() + HIDDEN,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + END + HIDDEN,
    "a folded header": POST + b"X: a\r\n " + CHUNKED + b"\r\n" + END + HIDDEN,
    "unknown chunks": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + END + HIDDEN,
    "chunks in chunks": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + END + HIDDEN,
    "identity and chunks": POST
    + b"Transfer-Encoding: identity\r\n"
    + CHUNKED
    + b"\r\n"
    + END
    + HIDDEN,
    "a chunk size that overflows": POST + CHUNKED + b"\r\n" + b"F" * 17 + b"\r\n" + HIDDEN,
    "a negative chunk": POST + CHUNKED + b"\r\n-1\r\n" + HIDDEN,
    "a chunk without an end": POST + CHUNKED + b"\r\n1\r\nab" + HIDDEN,
    "bare line feeds": POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + HIDDEN,
    "a bare carriage return": POST + b"X: a\rContent-Length: 0\r\n\r\n" + HIDDEN,
}
TRAILERS = POST + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n"
#: Requests that must be refused, or not be answered at all.
BROKEN = {
    "HTTP/0.9": b"GET /api/v1/me\r\n\r\n",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    "no Host": b"GET /api/v1/me HTTP/1.1\r\n" + ADMIN + b"\r\n",
    "two Hosts": GET + b"Host: evil.example\r\n" + ADMIN + b"\r\n",
    "another Host in the line": b"GET http://evil.example/api/v1/me HTTP/1.1\r\nHost: evil.example"
    b"\r\n" + ADMIN + b"\r\n",
    "a NUL in a header": GET + b"X: a\0b\r\n" + ADMIN + b"\r\n",
    "a NUL in the path": b"GET /api/v1/me\0 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ADMIN + b"\r\n",
    "a header of 1 MB": GET + b"X: " + b"a" * 1_000_000 + b"\r\n" + ADMIN + b"\r\n",
    "a path of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a trailer without an end": TRAILERS + b"X: " + b"a" * 1_000_000,
    "trailers without an end": TRAILERS + b"X: a\r\n" * 200_000,
    "TRACE": b"TRACE /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ADMIN + b"\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:8101 HTTP/1.1\r\nHost: 127.0.0.1:8101\r\n\r\n",
    "a method that is none": b"G\xffT /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a body of 1 TB": POST + b"Content-Length: 1000000000000\r\n\r\n" + b"{",
    "an upload of 1 TB": b"POST /api/v1/batches?filename=x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Authorization: Bearer demo-preparer\r\nContent-Length: 1000000000000\r\n\r\n<",
}
TRAVERSALS = (
    "/../../../../etc/passwd",
    "/assets/../../../../etc/passwd",
    "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/assets/..%252f..%252fetc%252fpasswd",
    "/assets/..\\..\\..\\etc\\passwd",
    "/assets/..%5c..%5cetc%5cpasswd",
    "/assets/....//....//etc/passwd",
    "/assets/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "//etc/passwd",
    "/assets//etc/passwd",
    "/%00/etc/passwd",
    "/index.html%00.png",
    "/.env",
    "/.git/config",
    "/keys.json",
    "/../services/gateway/app.py",
    "/api/v1/../../etc/passwd",
    "/api/v1/batches/..;/audit",
    "/api/v1//audit",
    "/API/V1/audit",
    "/docs/../../../etc/passwd",
)
LEAKED = (b"root:", b"signing_keys", b"[core]", b"import httpx")


def raw_tries(address: tuple[str, int]) -> Iterator[Try]:
    """All tries over sockets, after one that what they hide is answered when it is not hidden."""
    yield Try("smuggling", "an honest request is answered", partial(_answered, address))
    for name, request in SMUGGLED.items():
        yield Try("smuggling", name, partial(_smuggled, address, request))
    for name, request in BROKEN.items():
        yield Try("framing", name, partial(_refused, address, request))
    for path in TRAVERSALS:
        yield Try("traversal", path, partial(_traversal, address, path))


def exchange(address: tuple[str, int], request: bytes, silence_s: float = SILENCE_S) -> bytes:
    """All that comes back until the server closes, or is silent for so long."""
    found = b""
    with socket.create_connection(address, TIMEOUT_S) as connection:
        with suppress(OSError):  # refused before all was sent; the answer may be there
            connection.sendall(request)
        connection.settimeout(silence_s)
        try:
            while len(found) < READ_MAX and (piece := connection.recv(65_536)):
                found += piece
        except OSError:
            return found
    return found


def _statuses(answers: bytes) -> list[int]:
    lines = answers.split(b"\r\n")
    return [int(line.split()[1]) for line in lines if line.startswith(b"HTTP/1.1 ")]


def _shown(answers: bytes) -> str:
    return repr(answers[:TEXT_MAX])


def _answered(address: tuple[str, int]) -> str:
    statuses = _statuses(exchange(address, OPEN, TIMEOUT_S))
    return HELD if statuses == [200] else f"answered {statuses}: the other tries show nothing"


def _smuggled(address: tuple[str, int], request: bytes) -> str:
    """A framing that two servers may read differently is refused, with all that follows it."""
    statuses = _statuses(exchange(address, request))
    return HELD if 200 not in statuses and len(statuses) <= 1 else f"answered {statuses}"


def _refused(address: tuple[str, int], request: bytes) -> str:
    answers = exchange(address, request)
    statuses = _statuses(answers)
    if any(status < 400 or status >= 500 for status in statuses) or len(statuses) > 1:
        return f"answered {statuses}: {_shown(answers)}"
    return HELD


def _traversal(address: tuple[str, int], path: str) -> str:
    line = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answers = exchange(address, line.encode())
    statuses = _statuses(answers)
    if any(secret in answers for secret in LEAKED):
        return f"shows a file: {_shown(answers)}"
    return HELD if all(status < 500 for status in statuses) else f"answered {statuses}"
