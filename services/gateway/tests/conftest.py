"""A gateway on a real database, in front of five fakes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from libs.common.database import migrate
from libs.common.testing.call_keys import GATEWAY_SIGNING_KEYS
from services.gateway import app, event_stream
from services.gateway.settings import GatewaySettings
from services.gateway.tests.chat_receiver import Chat, running_chat
from services.gateway.tests.fakes import TOKEN, Fake
from services.gateway.upstream import Upstreams


@pytest.fixture(scope="session")
def url(make_database: Callable[[str], tuple[str, str]]) -> str:
    _, owner = make_database("gateway")
    migrate.upgrade(owner, app.MIGRATIONS)
    return owner


@dataclass
class Gateway:
    """The gateway under test, and the fakes behind it."""

    app: FastAPI
    engine: Engine
    fakes: dict[str, Fake]

    def __getattr__(self, name: str) -> Fake:
        return self.fakes[name]

    def run(self, work: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
        """Run a coroutine with a client of the gateway."""

        async def main() -> Any:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await work(client)

        return asyncio.run(main())

    def call(
        self, method: str, path: str, who: str | None = "auditor", **options: Any
    ) -> httpx.Response:
        """One request of a person (None: not signed in)."""
        headers = dict(options.pop("headers", {})) | (
            {"Authorization": f"Bearer demo-{who}"} if who else {}
        )

        async def work(client: httpx.AsyncClient) -> httpx.Response:
            return await client.request(method, f"/api/v1{path}", headers=headers, **options)

        answer: httpx.Response = self.run(work)
        return answer

    def sign_in(self, person: str, **headers: str) -> str:
        """Sign a demo person in; the Cookie header that the browser sends from then on."""
        answer = self.call("POST", "/session", None, json={"person": person}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.headers["set-cookie"].partition(";")[0]

    def audit_lines(self) -> list[tuple[str, str, str, int | None]]:
        """The audit log: kind, person, path, status."""
        with self.engine.connect() as connection:
            return [
                (r.kind, r.person, r.path, r.status)
                for r in connection.execute(text("SELECT * FROM audit ORDER BY seq"))
            ]


@pytest.fixture
def chat() -> Iterator[Chat]:
    with running_chat() as made:
        yield made


def upstreams(fakes: dict[str, Fake]) -> Upstreams:
    """The fakes, as the gateway calls them."""
    key = GatewaySettings(
        database_url="postgresql+psycopg2://none/none",
        internal_token=TOKEN,
        signing_keys=GATEWAY_SIGNING_KEYS,
    )
    return app.upstreams_of(key, {name: fake.client() for name, fake in fakes.items()})


def build(url: str, provider_client: httpx.AsyncClient | None = None, **more: Any) -> Gateway:
    """A gateway in front of five fakes, on an emptied database."""
    fakes = {name: Fake(name) for name in app.SERVICES}
    settings = GatewaySettings(
        **{
            "database_url": url,
            "internal_token": TOKEN,
            "signing_keys": GATEWAY_SIGNING_KEYS,
            "upload_max_bytes": 300_000_000,
            "streams_max": 2,
            **more,
        }
    )
    service = app.build(
        settings,
        {name: fake.client() for name, fake in fakes.items()},
        event_stream.StreamTiming(0.01, 0.05, 0.05),
        provider_client,
    )
    with service.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        connection.execute(
            text("TRUNCATE audit, idempotency, session, api_token, person, logout_token")
        )
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    return Gateway(service.app(), service.engine, fakes)


@pytest.fixture
def gateway(url: str) -> Iterator[Gateway]:
    made = build(url)
    yield made
    made.engine.dispose()
