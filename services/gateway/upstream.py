"""Calls to the services behind the gateway, and what each kind of failure means for the caller."""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from libs.common.web import request_tracing
from libs.common.web.call_signatures import CallSigner
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import NO_MONEY, Problem
from libs.common.web.signed_calls import sign_request

CONNECT_S = 2.0
CONNECTIONS_MAX, IDLE_CONNECTIONS_MAX, IDLE_CONNECTION_S = 100, 20, 30
RETRY_SOON = "Try again in a few seconds."
OUTCOME_UNKNOWN = (
    "It is not known whether this was carried out, or whether money is affected. "
    "Look at the batch or payment before you repeat it."
)
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


class UpstreamRefusal(Exception):
    """A service answered with a problem of its own; the gateway relays it unchanged."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code}")
        self.answer = answer


class Upstream:
    """One service behind the gateway."""

    def __init__(
        self,
        name: str,
        client: httpx.AsyncClient,
        token: str,
        signer: CallSigner,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name, self.client, self.token = name, client, token
        self.signer, self.clock = signer, clock

    async def send(self, call: Call) -> httpx.Response:
        """The service's answer, read to its end.

        Raises:
            Problem: 503, the service cannot be reached; 502, it broke off or failed; 504, it did
                not answer in time.
        """
        try:
            return self._accept(await self._send(call, stream=False))
        except httpx.HTTPError as error:
            raise self._connection_problem(call, error) from None

    async def send_json(self, call: Call) -> dict[str, Any]:
        """The JSON object of a successful answer.

        Raises:
            UpstreamRefusal: the service answered with a problem.
            Problem: as `send`.
        """
        answer = await self.send(call)
        if answer.status_code >= 400:
            raise UpstreamRefusal(answer)
        found = answer.json()
        if not isinstance(found, dict):
            raise self._failed("answered something that is not an object")
        return found

    async def send_json_if_known(self, call: Call) -> dict[str, Any] | None:
        """The JSON object of a successful answer; None if the service answers 404.

        Raises:
            UpstreamRefusal: the service answered with another problem.
            Problem: as `send`.
        """
        try:
            return await self.send_json(call)
        except UpstreamRefusal as refusal:
            if refusal.answer.status_code != 404:
                raise
            return None

    async def send_json_if_available(self, call: Call) -> dict[str, Any] | None:
        """The JSON object of a successful answer; None if there is none, for whatever reason."""
        try:
            return await self.send_json(call)
        except (Problem, UpstreamRefusal):
            return None

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """The service's answer, with its body still to be read.

        A connection that breaks while the body is read breaks the client's connection as well.

        Raises:
            Problem: as `send`, until the answer has begun.
        """
        try:
            answer = await self._send(call, stream=True)
        except httpx.HTTPError as error:
            raise self._connection_problem(call, error) from None
        try:
            yield self._accept(answer)
        finally:
            await answer.aclose()

    async def _send(self, call: Call, *, stream: bool) -> httpx.Response:
        try:
            return await self.client.send(self._request(call), stream=stream)
        except httpx.RemoteProtocolError:
            # The pooled connection may belong to a process that has been restarted. Only a reading
            # call is repeated: it cannot be carried out twice.
            if call.method != "GET":
                raise
            return await self.client.send(self._request(call), stream=stream)

    def _request(self, call: Call) -> httpx.Request:
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
        request = self.client.build_request(
            call.method,
            call.path,
            params=call.params,
            json=call.json,
            content=call.content,
            headers=headers,
            timeout=timeout,
        )
        sign_request(
            request,
            self.name,
            self.signer,
            int(self.clock()),
            is_stream=call.content is not None,
        )
        return request

    def _accept(self, answer: httpx.Response) -> httpx.Response:
        request_tracing.link_response(answer.headers.get(request_tracing.RESPONSE_HEADER))
        if answer.status_code == 401:
            raise self._failed("does not accept this gateway's token or signature")
        if answer.status_code == 500:
            raise self._failed("failed")
        return answer

    def _failed(self, what: str) -> Problem:
        return Problem(
            502,
            "upstream.failed",
            f"The {self.name} service {what}.",
            "Try again. If it stays so, tell an operator.",
            OUTCOME_UNKNOWN,
        )

    def _connection_problem(self, call: Call, error: httpx.HTTPError) -> Problem:
        service = f"The {self.name} service"
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            detail = f"{service} cannot be reached at the moment."
            return Problem(503, "upstream.away", detail, RETRY_SOON)
        money = NO_MONEY if call.method == "GET" else OUTCOME_UNKNOWN
        if isinstance(error, httpx.TimeoutException):
            return Problem(504, "upstream.away", f"{service} does not answer.", RETRY_SOON, money)
        detail = f"{service} closed the connection before it had answered."
        return Problem(502, "upstream.away", detail, RETRY_SOON, money)


@dataclass(frozen=True)
class Upstreams:
    """The five services behind the gateway."""

    ingest: Upstream
    dispatcher: Upstream
    webhooks: Upstream
    ledger: Upstream
    reports: Upstream

    def all(self) -> tuple[Upstream, ...]:
        """The services in the order in which a batch passes them."""
        return (self.ingest, self.dispatcher, self.webhooks, self.ledger, self.reports)

    async def close(self) -> None:
        """Close every connection."""
        for service in self.all():
            await service.client.aclose()


def new_client(url: str, timeout_s: float) -> httpx.AsyncClient:
    """A client with a connection pool for one service. Connections are made on use.

    Proxies named in the environment are ignored.
    """
    limits = httpx.Limits(
        max_connections=CONNECTIONS_MAX,
        max_keepalive_connections=IDLE_CONNECTIONS_MAX,
        keepalive_expiry=IDLE_CONNECTION_S,
    )
    return httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
        limits=limits,
        trust_env=False,
    )
