"""Calls to the other services: one pooled client each, and one place that says what a silent service means."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from libs.common.web import request_tracing
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import NO_MONEY, Problem

CONNECT_S = 2.0
CONNECTIONS_MAX = 100
UNKNOWN = "Whether this was carried out is not known: look before you repeat it."
Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Call:
    """One call to a service, on behalf of a person."""

    actor: Actor
    request_id: str
    method: str
    path: str
    params: Params | None = None
    json: Any = None  # whatever the body of that service's route is
    content: AsyncIterable[bytes] | None = None
    headers: Mapping[str, str] | None = None
    timeout_s: float | None = None


class Upstream:
    """One service behind the gateway."""

    def __init__(self, name: str, client: httpx.AsyncClient, token: str) -> None:
        self.name, self.client, self.token = name, client, token

    async def send(self, call: Call) -> httpx.Response:
        """The service's answer, read whole.

        Raises:
            Problem: the service is away (503), broke off or failed (502), or was silent for too long (504).
        """
        try:
            return self._accept(await self._send(call, stream=False))
        except httpx.HTTPError as error:
            raise self._problem(call, error) from None

    async def ask(self, call: Call) -> dict[str, Any]:
        """The JSON object a service answers with success.

        Raises:
            Refusal: it answered with a problem.
            Problem: as `send`.
        """
        answer = await self.send(call)
        if answer.status_code >= 400:
            raise Refusal(answer)
        found = answer.json()
        if not isinstance(found, dict):
            raise self._failed("answered something that is not an object")
        return found

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """The service's answer with its body still to come; a connection that breaks later breaks the reader's as well.

        Raises:
            Problem: as `send`, until the answer has begun.
        """
        try:
            answer = await self._send(call, stream=True)
        except httpx.HTTPError as error:
            raise self._problem(call, error) from None
        try:
            yield self._accept(answer)
        finally:
            await answer.aclose()

    async def _send(self, call: Call, *, stream: bool) -> httpx.Response:
        headers = {
            **(call.headers or {}),
            **call.actor.headers(self.token),
            "X-Request-Id": call.request_id,
            **request_tracing.outgoing_headers(),
        }
        timeout = (
            httpx.USE_CLIENT_DEFAULT
            if call.timeout_s is None
            else httpx.Timeout(call.timeout_s, connect=CONNECT_S)
        )

        def request() -> httpx.Request:
            return self.client.build_request(
                call.method,
                call.path,
                params=call.params,
                json=call.json,
                content=call.content,
                headers=headers,
                timeout=timeout,
            )

        try:
            return await self.client.send(request(), stream=stream)
        except httpx.RemoteProtocolError:
            if call.method != "GET":
                raise
            return await self.client.send(
                request(), stream=stream
            )  # the kept connection was one of a process that has been restarted

    def _accept(self, answer: httpx.Response) -> httpx.Response:
        request_tracing.link_response(answer.headers.get(request_tracing.RESPONSE_HEADER))
        if answer.status_code == 401:
            raise self._failed("does not accept this gateway's token")
        if answer.status_code == 500:
            raise self._failed("failed")
        return answer

    def _failed(self, what: str) -> Problem:
        detail = f"The part of the system called {self.name} {what}."
        return Problem(
            502, "upstream.failed", detail, "Try again; if it stays, tell an operator.", UNKNOWN
        )

    def _problem(self, call: Call, error: httpx.HTTPError) -> Problem:
        who, action = f"The part of the system called {self.name}", "Try again in a few seconds."
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return Problem(503, "upstream.away", f"{who} is not there at the moment.", action)
        money = NO_MONEY if call.method == "GET" else UNKNOWN
        if isinstance(error, httpx.TimeoutException):
            return Problem(504, "upstream.away", f"{who} does not answer.", action, money)
        return Problem(502, "upstream.away", f"{who} broke off its answer.", action, money)


class Refusal(Exception):
    """A service answered with a problem of its own; it is passed on unchanged."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code}")
        self.answer = answer


@dataclass(frozen=True)
class Upstreams:
    """The five services behind the gateway."""

    ingest: Upstream
    dispatcher: Upstream
    webhooks: Upstream
    ledger: Upstream
    reports: Upstream

    def all(self) -> tuple[Upstream, ...]:
        """In the order of the flow."""
        return (self.ingest, self.dispatcher, self.webhooks, self.ledger, self.reports)

    async def close(self) -> None:
        """Close every connection."""
        for one in self.all():
            await one.client.aclose()


def client(url: str, timeout_s: float) -> httpx.AsyncClient:
    """A pooled client of one service; proxies of the environment do not concern it. Connections are made on use."""
    limits = httpx.Limits(
        max_connections=CONNECTIONS_MAX, max_keepalive_connections=20, keepalive_expiry=30
    )
    return httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
        limits=limits,
        trust_env=False,
    )
