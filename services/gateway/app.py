"""Wires the gateway: its own database, one client per service, the routes behind the door."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware

from libs.common.runtime.service import Service
from libs.common.runtime.settings import SettingsError, read_or_exit
from services.gateway import event_stream
from services.gateway.auth.oidc import Provider
from services.gateway.auth.rate_limit import Buckets
from services.gateway.auth.sessions import Auth, DemoPeople, KnownPeople
from services.gateway.request_guard import Door, guarded
from services.gateway.routes import batches, operations, payments, sign_in, tokens
from services.gateway.settings import GatewaySettings, check_sign_in
from services.gateway.static_files.middleware import DashboardMiddleware
from services.gateway.upstream import Upstream, Upstreams, new_client

MIGRATIONS = Path(__file__).parent / "migrations"
PROVIDER_S = 10.0
SERVICES = ("ingest", "dispatcher", "webhooks", "ledger", "reports")


def clients(settings: GatewaySettings) -> dict[str, httpx.AsyncClient]:
    """A client of each service, by its name."""
    return {
        name: new_client(getattr(settings, f"{name}_url"), settings.call_timeout_s)
        for name in SERVICES
    }


def build(
    settings: GatewaySettings,
    made: Mapping[str, httpx.AsyncClient],
    pace: event_stream.StreamTiming | None = None,
) -> Service:
    """The gateway in front of the given clients, ready to be served; nothing is connected yet."""
    service = Service("gateway", settings, MIGRATIONS, public=True)
    upstreams = Upstreams(
        **{name: Upstream(name, made[name], settings.internal_token) for name in SERVICES}
    )
    demo = settings.auth_mode == "demo"
    auth = Auth(
        DemoPeople() if demo else KnownPeople(),
        service.engine,
        settings.session_idle_s,
        settings.session_max_s,
    )
    door = Door(
        auth, service.engine, Buckets(settings.calls_per_min), Buckets(settings.failures_per_min)
    )
    kind = guarded(door)
    outside = None if demo else httpx.AsyncClient(timeout=PROVIDER_S)
    people = sign_in.Dependencies(
        door, settings, None if outside is None else Provider(settings, outside)
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await upstreams.close()
        if outside is not None:
            await outside.aclose()

    service.lifespan = lifespan
    service.middleware.append(
        Middleware(DashboardMiddleware, folder=settings.dashboard_dir, own_names_only=demo)
    )
    service.routers += [
        operations.public(),
        sign_in.public(people),
        sign_in.signed_in(kind, people),
        tokens.router(kind, door),
        batches.router(kind, upstreams, settings, pace or event_stream.StreamTiming()),
        payments.router(kind, upstreams),
        operations.router(kind, upstreams, door, service.readiness),
    ]
    return service


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence where its sign-in cannot work, or must not."""
    settings = read_or_exit(GatewaySettings)
    try:
        check_sign_in(settings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    build(settings, clients(settings)).serve()
