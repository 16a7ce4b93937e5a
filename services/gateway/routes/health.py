"""Health of the gateway and of every service."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import APIRouter
from fastapi.routing import APIRoute
from prometheus_client.parser import text_string_to_metric_families

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import Context, RequestContext, api_router
from services.gateway.schemas import health as schemas
from services.gateway.schemas import problems
from services.gateway.upstream import Upstream, Upstreams

TIMEOUT_S = 3.0
#: A service that is slow keeps its last report for so long; after that it is away.
SLOW_MAX_S = 30.0


def public_router() -> APIRouter:
    """GET /health, which needs no sign-in."""
    routes = APIRouter(tags=["health"])
    starting = {"model": problems.Problem, "description": "The gateway is starting."}

    @routes.get("/health", responses={503: starting})
    def alive() -> schemas.Alive:
        """Whether the gateway answers. Of the services behind it this says nothing."""
        return schemas.Alive(status="ok")

    return routes


def router(
    route_class: type[APIRoute],
    services: Upstreams,
    readiness: Callable[[], dict[str, bool]],
    world: Callable[[], dict[str, str]] = dict,
) -> APIRouter:
    """GET /ops/health.

    Args:
        readiness: the gateway's own checks.
        world: what is wrong around the gateway.
    """
    routes = api_router(route_class, "operations")
    reader = HealthReader()

    @routes.get("/ops/health", response_model=schemas.Health)
    async def health(context: Context) -> dict[str, Any]:
        """Every service: whether it is ready, its checks, its lag and other figures.

        A service that does not answer is shown as away. One that is slow is shown as it was, with
        the age of that report, for half a minute: a machine that has too much to do is no fault.
        """
        checks = await asyncio.to_thread(readiness)
        reports = await asyncio.gather(
            *(reader.read(service, context) for service in services.all())
        )
        gateway = _health("gateway", ready=all(checks.values()), checks=checks, world=world())
        every = [*reports, gateway]
        return {"ready": all(one["ready"] for one in every), "services": every}

    return routes


@dataclass
class HealthReader:
    """Asks the services, and keeps the last report of each for as long as it is only slow."""

    clock: Callable[[], float] = time.monotonic
    #: By service: its last report, and when it was asked for.
    kept: dict[str, tuple[dict[str, Any], float]] = field(init=False, default_factory=dict)

    async def read(self, service: Upstream, context: RequestContext) -> dict[str, Any]:
        """The report of a service now, or its last one, or that it is away."""
        asked_at = self.clock()
        try:
            report = await _service_health(service, context)
        except Problem as problem:
            return self._without_answer(service.name, is_slow=problem.status == 504)
        self.kept[service.name] = report, asked_at
        return report

    def _without_answer(self, name: str, *, is_slow: bool) -> dict[str, Any]:
        report, asked_at = self.kept.get(name, ({}, 0.0))
        age_s = self.clock() - asked_at
        if report and is_slow and age_s <= SLOW_MAX_S:
            return {**report, "age_s": round(age_s, 1)}
        self.kept.pop(name, None)
        return _health(name, away=True)


async def _service_health(service: Upstream, context: RequestContext) -> dict[str, Any]:
    """The report of a service.

    Raises:
        Problem: it does not answer; 504 if it is only slow.
    """
    ready, metrics = await asyncio.gather(
        service.send(context.get("/health/ready", timeout_s=TIMEOUT_S)),
        service.send(context.get("/metrics", timeout_s=TIMEOUT_S)),
    )
    report = ready.json()
    held = report.get("held", "")
    return _health(
        service.name,
        ready=ready.status_code == 200 and not held,
        held=held,
        checks=report.get("checks", {}),
        world=report.get("world", {}),
        figures=_figures(service.name, metrics),
    )


def _health(
    name: str,
    *,
    ready: bool = False,
    away: bool = False,
    held: str = "",
    checks: dict[str, bool] | None = None,
    world: dict[str, str] | None = None,
    figures: dict[str, float] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "ready": ready,
        "away": away,
        "held": held,
        "checks": checks or {},
        "world": world or {},
        "figures": figures or {},
        "age_s": 0.0,
    }


def _figures(service_name: str, metrics: httpx.Response) -> dict[str, float]:
    """The metrics of a service that have no labels; none while its database is away."""
    if metrics.status_code != 200:
        return {}
    return {
        sample.name.removeprefix(f"paydown_{service_name}_"): sample.value
        for family in text_string_to_metric_families(metrics.text)
        for sample in family.samples
        if not sample.labels
    }
