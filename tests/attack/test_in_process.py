"""The attack suite in this process: every route and every service, without Kafka and sockets."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from devtools.attack.files import file_tries
from devtools.attack.header_tries import header_tries
from devtools.attack.inner_calls import inner_tries
from devtools.attack.routes import privilege_tries, route_tries
from devtools.attack.target import Headers, Target
from devtools.attack.tries import Outcome, Try, carry_out_all
from libs.common.crypto.message_signatures import Signer
from libs.common.testing.call_keys import gateway_signer
from libs.common.testing.signed_topics import SIGNING_KEYS
from libs.common.web.call_signatures import CallSigner
from services.ingest.tests.harness import TOKEN
from tests.gateway_api.harness import GatewayHarness, build

pytestmark = pytest.mark.database


def sender(runner: asyncio.Runner, app: FastAPI) -> Any:
    async def ask(method: str, path: str, headers: Headers, content: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers=list(headers), content=content)

    def send(method: str, path: str, headers: Headers = (), content: bytes = b"") -> httpx.Response:
        return runner.run(ask(method, path, headers, content))

    return send


@pytest.fixture(scope="module")
def harness(make_database: Any, tmp_path_factory: pytest.TempPathFactory) -> GatewayHarness:
    return build(make_database, tmp_path_factory.mktemp("files"), calls_per_min=1_000_000)


@pytest.fixture(scope="module")
def target(harness: GatewayHarness) -> Iterator[Target]:
    stolen = Signer.parse(SIGNING_KEYS["ingest"])

    def settle(batch_id: str) -> Any:
        harness.ingest.read_all()
        return harness.ingest.batch(batch_id)

    with asyncio.Runner() as runner:
        yield Target(
            gateway=sender(runner, harness.web),
            services={name: sender(runner, app) for name, app in harness.services.items()},
            internal_token=TOKEN,
            signer=gateway_signer(),
            stolen=CallSigner(stolen.key_id, stolen.key),
            settle=settle,
        )


def not_held(outcomes: list[Outcome]) -> list[str]:
    return [one.line() for one in outcomes if one.got_through]


def carried_out(tries: Iterator[Try]) -> list[Outcome]:
    return carry_out_all(tries, lambda _: None)


def test_every_route_holds(target: Target) -> None:
    outcomes = carried_out(route_tries(target))
    kinds = Counter(one.attempt.group for one in outcomes)
    assert not_held(outcomes) == []
    assert kinds["roles"] > 80, kinds
    assert kinds["sign-in"] > 150, kinds
    assert len(outcomes) > 500, kinds


def test_more_rights_are_not_had(target: Target) -> None:
    assert not_held(carried_out(privilege_tries(target))) == []


def test_headers_hold(target: Target) -> None:
    assert not_held(carried_out(header_tries(target))) == []


def test_the_services_behind_the_gateway_hold(target: Target) -> None:
    outcomes = carried_out(inner_tries(target))
    assert not_held(outcomes) == []
    assert len(outcomes) > 200


def test_hostile_files_hold(target: Target) -> None:
    assert not_held(carried_out(file_tries(target))) == []
