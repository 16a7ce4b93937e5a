"""More than one client should send: guesses, calls, half requests, endless bodies.

The last tries, because a person or an address that has sent too much must wait for a minute.
"""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial

from devtools.attack.target import JSON_BODY, SAME_ORIGIN, Target, bearer
from devtools.attack.tries import HELD, Try
from services.gateway.settings import GatewaySettings

GUESSES, CALLS, HALF_REQUESTS = 200, 3_600, 300
PER_MIN: int = GatewaySettings.model_fields["calls_per_min"].default
ANSWER_S = 5.0
CHUNK = b"10000\r\n" + b"x" * 65_536 + b"\r\n"


def flood_tries(target: Target, address: tuple[str, int]) -> Iterator[Try]:
    """All floods."""
    yield Try("floods", "half requests", partial(_half_requests, target, address))
    yield Try("floods", "a body without an end", partial(endless_body, address))
    yield Try("floods", "guessed tokens", partial(_guesses, target))
    yield Try("floods", "sign-ins of nobody", partial(_sign_ins, target))
    yield Try("floods", "calls of one person", partial(_calls, target))
    yield Try("floods", "others are still answered", partial(_others, target))


def _half_requests(target: Target, address: tuple[str, int]) -> str:
    """Connections that never finish their request do not keep others out."""
    with ExitStack() as open_ones:
        for _ in range(HALF_REQUESTS):
            connection = open_ones.enter_context(socket.create_connection(address, ANSWER_S))
            connection.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        began = time.monotonic()
        status = target.gateway("GET", "/health").status_code
        took = time.monotonic() - began
    return HELD if status == 200 and took < ANSWER_S else f"answered {status} after {took:.1f} s"


def endless_body(address: tuple[str, int]) -> str:
    """A body without a length is read up to the limit of its route and no further."""
    head = (
        b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(address, ANSWER_S) as connection:
        try:
            with suppress(OSError):  # refused before all was sent; the answer may be there
                connection.sendall(head + CHUNK * 200)
            answer = connection.recv(65_536)
        except TimeoutError:
            return "neither refused nor closed"
        except ConnectionError:
            return HELD
    return HELD if b" 413 " in answer[:20] or not answer else f"answered {answer[:60]!r}"


def _guesses(target: Target) -> str:
    found = Counter(
        target.gateway(
            "GET", "/api/v1/me", [(b"Authorization", f"Bearer paydown_{n:043d}".encode())]
        ).status_code
        for n in range(GUESSES)
    )
    return HELD if set(found) <= {401, 429} and found[429] else f"answered {dict(found)}"


def _sign_ins(target: Target) -> str:
    sent = [SAME_ORIGIN, JSON_BODY]
    found = Counter(
        target.gateway(
            "POST", "/api/v1/session", sent, f'{{"person":"nobody-{n}"}}'.encode()
        ).status_code
        for n in range(GUESSES)
    )
    return HELD if found[429] and 200 not in found else f"answered {dict(found)}"


def _calls(target: Target) -> str:
    """No more are answered than the limit lets through in the time that it took."""
    began = time.monotonic()
    found = Counter(
        target.gateway("GET", "/api/v1/me", [bearer("operator")]).status_code for _ in range(CALLS)
    )
    most = PER_MIN + PER_MIN / 60 * (time.monotonic() - began) + 1
    return HELD if set(found) <= {200, 429} and found[200] <= most else f"answered {dict(found)}"


def _others(target: Target) -> str:
    status = target.gateway("GET", "/api/v1/me", [bearer("auditor")]).status_code
    return HELD if status == 200 else f"answered {status}"
