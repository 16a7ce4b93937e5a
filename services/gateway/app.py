"""Wires the gateway: its database, one client per service, the guard, and the routes behind it."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.key_check import check, exit_on_wrong_keys
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.gateway import metrics
from services.gateway.auth.oidc import IdentityProvider
from services.gateway.auth.people import DemoPeople, SignedInPeople
from services.gateway.auth.rate_limit import RateLimiter
from services.gateway.auth.sessions import Authenticator
from services.gateway.auth.token_check import check_tokens
from services.gateway.event_stream import StreamSlots, StreamTiming
from services.gateway.key_check import PLACES
from services.gateway.notifications.wiring import Notifications
from services.gateway.request_guard.audit_trail import AuditTrail
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.request_guard.personal_reads import RecentReads
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.request_guard.route_classes import guarded_route_class
from services.gateway.routes import (
    approval_requests,
    approval_rules,
    audit,
    back_channel_logout,
    batch_commands,
    batches,
    decisions,
    employees,
    finance,
    freshness,
    health,
    home,
    ledger,
    live_view,
    names,
    notifications,
    operations,
    payments,
    provider_sign_in,
    reports,
    sessions,
    sign_in,
    tokens,
    uploads,
)
from services.gateway.schemas.problems import PROBLEM_ANSWERS
from services.gateway.settings import GatewaySettings, check_sign_in
from services.gateway.static_files.middleware import DashboardMiddleware
from services.gateway.upstream import Upstream, Upstreams, new_client

MIGRATIONS = Path(__file__).parent / "migrations"
IDENTITY_PROVIDER_TIMEOUT_S = 10.0
SERVICES = ("ingest", "dispatcher", "webhooks", "ledger", "reports")


class DescribedApi(FastAPI):
    """An application whose description has the problems that every route refers to."""

    def openapi(self) -> dict[str, Any]:
        """The description of the API; it is made once."""
        found = super().openapi()
        found["components"]["responses"] = PROBLEM_ANSWERS
        return found


def clients(settings: GatewaySettings) -> dict[str, httpx.AsyncClient]:
    """A client of each service, by its name."""
    return {
        name: new_client(getattr(settings, f"{name}_url"), settings.call_timeout_s)
        for name in SERVICES
    }


def upstreams_of(
    settings: GatewaySettings, service_clients: Mapping[str, httpx.AsyncClient]
) -> Upstreams:
    """The services behind these clients."""
    signer = settings.call_signer
    return Upstreams(
        **{
            name: Upstream(name, service_clients[name], settings.internal_token, signer)
            for name in SERVICES
        }
    )


def build(
    settings: GatewaySettings,
    service_clients: Mapping[str, httpx.AsyncClient],
    timing: StreamTiming | None = None,
    provider_client: httpx.AsyncClient | None = None,
) -> Service:
    """The gateway in front of the given clients, ready to be served. Nothing is connected yet.

    Args:
        provider_client: for calls to the identity provider; default: one of the gateway's own.
    """
    service = Service("gateway", settings, MIGRATIONS, public=True, application=DescribedApi)
    service.trusted_proxies = settings.trusted_proxies
    service.gauges |= metrics.gauges(service.engine)
    upstreams = upstreams_of(settings, service_clients)
    is_demo = settings.auth_mode == "demo"
    if provider_client is None and not is_demo:
        provider_client = httpx.AsyncClient(timeout=IDENTITY_PROVIDER_TIMEOUT_S)
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
    guard = request_guard(service, settings, provider)
    route_class = guarded_route_class(guard)
    context = sign_in.SignInContext(guard, settings, provider)
    recent_sign_in = guard.recent_sign_in
    slots = StreamSlots(settings.streams_max)

    return [
        health.public_router(),
        sign_in.demo_router(context),
        provider_sign_in.router(context),
        back_channel_logout.router(context),
        sign_in.signed_in_router(route_class, context),
        tokens.router(route_class, guard, service.engine),
        sessions.router(route_class, guard, service.engine),
        batches.router(route_class, upstreams, settings.provider_cut_off),
        ledger.certificate_router(route_class, upstreams),
        batch_commands.router(route_class, upstreams, recent_sign_in),
        approval_requests.router(route_class, upstreams),
        approval_rules.router(route_class, upstreams, recent_sign_in),
        decisions.router(route_class, upstreams),
        uploads.router(route_class, upstreams, settings),
        reports.router(route_class, upstreams),
        live_view.router(route_class, upstreams, slots, timing),
        payments.router(route_class, upstreams, recent_sign_in),
        employees.router(route_class, upstreams),
        ledger.router(route_class, upstreams),
        finance.router(route_class, upstreams),
        freshness.router(route_class, upstreams),
        home.router(route_class, upstreams),
        names.router(route_class, upstreams),
        health.router(route_class, upstreams, service.readiness, service.world.sentences),
        operations.router(route_class, upstreams, recent_sign_in),
        audit.router(route_class, service.engine),
        notifications.router(route_class, service.engine, notifier(service, settings)),
    ]


def notifier(service: Service, settings: GatewaySettings) -> Notifications:
    """Notifications, with the people of the settings."""
    return Notifications(service.engine, settings, people_of(settings))


def people_of(settings: GatewaySettings) -> DemoPeople | SignedInPeople:
    """The demo people, or everyone who has signed in."""
    return DemoPeople() if settings.auth_mode == "demo" else SignedInPeople()


def request_guard(
    service: Service, settings: GatewaySettings, provider: IdentityProvider | None
) -> RequestGuard:
    """The guard with the people and the limits of the settings."""
    authenticator = Authenticator(
        people_of(settings),
        service.engine,
        settings.session_idle_s,
        settings.session_max_s,
        settings.sessions_max,
        settings.roles_max_age_s,
    )
    trail = AuditTrail(service.engine)
    return RequestGuard(
        authenticator=authenticator,
        trail=trail,
        call_limit=RateLimiter(settings.calls_per_min),
        failure_limit=RateLimiter(settings.failures_per_min),
        reads=RecentReads(),
        recent_sign_in=RecentSignIn(settings, trail, provider),
    )


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence if its sign-in cannot work or is unsafe."""
    settings = read_or_exit(GatewaySettings)
    try:
        check_sign_in(settings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    service = build(settings, clients(settings))
    keys = settings.seal_keys
    if keys:
        exit_on_wrong_keys(
            lambda: check(service.engine, "gateway", PLACES, FieldCipher.parse(keys))
        )
        service.loops += notifier(service, settings).loops(
            lambda: upstreams_of(settings, clients(settings)), service.work
        )
    service.serve()
