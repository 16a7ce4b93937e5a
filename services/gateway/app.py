"""Wires the gateway: its own database, one client per service, the routes behind the door."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from libs.common.service import Service
from libs.common.settings import SettingsError, read_or_exit
from services.gateway import live, routes_batches, routes_money, routes_ops
from services.gateway.auth import DemoPeople
from services.gateway.door import Door, guarded
from services.gateway.settings import GatewaySettings, check_demo
from services.gateway.upstream import Upstream, Upstreams, client

MIGRATIONS = Path(__file__).parent / "migrations"
SERVICES = ("ingest", "dispatcher", "webhooks", "ledger", "reports")


def clients(settings: GatewaySettings) -> dict[str, httpx.AsyncClient]:
    """A client of each service, by its name."""
    return {name: client(getattr(settings, f"{name}_url"), settings.call_timeout_s) for name in SERVICES}


def build(settings: GatewaySettings, made: Mapping[str, httpx.AsyncClient], pace: live.Pace | None = None) -> Service:
    """The gateway in front of the given clients, ready to be served; nothing is connected yet."""
    service = Service("gateway", settings, MIGRATIONS)
    upstreams = Upstreams(**{name: Upstream(name, made[name], settings.internal_token) for name in SERVICES})
    door = Door(DemoPeople(), service.engine)
    kind = guarded(door)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await upstreams.close()

    service.lifespan = lifespan
    service.routers += [routes_ops.public(), routes_batches.router(kind, upstreams, settings, pace or live.Pace()),
                        routes_money.router(kind, upstreams), routes_ops.router(kind, upstreams, door, service.readiness)]
    return service


def main() -> None:
    """Run until SIGTERM; exit code 2 and one sentence where demo sign-in is not allowed."""
    settings = read_or_exit(GatewaySettings)
    try:
        check_demo(settings, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    build(settings, clients(settings)).serve()
