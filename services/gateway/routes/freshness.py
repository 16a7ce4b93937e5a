"""As of when the figures on a page are: every page asks this."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

from services.gateway.dependencies import Context, RequestContext, api_router
from services.gateway.domain.freshness import Flow, Heard, freshness
from services.gateway.schemas import freshness as schemas
from services.gateway.upstream import Upstream, Upstreams

TIMEOUT_S = 3.0
#: Many pages ask at once; the services are asked once for all of them.
ASK_EVERY_S = 5.0


@dataclass
class FlowReader:
    """Asks the services how far their events have come, at most every five seconds."""

    services: Upstreams
    heard: dict[str, Heard] = field(init=False, default_factory=dict)
    _asked_at: float = field(init=False, default=-ASK_EVERY_S)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def read(self, context: RequestContext) -> dict[str, Heard]:
        """The newest answer of each service; one that never answered is missing."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= ASK_EVERY_S:
                await asyncio.gather(*(self._ask(one, context) for one in self.services.all()))
                self._asked_at = time.monotonic()
        return self.heard

    async def _ask(self, service: Upstream, context: RequestContext) -> None:
        asked_at = datetime.now(UTC)  # what happens while it answers may be missing
        call = context.get("/health/flow", timeout_s=TIMEOUT_S)
        found = await service.send_json_if_available(call)
        if found is not None:
            flow = Flow(found.get("applied_age_s", {}), found.get("outbox_age_s", 0.0))
            self.heard[service.name] = Heard(flow, asked_at)


def router(route_class: type[APIRoute], services: Upstreams) -> APIRouter:
    """GET /freshness."""
    routes = api_router(route_class, "batches")
    reader = FlowReader(services)

    @routes.get("/freshness", response_model=schemas.Freshness)
    async def read_freshness(context: Context) -> dict[str, Any]:
        """As of when the figures are, and which part stands behind and since when.

        The figures of batches and payments come from `reports`, their statuses from `ingest`,
        accounts and reconciliation from `ledger`, and what is to be sent from `dispatcher`.
        """
        heard = await reader.read(context)
        now = datetime.now(UTC)
        return {"checked_at": now, "figures": freshness(heard, now)}

    return routes
