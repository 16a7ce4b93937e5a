"""The public API of operations: health, dead letters, limiter, kill switch, audit."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import LIMIT_MAX, Asked, Asking, door_routes, relay
from services.gateway.request_guard.guard import RequestGuard
from services.gateway.schemas import batches, operations
from services.gateway.store import audit as store
from services.gateway.upstream import Upstream, UpstreamRefusal, Upstreams

HEALTH_S = 3.0


def router(
    kind: type[APIRoute],
    services: Upstreams,
    guard: RequestGuard,
    readiness: Callable[[], dict[str, bool]],
) -> APIRouter:
    """/ops, /audit."""
    routes = door_routes(kind, "operations")

    @routes.get("/ops/health", response_model=operations.Health)
    async def health(asked: Asking) -> dict[str, Any]:
        """Every service: ready or not, its checks, its lag and other figures. A service that is away is shown as away."""
        checks = await asyncio.to_thread(readiness)
        own = {
            "name": "gateway",
            "ready": all(checks.values()),
            "away": False,
            "held": "",
            "checks": checks,
            "figures": {},
        }
        found = [
            *await asyncio.gather(*(_health(service, asked) for service in services.all())),
            own,
        ]
        return {"ready": all(one["ready"] for one in found), "services": found}

    @routes.get("/ops/dead-letters", response_model=operations.DeadLetters)
    async def dead_letters(asked: Asking) -> Response:
        """Messages that were refused, of every service; `away` names those that could not be asked."""
        found = await asyncio.gather(*(_dead_letters(service, asked) for service in services.all()))
        items = [item for one in found if one is not None for item in one]
        away = [
            service.name for service, one in zip(services.all(), found, strict=True) if one is None
        ]
        return JSONResponse({"items": items, "next": None, "total": len(items), "away": away})

    @routes.post("/ops/dead-letters/{dead_letter_id}/redrive", response_model=operations.Redriven)
    async def redrive(
        dead_letter_id: Annotated[str, Path(pattern="^[a-z]{1,20}:[0-9]{1,18}$")], asked: Asking
    ) -> Response:
        """Apply a refused message again."""
        name, _, number = dead_letter_id.partition(":")
        service = next((one for one in services.all() if one.name == name), None)
        if service is None:
            raise Problem(
                404,
                "dead-letter.unknown",
                "There is no such dead letter.",
                "Look at the list of dead letters.",
            )
        return await relay(service, asked.post(f"/ops/dead-letters/{number}/redrive"))

    @routes.get("/ops/limiter", response_model=operations.Limiter)
    async def limiter(asked: Asking) -> Response:
        """What the provider allows, and how much of it is used."""
        return await relay(services.dispatcher, asked.get("/limiter"))

    @routes.get("/ops/kill-switch", response_model=operations.KillSwitch)
    async def switched(asked: Asking) -> Response:
        """Whether the kill switch is on, by whom and why."""
        return await relay(services.dispatcher, asked.get("/kill-switch"))

    @routes.post("/ops/kill-switch", response_model=operations.KillSwitch)
    async def switch(order: operations.Switch, asked: Asking) -> Response:
        """Stop everything that goes to the provider, or let it go on."""
        return await relay(
            services.dispatcher, asked.post("/kill-switch", order.model_dump(mode="json"))
        )

    deciding = (services.ingest, services.dispatcher, services.ledger)

    @routes.get("/ops/restored", response_model=operations.Restoreds)
    async def restored(asked: Asking) -> Response:
        """The databases that came back from a backup: which are held, why, and how far they are."""
        found = await asyncio.gather(*(_restored(service, asked) for service in deciding))
        away = [service.name for service, one in zip(deciding, found, strict=True) if one is None]
        return JSONResponse({"services": [one for one in found if one is not None], "away": away})

    @routes.post("/ops/restored/release", response_model=operations.Releaseds)
    async def release(order: operations.Release, asked: Asking) -> Response:
        """Propose, or as another person confirm, that every held database is used again."""
        found = await asyncio.gather(*(_restored(service, asked) for service in deciding))
        held = [
            service
            for service, one in zip(deciding, found, strict=True)
            if one is not None and one["held"]
        ]
        if not held:
            raise Problem(
                409, "restored.not-now", "No database is held.", "Nothing is to be done here."
            )
        outcomes = [await _release(service, asked, order) for service in held]
        if all(one["outcome"] == "refused" for one in outcomes):
            raise Problem(
                409,
                "restored.not-now",
                " ".join(f"{one['name']}: {one['message']}" for one in outcomes),
                "Wait until everything is taken back, then let an operator or approver propose it and another person, an approver, confirm it.",
            )
        return JSONResponse({"services": outcomes})

    @routes.get("/audit", response_model=operations.Audit)
    def audit(
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
        cursor: Annotated[str, Query(pattern="^[0-9]{0,18}$")] = "",
        q: Annotated[str, Query(max_length=100, pattern=batches.PLAIN)] = "",
    ) -> dict[str, Any]:
        """Every unsafe call, newest first, and whether the log is as it was written."""
        with guard.trail.engine.connect() as connection:
            return _audit(connection, limit, int(cursor) if cursor else None, q or None)

    return routes


def public() -> APIRouter:
    """What needs no sign-in."""
    routes = APIRouter(tags=["health"])

    @routes.get(
        "/health",
        responses={503: {"model": batches.Problem, "description": "The gateway is starting."}},
    )
    def alive() -> operations.Alive:
        """That the gateway answers; nothing of what is behind it."""
        return operations.Alive(status="ok")

    return routes


def _audit(connection: Connection, limit: int, before: int | None, q: str | None) -> dict[str, Any]:
    items, total = store.list_lines(connection, limit, before, q)
    broken = store.first_broken_line(connection)
    following = str(items[-1]["seq"]) if len(items) == limit and items[-1]["seq"] > 1 else None
    return {
        "items": items,
        "next": following,
        "total": total,
        "verified": broken is None,
        "first_broken": broken,
    }


async def _health(service: Upstream, asked: Asked) -> dict[str, Any]:
    try:
        ready, metrics = await asyncio.gather(
            service.send(asked.get("/health/ready", timeout_s=HEALTH_S)),
            service.send(asked.get("/metrics", timeout_s=HEALTH_S)),
        )
        said = ready.json()
        held = said.get("held", "")
        return {
            "name": service.name,
            "ready": ready.status_code == 200 and not held,
            "away": False,
            "held": held,
            "checks": said.get("checks", {}),
            "figures": _figures(service.name, metrics),
        }
    except Problem:
        return {
            "name": service.name,
            "ready": False,
            "away": True,
            "held": "",
            "checks": {},
            "figures": {},
        }


def _figures(name: str, metrics: httpx.Response) -> dict[str, float]:
    """The plain figures of a service's /metrics; none while its database is away."""
    if metrics.status_code != 200:
        return {}
    return {
        sample.name.removeprefix(f"paydown_{name}_"): sample.value
        for family in text_string_to_metric_families(metrics.text)
        for sample in family.samples
        if not sample.labels
    }


async def _dead_letters(service: Upstream, asked: Asked) -> list[dict[str, Any]] | None:
    """A service's dead letters with ids that name it; None if it could not be asked."""
    try:
        found = await service.send_json(asked.get("/ops/dead-letters", timeout_s=HEALTH_S))
    except (Problem, UpstreamRefusal):
        return None
    return [
        {
            **item,
            "dead_letter_id": f"{service.name}:{item['dead_letter_id']}",
            "service": service.name,
        }
        for item in found["items"]
    ]


async def _restored(service: Upstream, asked: Asked) -> dict[str, Any] | None:
    """What a service says of its database; None if it could not be asked."""
    try:
        return {
            "name": service.name,
            **await service.send_json(asked.get("/restored", timeout_s=HEALTH_S)),
        }
    except (Problem, UpstreamRefusal):
        return None


async def _release(service: Upstream, asked: Asked, order: operations.Release) -> dict[str, str]:
    try:
        done = await service.send_json(
            asked.post("/restored/release", order.model_dump(mode="json"))
        )
    except UpstreamRefusal as refusal:
        return {
            "name": service.name,
            "outcome": "refused",
            "message": str(refusal.answer.json().get("detail", "")),
        }
    return {"name": service.name, "outcome": str(done["outcome"]), "message": ""}
