"""Calls that the gateway signed are answered once; whatever else has the internal token is not."""

import asyncio
import base64
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from libs.common.crypto.message_signatures import Verifier
from libs.common.testing.call_keys import GATEWAY_PUBLIC_KEYS, GATEWAY_SIGNING_KEYS
from libs.common.web.call_signatures import GATEWAY, CallVerifier
from libs.common.web.internal_auth import TOKEN, Actor
from libs.common.web.signed_calls import SIGNATURE, SignedCallsOnly
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import Call, Upstream

NOW_S = 1_800_000_000
OTHER_KEYS = "gateway-1:" + base64.b64encode(bytes(32)).decode()
PAT = Actor("pat", frozenset({"approver"}), frozenset({"paul"}))


class Service:
    """A service that answers with what it was sent, and notes each call on the wire."""

    def __init__(self, *, accept_unsigned: bool = False, clock_s: int = NOW_S) -> None:
        keys = Verifier.parse(GATEWAY_PUBLIC_KEYS).keys[GATEWAY]
        app = Starlette(routes=[Route("/{path:path}", _answer, methods=["GET", "POST"])])
        self.app = SignedCallsOnly(
            app, "ingest", CallVerifier(keys), lambda: float(clock_s), accept_unsigned
        )
        self.sent: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.sent.append(request)
        answer = await httpx.ASGITransport(self.app).handle_async_request(request)
        await answer.aread()
        return answer

    def call(
        self, call: Call, *, keys: str = GATEWAY_SIGNING_KEYS, name: str = "ingest"
    ) -> httpx.Response:
        """A call of the gateway."""
        settings = GatewaySettings(
            database_url="postgresql+psycopg2://x", internal_token="t" * 16, signing_keys=keys
        )
        client = httpx.AsyncClient(
            transport=httpx.MockTransport(self.handle), base_url="http://ingest"
        )
        upstream = Upstream(
            name, client, settings.internal_token, settings.call_signer, lambda: float(NOW_S)
        )
        request = upstream._request(call)  # `send` makes another answer of a 401
        return asyncio.run(client.send(request))

    def replay(self, **changes: Any) -> httpx.Response:
        """The newest call again, with changes."""
        changed = dict(changes)
        sent = self.sent[-1]
        headers = httpx.Headers(sent.headers)
        headers.update(changed.pop("headers", {}))
        headers.pop("content-length", None)
        given = {
            "method": sent.method,
            "url": sent.url,
            "content": sent.content,
            "headers": headers,
        }
        return asyncio.run(self.handle(httpx.Request(**{**given, **changed})))


async def _answer(request: Request) -> JSONResponse:
    return JSONResponse({"body": (await request.body()).decode(), "query": request.url.query})


def post(body: Any = None) -> Call:
    return Call(PAT, "r1", "POST", "/batches/b1/approve", params={"a": "ü &"}, json=body)


READ = Call(PAT, "r1", "GET", "/batches", params={"limit": 5})


def test_a_signed_call_is_answered_with_its_body_and_its_query() -> None:
    answer = Service().call(post({"digest": "d"}))
    assert answer.status_code == 200
    assert answer.json() == {"body": '{"digest":"d"}', "query": "a=%C3%BC+%26"}


@pytest.mark.parametrize(
    "changed",
    [
        {"headers": {"X-Paydown-Actor": "maria"}},
        {"headers": {"X-Paydown-Roles": "admin"}},
        {"headers": {"X-Paydown-Counts-As": ""}},
        {"headers": {SIGNATURE: ""}},
        {"headers": {SIGNATURE: "gateway-1:x:y:z:w"}},
        {"url": "http://ingest/batches/b2/approve?a=%C3%BC+%26"},
        {"url": "http://ingest/batches/b1/approve?a=other"},
        {"method": "GET"},
        {"content": b'{"digest":"other"}'},
    ],
)
def test_nothing_of_a_signed_call_can_be_changed(changed: dict[str, Any]) -> None:
    service = Service()
    service.call(post({"digest": "d"}))
    fresh, whole = Service(), Service()  # they have not seen the call yet
    fresh.sent, whole.sent = service.sent[:], service.sent[:]
    assert fresh.replay(**changed).json()["code"] == "internal.signature"
    assert whole.replay().status_code == 200


def test_a_call_that_changes_something_is_good_once_and_a_read_is_good_again() -> None:
    service = Service()
    assert service.call(post()).status_code == 200
    assert "made before" in service.replay().json()["detail"]
    assert service.call(READ).status_code == 200
    assert service.replay().status_code == 200


@pytest.mark.parametrize("apart_s", [-60, 60, 172_800])
def test_a_call_is_good_for_a_minute(apart_s: int) -> None:
    assert Service(clock_s=NOW_S + apart_s).call(post()).status_code == 401
    near = apart_s // 60 * 59 if abs(apart_s) == 60 else 0
    assert Service(clock_s=NOW_S + near).call(post()).status_code == 200


def test_a_call_to_another_service_or_with_another_key_is_refused() -> None:
    assert Service().call(post(), name="dispatcher").status_code == 401
    assert Service().call(post(), keys=OTHER_KEYS).status_code == 401


def test_the_token_alone_is_not_enough_unless_an_installation_is_upgraded() -> None:
    token_only = httpx.Request("GET", "http://ingest/batches", headers={TOKEN: "t" * 16})
    assert asyncio.run(Service().handle(token_only)).status_code == 401
    upgraded = Service(accept_unsigned=True)
    assert asyncio.run(upgraded.handle(token_only)).status_code == 200
    wrong = httpx.Request("GET", "http://ingest/b", headers={TOKEN: "t", SIGNATURE: "wrong"})
    assert asyncio.run(upgraded.handle(wrong)).status_code == 401


def test_a_call_without_the_token_is_not_the_gateways() -> None:
    """Health, metrics and webhooks: their routes give nothing else to such a call."""
    assert asyncio.run(Service().handle(httpx.Request("GET", "http://ingest/x"))).status_code == 200


def test_an_upload_is_signed_without_its_body() -> None:
    async def pieces() -> Any:
        yield b"<roster>"
        yield b"</roster>"

    service = Service()
    upload = Call(PAT, "r1", "POST", "/batches", content=pieces())
    assert service.call(upload).json()["body"] == "<roster></roster>"
    assert service.sent[-1].headers[SIGNATURE].split(":")[3] == "-"
