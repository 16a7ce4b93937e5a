"""Sends a signed webhook (Standard Webhooks, https://www.standardwebhooks.com) to a person's URL.

The URL comes from people, so it must reach nothing inside our network: its name is looked up once,
every address of it must be public, and the connection is made to the very address that was checked.
Redirects are not followed, and nothing of the answer but its status is read.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook

from services.gateway.notifications.outcome import SENT, Outcome
from services.gateway.notifications.webhook_addresses import is_public_address, why_no_url

STEP_S, ATTEMPT_S = 5.0, 15.0
#: The addresses of a host name, best first.
Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True)
class WebhookMessage:
    """One delivery; each attempt has the same id and the same body."""

    message_id: str
    kind: str
    at: datetime
    data: Mapping[str, Any]

    def body(self) -> str:
        """The JSON that is signed and sent."""
        content = {"type": self.kind, "timestamp": self.at.isoformat(), "data": dict(self.data)}
        return json.dumps(content, sort_keys=True)


def system_resolver(executor: Executor) -> Resolve:
    """Looks names up with the system's resolver, in threads of their own."""

    def look_up(host: str, port: int) -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ordered = sorted(found, key=lambda one: one[0] != socket.AF_INET)
        return [str(one[4][0]) for one in ordered]

    async def resolve(host: str, port: int) -> list[str]:
        return await asyncio.get_running_loop().run_in_executor(executor, look_up, host, port)

    return resolve


@dataclass(frozen=True)
class WebhookClient:
    """Sends webhooks.

    Args:
        allow_http, allow_private: from the settings; both weaken the guard.
        transport: for tests.
    """

    resolve: Resolve
    allow_http: bool = False
    allow_private: bool = False
    transport: httpx.AsyncBaseTransport | None = None

    async def send(self, url: str, secret: str, message: WebhookMessage) -> Outcome:
        """Make one attempt; it ends within ATTEMPT_S seconds."""
        if why_no_url(url, allow_http=self.allow_http, allow_private=self.allow_private):
            return Outcome("address", is_final=True)
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._send(httpx.URL(url), secret, message)
        except (TimeoutError, httpx.TimeoutException):
            return Outcome("timeout")
        except socket.gaierror:
            return Outcome("name")
        except (UnicodeError, httpx.InvalidURL):
            return Outcome("address", is_final=True)  # no name of a host: it never will be one
        except httpx.HTTPError:
            return Outcome("connection")

    async def _send(self, url: httpx.URL, secret: str, message: WebhookMessage) -> Outcome:
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self.resolve(url.host, port)
        if not self.allow_private and not all(map(is_public_address, addresses)):
            return Outcome("address")  # a name can get another address
        if not addresses:
            return Outcome("name")
        body, now = message.body(), datetime.now(UTC)
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "paydown",
            "webhook-id": message.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message.message_id, now, body),
        }
        async with (
            httpx.AsyncClient(
                transport=self.transport, timeout=STEP_S, trust_env=False, follow_redirects=False
            ) as client,
            client.stream(
                "POST",
                url.copy_with(host=addresses[0]),
                content=body,
                headers=headers,
                extensions={"sni_hostname": url.host},
            ) as answer,
        ):
            return _outcome(answer.status_code)


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return SENT
    if 300 <= status < 400:
        return Outcome("redirect")
    if status == 410:
        return Outcome("gone", is_final=True)  # Standard Webhooks: do not send here again
    return Outcome(f"status {status}")
