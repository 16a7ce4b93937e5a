"""The gateway in front of the five real services, without Kafka and without their loops: HTTP and databases are real, time stands still."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from devtools import sample_roster
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.rows import RowRead
from libs.common.database import migrate
from libs.common.recovery.startup_gate import StartupGate
from libs.common.runtime.service import Service
from services.dispatcher import consumers
from services.dispatcher import routes as dispatcher_routes
from services.dispatcher.provider import rate_limiter
from services.dispatcher.settings import DispatcherSettings
from services.gateway import app as gateway_app
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.auth.people import Person, SignedInPeople
from services.gateway.auth.sessions import Authenticator
from services.gateway.settings import GatewaySettings
from services.gateway.store.people import upsert_person
from services.ingest import app as ingest_app
from services.ingest.tests import harness as ingest
from services.ledger import app as ledger_app
from services.ledger import routes as ledger_routes
from services.ledger.settings import LedgerSettings
from services.reports import app as reports_app
from services.reports import consumers as reports_consumers
from services.reports.settings import ReportsSettings
from services.webhooks import app as webhooks_app
from services.webhooks.settings import WebhooksSettings

SEAL_KEYS = f"k1:{ingest.KEY}"
MakeDatabase = Callable[[str], tuple[str, str]]
_seeds = count(70_000)


@dataclass
class House:
    """The gateway, its database, and the engines behind it."""

    web: FastAPI
    engine: Engine
    world: ingest.IngestHarness
    dispatcher: Engine
    reports: Engine
    standings: dict[str, StartupGate]

    def ask(self, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        """One request to the public API."""

        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(self.web, raise_app_exceptions=False),
                base_url="http://localhost",
            ) as client:
                return await client.request(method, f"/api/v1{path}", headers=headers, **more)

        return asyncio.run(answer())

    def session(self, person: str, *roles: str) -> dict[str, str]:
        """A person who has signed in through the provider, as the headers of a browser."""
        with self.engine.begin() as connection:
            upsert_person(connection, person, person.title(), roles)
            session_id = Authenticator(SignedInPeople(), self.engine).start_session(
                connection, Person(person, person, frozenset(roles)), None
            )
        return {"Cookie": f"{SESSION_COOKIE}={session_id}", "Sec-Fetch-Site": "same-origin"}

    def batch(self, uploader: str) -> Any:
        """A batch that is ready, as an approver sees it, and of which the other services have heard."""
        answer = self.world.upload(
            ingest.consistent(sample_roster.make(6, next(_seeds))),
            "paula",
            {"X-Paydown-Actor": uploader},
        )
        return self.made_ready(answer.json()["batch_id"])

    def made_ready(self, batch_id: str) -> Any:
        """The same, of a batch that was uploaded."""
        self.world.read_all()
        shown = self.world.check(batch_id)
        changes, rows = (
            self.world.published(batch_id, BatchChanged),
            self.world.published(batch_id, RowRead),
        )
        with self.reports.begin() as connection:
            reports_consumers.apply(connection, [*changes, *rows])
        with self.dispatcher.begin() as connection:
            consumers.batches(connection, changes)
            consumers.rows(connection, rows)
        return shown


def build(make_database: MakeDatabase, folder: Path, **gateway: Any) -> House:
    """All of it on databases of its own; the gateway's settings may be chosen."""
    urls = {}
    for name in (*gateway_app.SERVICES, "gateway"):
        urls[name], owner = make_database(name)
        migrate.upgrade(owner, Path("services") / name / "migrations")
    common: dict[str, Any] = {"internal_token": ingest.TOKEN}
    ingesting = ingest_app.build(ingest.settings(urls["ingest"], folder))
    dispatching = Service(
        "dispatcher",
        DispatcherSettings(
            database_url=urls["dispatcher"],
            provider_url="http://127.0.0.1:9",
            provider_key="sk_test",
            seal_keys=SEAL_KEYS,
            profile="demo",
            **common,
        ),
        Path("services/dispatcher/migrations"),
    )
    dispatching.routers.append(dispatcher_routes.router(dispatching.engine, ingest.TOKEN))
    rate_limiter.configure(dispatching.engine, rate_limiter.PROFILES["demo"])
    ledger = Service(
        "ledger", LedgerSettings(database_url=urls["ledger"], **common), ledger_app.MIGRATIONS
    )
    ledger.routers.append(ledger_routes.router(ledger.engine, ingest.TOKEN))
    reporting = reports_app.build(
        ReportsSettings(database_url=urls["reports"], seal_keys=SEAL_KEYS, live="sql", **common)
    )
    webhooks = webhooks_app.build(
        WebhooksSettings(database_url=urls["webhooks"], secret="s" * 16, **common)
    )
    for one in (dispatching, ledger):
        one.add_dead_letter_routes()
    services = dict(
        zip(
            gateway_app.SERVICES, (ingesting, dispatching, webhooks, ledger, reporting), strict=True
        )
    )
    standings = {one.name: one.startup_gate for one in (ingesting, dispatching, ledger)}
    for standing in standings.values():
        standing.closed_because = (
            ""  # nobody runs their loops here, so nobody looks whether their databases are whole
        )
    clients = {
        name: httpx.AsyncClient(
            transport=httpx.ASGITransport(one.app(), raise_app_exceptions=False),
            base_url=f"http://{name}",
        )
        for name, one in services.items()
    }
    made = gateway_app.build(
        GatewaySettings(**{"database_url": urls["gateway"], **common, **gateway}), clients
    )
    return House(
        made.app(),
        made.engine,
        ingest.IngestHarness.make(urls["ingest"], folder),
        dispatching.engine,
        reporting.engine,
        standings,
    )
