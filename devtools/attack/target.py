"""What is attacked: the gateway and the services behind it, on a stack or in this process."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from devtools.api_compatibility import Description
from libs.common.web.call_signatures import GATEWAY, CallSigner
from services import catalog
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.domain.access import ROLES

Headers = Sequence[tuple[bytes, bytes]]
Json = Mapping[str, Any]  # Any: JSON
SAME_ORIGIN = (b"Sec-Fetch-Site", b"same-origin")
JSON_BODY = (b"Content-Type", b"application/json")
INNER = tuple(name for name in catalog.NAMES if name != GATEWAY)
ID = "7f3e0b86-3a5a-4a52-9d3a-0c7b2a1f0009"  # nothing has it


class Send(Protocol):
    """Sends one request to one server. The path begins with / and may have a query."""

    def __call__(
        self, method: str, path: str, headers: Headers = (), content: bytes = b""
    ) -> httpx.Response:
        """The answer."""


@dataclass(frozen=True)
class Operation:
    """One operation of an API's description."""

    method: str
    path: str  # with parameters in braces
    described: Json

    def filled(self, value: str = ID) -> str:
        """The path with a value, percent-encoded, in the place of each parameter."""
        return re.sub(r"\{[^}]*\}", value, self.path)


@dataclass(frozen=True)
class Target:
    """A system with demo sign-in, and the keys that near misses are made with.

    Args:
        services: the services behind the gateway, by name.
        signer: the gateway's key.
        stolen: a key of another service.
        settle: waits until an uploaded batch has been read, and returns it.
    """

    gateway: Send
    services: Mapping[str, Send]
    internal_token: str
    signer: CallSigner
    stolen: CallSigner
    settle: Callable[[str], Json]
    sessions: dict[str, str] = field(default_factory=dict)

    def description(self) -> Json:
        """The description of the gateway's API, as it serves it."""
        found: Json = self.gateway("GET", "/openapi.json").json()
        return found

    def session(self, role: str) -> tuple[bytes, bytes]:
        """The cookie of a browser in which the demo person with this role has signed in."""
        if role not in self.sessions:
            self.sessions[role] = self.new_session(role)
        return (b"Cookie", self.sessions[role].encode())

    def new_session(self, role: str) -> str:
        """Sign in once more; the value of the Cookie header."""
        answer = self.gateway(
            "POST",
            "/api/v1/session",
            [SAME_ORIGIN, JSON_BODY],
            f'{{"person":"demo-{role}"}}'.encode(),
        )
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert cookie.startswith(f"{SESSION_COOKIE}="), cookie
        return str(cookie)


def bearer(role: str) -> tuple[bytes, bytes]:
    """The header of a demo person."""
    assert role in ROLES
    return (b"Authorization", f"Bearer demo-{role}".encode())


def operations(description: Json) -> list[Operation]:
    """Every operation of an API, by path."""
    found = []
    for name, described in Description(dict(description)).operations():
        method, _, path = name.partition(" ")
        found.append(Operation(method, path, described))
    return sorted(found, key=lambda one: one.path)
