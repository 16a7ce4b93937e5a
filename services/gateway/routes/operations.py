"""Operations: dead letters, the provider's limits, the kill switch, restored databases."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import (
    Context,
    RequestContext,
    api_router,
    confirmed_context,
    relay,
)
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.schemas import operations as schemas
from services.gateway.schemas import payments as payment_schemas
from services.gateway.upstream import Upstream, UpstreamRefusal, Upstreams

TIMEOUT_S = 3.0
DeadLetterId = Annotated[str, Path(pattern="^[a-z]{1,20}:[0-9]{1,18}$")]  # service:number


def router(
    route_class: type[APIRoute], services: Upstreams, recent_sign_in: RecentSignIn
) -> APIRouter:
    """Everything below /ops but its health."""
    routes = api_router(route_class, "operations")
    _add_dead_letters(routes, services)
    _add_provider_controls(routes, services, recent_sign_in)
    _add_restored_databases(routes, services, recent_sign_in)
    return routes


def _add_dead_letters(routes: APIRouter, services: Upstreams) -> None:
    @routes.get("/ops/dead-letters", response_model=schemas.DeadLetters)
    async def dead_letters(context: Context) -> Response:
        """The dead letters of every service. `away` names the services that did not answer."""
        lists = await asyncio.gather(
            *(_dead_letters(service, context) for service in services.all())
        )
        items = [item for one in lists if one is not None for item in one]
        away = _names_without_answer(services.all(), lists)
        return JSONResponse({"items": items, "next": None, "total": len(items), "away": away})

    @routes.post("/ops/dead-letters/{dead_letter_id}/redrive", response_model=schemas.Redriven)
    async def redrive(dead_letter_id: DeadLetterId, context: Context) -> Response:
        """Apply a dead letter again."""
        name, _, number = dead_letter_id.partition(":")
        service = next((one for one in services.all() if one.name == name), None)
        if service is None:
            raise Problem(
                404,
                "dead-letter.unknown",
                "There is no such dead letter.",
                "Look at the list of dead letters.",
            )
        return await relay(service, context.post(f"/ops/dead-letters/{number}/redrive"))


def _add_provider_controls(
    routes: APIRouter, services: Upstreams, recent_sign_in: RecentSignIn
) -> None:
    @routes.get("/ops/limiter", response_model=schemas.Limiter)
    async def limiter(context: Context) -> Response:
        """What the provider allows, and how much of it is used."""
        return await relay(services.dispatcher, context.get("/limiter"))

    @routes.get("/ops/duplicates", response_model=payment_schemas.Duplicates)
    async def duplicates(context: Context) -> Response:
        """Payments that were alive twice at the provider and wait for two people."""
        return await relay(services.dispatcher, context.get("/duplicates"))

    @routes.get("/ops/kill-switch", response_model=schemas.KillSwitch)
    async def switched(context: Context) -> Response:
        """Whether the kill switch is on, who set it and why."""
        return await relay(services.dispatcher, context.get("/kill-switch"))

    @routes.post("/ops/kill-switch", response_model=schemas.KillSwitch)
    async def switch(request: Request, order: schemas.Switch, context: Context) -> Response:
        """Stop everything that is sent to the provider, or allow it again."""
        if not order.on:  # to stop, nothing more is asked
            context = await confirmed_context(recent_sign_in, request, None)
        body = order.model_dump(mode="json")
        return await relay(services.dispatcher, context.post("/kill-switch", body))


def _add_restored_databases(
    routes: APIRouter, services: Upstreams, recent_sign_in: RecentSignIn
) -> None:
    #: Only these services decide about money, so only they become read-only after a restore.
    deciding = (services.ingest, services.dispatcher, services.ledger)

    @routes.get("/ops/restored", response_model=schemas.Restoreds)
    async def restored(context: Context) -> Response:
        """Databases restored from a backup: which are read-only, why, and how far recovery is."""
        states = await asyncio.gather(*(_restored(service, context) for service in deciding))
        away = _names_without_answer(deciding, states)
        return JSONResponse({"services": [one for one in states if one is not None], "away": away})

    @routes.post("/ops/restored/release", response_model=schemas.Releaseds)
    async def release(request: Request, order: schemas.Release, context: Context) -> Response:
        """Release every restored database: one person proposes it, another confirms it."""
        context = await confirmed_context(recent_sign_in, request, None)
        states = await asyncio.gather(*(_restored(service, context) for service in deciding))
        held = [
            service
            for service, state in zip(deciding, states, strict=True)
            if state is not None and state["held"]
        ]
        if not held:
            raise Problem(
                409,
                "restored.not-now",
                "No database waits for a release.",
                "There is nothing to do.",
            )
        outcomes = [await _release(service, context, order) for service in held]
        if all(one["outcome"] == "refused" for one in outcomes):
            raise Problem(
                409,
                "restored.not-now",
                " ".join(f"{one['name']}: {one['message']}" for one in outcomes),
                "Wait until recovery is complete. Then an operator or approver proposes the "
                "release, and another person, an approver, confirms it.",
            )
        return JSONResponse({"services": outcomes})


async def _dead_letters(service: Upstream, context: RequestContext) -> list[dict[str, Any]] | None:
    """A service's dead letters, with ids that name the service; None if it did not answer."""
    call = context.get("/ops/dead-letters", timeout_s=TIMEOUT_S)
    found = await service.send_json_if_available(call)
    if found is None:
        return None
    return [
        {
            **item,
            "dead_letter_id": f"{service.name}:{item['dead_letter_id']}",
            "service": service.name,
        }
        for item in found["items"]
    ]


async def _restored(service: Upstream, context: RequestContext) -> dict[str, Any] | None:
    """Whether a service's database was restored, and its release; None if it did not answer."""
    call = context.get("/restored", timeout_s=TIMEOUT_S)
    found = await service.send_json_if_available(call)
    return None if found is None else {"name": service.name, **found}


async def _release(
    service: Upstream, context: RequestContext, order: schemas.Release
) -> dict[str, str]:
    body = order.model_dump(mode="json")
    try:
        done = await service.send_json(context.post("/restored/release", body))
    except UpstreamRefusal as refusal:
        message = str(refusal.answer.json().get("detail", ""))
        return {"name": service.name, "outcome": "refused", "message": message}
    return {"name": service.name, "outcome": str(done["outcome"]), "message": ""}


def _names_without_answer(services: tuple[Upstream, ...], answers: Sequence[object]) -> list[str]:
    return [service.name for service, one in zip(services, answers, strict=True) if one is None]
