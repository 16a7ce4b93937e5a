"""The gateway in front of the five real services; HTTP and databases are real.

There is no Kafka, and the services' loops do not run.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
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
from libs.common.testing.call_keys import GATEWAY_PUBLIC_KEYS, GATEWAY_SIGNING_KEYS
from services import catalog
from services.dispatcher import consumers
from services.dispatcher import routes as dispatcher_routes
from services.dispatcher.provider import rate_limiter
from services.dispatcher.settings import DispatcherSettings
from services.gateway import app as gateway_app
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.auth.people import Person, SignedInPeople
from services.gateway.auth.provider_tokens import Identity
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
COMMON: dict[str, Any] = {"internal_token": ingest.TOKEN, "public_keys": GATEWAY_PUBLIC_KEYS}
#: Settings of a gateway whose people come from an identity provider.
OIDC: dict[str, Any] = {
    "auth_mode": "oidc",
    "oidc_issuer": "https://sso.example",
    "oidc_client_id": "c",
    "oidc_client_secret": "s",
    "oidc_roles": json.dumps({"g": "preparer"}),
}
MakeDatabase = Callable[[str], tuple[str, str]]
_seeds = count(70_000)


@dataclass
class GatewayHarness:
    """The gateway, its database, and the databases behind it."""

    web: FastAPI
    engine: Engine
    ingest: ingest.IngestHarness
    dispatcher: Engine
    reports: Engine
    startup_gates: dict[str, StartupGate]
    services: dict[str, FastAPI]  # those behind the gateway

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
        """The headers of a browser in which a person has signed in."""
        with self.engine.begin() as connection:
            upsert_person(connection, person, person.title(), roles)
            just_now = Identity(person, person, (), authenticated_at=datetime.now(UTC))
            session_id = Authenticator(SignedInPeople(), self.engine).start_session(
                connection, Person(person, person, frozenset(roles)), None, just_now
            )
        return {"Cookie": f"{SESSION_COOKIE}={session_id}", "Sec-Fetch-Site": "same-origin"}

    def batch(self, uploader: str) -> Any:
        """A batch that is ready, as an approver sees it; the other services have its messages."""
        answer = self.ingest.upload(
            ingest.consistent(sample_roster.make(6, next(_seeds))),
            "paula",
            {"X-Paydown-Actor": uploader},
        )
        return self.made_ready(answer.json()["batch_id"])

    def made_ready(self, batch_id: str) -> Any:
        """The same for a batch that was uploaded."""
        self.ingest.read_all()
        shown = self.ingest.check(batch_id)
        changes = self.ingest.published(batch_id, BatchChanged)
        rows = self.ingest.published(batch_id, RowRead)
        with self.reports.begin() as connection:
            reports_consumers.apply(connection, [*changes, *rows])
        with self.dispatcher.begin() as connection:
            consumers.batches(connection, changes)
            consumers.rows(connection, rows)
        return shown


def build(make_database: MakeDatabase, folder: Path, **gateway: Any) -> GatewayHarness:
    """All of it on databases of its own; `gateway` are settings of the gateway."""
    urls = _migrated_databases(make_database)
    services = {
        "ingest": ingest_app.build(
            ingest.settings(urls["ingest"], folder, public_keys=GATEWAY_PUBLIC_KEYS)
        ),
        "dispatcher": _dispatcher(urls["dispatcher"]),
        "webhooks": webhooks_app.build(
            WebhooksSettings(database_url=urls["webhooks"], secret="s" * 16, **COMMON)
        ),
        "ledger": _ledger(urls["ledger"]),
        "reports": reports_app.build(
            ReportsSettings(database_url=urls["reports"], seal_keys=SEAL_KEYS, live="sql", **COMMON)
        ),
    }
    startup_gates = {name: services[name].startup_gate for name in catalog.QUARANTINABLE}
    for gate in startup_gates.values():
        gate.closed_because = (
            ""  # the services do not run, so none checks whether its database is whole
        )
    apps = {name: service.app() for name, service in services.items()}
    clients = {
        name: httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url=f"http://{name}",
        )
        for name, app in apps.items()
    }
    made = gateway_app.build(
        GatewaySettings(
            **{
                "database_url": urls["gateway"],
                "signing_keys": GATEWAY_SIGNING_KEYS,
                **COMMON,
                **gateway,
            }
        ),
        clients,
    )
    return GatewayHarness(
        made.app(),
        made.engine,
        ingest.IngestHarness.make(urls["ingest"], folder),
        services["dispatcher"].engine,
        services["reports"].engine,
        startup_gates,
        apps,
    )


def _migrated_databases(make_database: MakeDatabase) -> dict[str, str]:
    """{service: URL of its role} of new databases."""
    urls = {}
    for name in catalog.NAMES:
        urls[name], owner = make_database(name)
        migrate.upgrade(owner, Path("services") / name / "migrations")
    return urls


def _dispatcher(url: str) -> Service:
    service = Service(
        "dispatcher",
        DispatcherSettings(
            database_url=url,
            provider_url="http://127.0.0.1:9",
            provider_key="sk_test",
            seal_keys=SEAL_KEYS,
            profile="demo",
            **COMMON,
        ),
        Path("services/dispatcher/migrations"),
    )
    service.routers.append(dispatcher_routes.router(service.engine, ingest.TOKEN))
    rate_limiter.configure(service.engine, rate_limiter.PROFILES["demo"])
    service.add_dead_letter_routes()
    return service


def _ledger(url: str) -> Service:
    settings = LedgerSettings(database_url=url, **COMMON)
    service = Service("ledger", settings, ledger_app.MIGRATIONS)
    service.routers.append(ledger_routes.router(service.engine, ingest.TOKEN))
    service.add_dead_letter_routes()
    return service
