"""Wires the gateway: its own database, one client per service, the routes behind the guard."""

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
from services.gateway.auth.oidc import IdentityProvider
from services.gateway.auth.people import DemoPeople, SignedInPeople
from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.auth.sessions import Authenticator
from services.gateway.request_guard.audit_trail import AuditTrail
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.route_classes import guarded_route_class
from services.gateway.routes import batches, operations, payments, provider_sign_in, sign_in, tokens
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
    guard = request_guard(service, settings)
    kind = guarded_route_class(guard)
    outside = None if demo else httpx.AsyncClient(timeout=PROVIDER_S)
    context = sign_in.SignInContext(
        guard, settings, None if outside is None else IdentityProvider(settings, outside)
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
        sign_in.demo_router(context),
        provider_sign_in.router(context),
        sign_in.signed_in_router(kind, context),
        tokens.router(kind, guard),
        batches.router(kind, upstreams, settings, pace or event_stream.StreamTiming()),
        payments.router(kind, upstreams),
        operations.router(kind, upstreams, guard, service.readiness),
    ]
    return service


def request_guard(service: Service, settings: GatewaySettings) -> RequestGuard:
    """The guard with the people and the limits of the settings."""
    people = DemoPeople() if settings.auth_mode == "demo" else SignedInPeople()
    authenticator = Authenticator(
        people, service.engine, settings.session_idle_s, settings.session_max_s
    )
    return RequestGuard(
        authenticator=authenticator,
        trail=AuditTrail(service.engine),
        call_limit=RateLimiter(settings.calls_per_min),
        failure_limit=RateLimiter(settings.failures_per_min),
    )


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence where its sign-in cannot work, or must not."""
    settings = read_or_exit(GatewaySettings)
    try:
        check_sign_in(settings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    build(settings, clients(settings)).serve()
