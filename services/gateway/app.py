"""Wires the gateway: its database, one client per service, the guard, and the routes behind it."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from libs.common.contracts.errors import SettingsError
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.gateway.auth.oidc import IdentityProvider
from services.gateway.auth.people import DemoPeople, SignedInPeople
from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.auth.sessions import Authenticator
from services.gateway.auth.token_check import check_tokens
from services.gateway.event_stream import StreamSlots, StreamTiming
from services.gateway.request_guard.audit_trail import AuditTrail
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.personal_reads import RecentReads
from services.gateway.request_guard.route_classes import guarded_route_class
from services.gateway.routes import (
    audit,
    batch_commands,
    batches,
    freshness,
    health,
    ledger,
    live_view,
    operations,
    payments,
    provider_sign_in,
    reports,
    sessions,
    sign_in,
    tokens,
    uploads,
)
from services.gateway.settings import GatewaySettings, check_sign_in
from services.gateway.static_files.middleware import DashboardMiddleware
from services.gateway.upstream import Upstream, Upstreams, new_client

MIGRATIONS = Path(__file__).parent / "migrations"
IDENTITY_PROVIDER_TIMEOUT_S = 10.0
SERVICES = ("ingest", "dispatcher", "webhooks", "ledger", "reports")


def clients(settings: GatewaySettings) -> dict[str, httpx.AsyncClient]:
    """A client of each service, by its name."""
    return {
        name: new_client(getattr(settings, f"{name}_url"), settings.call_timeout_s)
        for name in SERVICES
    }


def build(
    settings: GatewaySettings,
    service_clients: Mapping[str, httpx.AsyncClient],
    timing: StreamTiming | None = None,
) -> Service:
    """The gateway in front of the given clients, ready to be served. Nothing is connected yet."""
    service = Service("gateway", settings, MIGRATIONS, public=True)
    service.trusted_proxies = settings.trusted_proxies
    signer = settings.call_signer
    upstreams = Upstreams(
        **{
            name: Upstream(name, service_clients[name], settings.internal_token, signer)
            for name in SERVICES
        }
    )
    is_demo = settings.auth_mode == "demo"
    provider_client = None if is_demo else httpx.AsyncClient(timeout=IDENTITY_PROVIDER_TIMEOUT_S)
    provider = None if provider_client is None else IdentityProvider(settings, provider_client)

    @asynccontextmanager
    async def close_clients(_: FastAPI) -> AsyncIterator[None]:
        yield
        await upstreams.close()
        if provider_client is not None:
            await provider_client.aclose()

    service.lifespan = close_clients
    service.middleware.append(
        Middleware(DashboardMiddleware, folder=settings.dashboard_dir, own_names_only=is_demo)
    )
    service.world.checks.append(lambda: check_tokens(service.engine))
    service.routers += routers(
        service, settings, upstreams, provider, timing=timing or StreamTiming()
    )
    return service


def routers(
    service: Service,
    settings: GatewaySettings,
    upstreams: Upstreams,
    provider: IdentityProvider | None,
    *,
    timing: StreamTiming,
) -> list[APIRouter]:
    """Every route, in the order of the API's description."""
    guard = request_guard(service, settings)
    route_class = guarded_route_class(guard)
    context = sign_in.SignInContext(guard, settings, provider)
    slots = StreamSlots(settings.streams_max)

    return [
        health.public_router(),
        sign_in.demo_router(context),
        provider_sign_in.router(context),
        sign_in.signed_in_router(route_class, context),
        tokens.router(route_class, guard, service.engine),
        sessions.router(route_class, guard, service.engine),
        batches.router(route_class, upstreams),
        ledger.certificate_router(route_class, upstreams),
        batch_commands.router(route_class, upstreams),
        uploads.router(route_class, upstreams, settings),
        reports.router(route_class, upstreams),
        live_view.router(route_class, upstreams, slots, timing),
        payments.router(route_class, upstreams),
        ledger.router(route_class, upstreams),
        freshness.router(route_class, upstreams),
        health.router(route_class, upstreams, service.readiness, service.world.sentences),
        operations.router(route_class, upstreams),
        audit.router(route_class, service.engine),
    ]


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
        reads=RecentReads(),
    )


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence if its sign-in cannot work or is unsafe."""
    settings = read_or_exit(GatewaySettings)
    try:
        check_sign_in(settings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    build(settings, clients(settings)).serve()
