"""What people see of a restored database over HTTP, and how they release it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.contracts.two_person import NotAllowed
from libs.common.recovery import quarantine
from libs.common.recovery.quarantine import NotRecovered
from libs.common.recovery.startup_gate import STARTING
from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.methods import SAFE_METHODS
from libs.common.web.problem_details import Problem, problem_response

PREFIX = "/restored"


class Release(BaseModel):
    """Why the database may be used again."""

    reason: str = Field(min_length=1, max_length=500)


class ReadOnlyWhileClosed:
    """ASGI middleware that refuses requests that may change something while the gate is closed.

    Args:
        closed_because: gives the reason; "" once the gate is open.
    """

    def __init__(self, app: ASGIApp, closed_because: Callable[[], str]) -> None:
        self.app, self.closed_because = app, closed_because

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503."""
        if (
            scope["type"] != "http"
            or scope["method"] in SAFE_METHODS
            or scope["path"].startswith(PREFIX)
            or not (reason := self.closed_because())
        ):
            await self.app(scope, receive, send)
            return
        problem = _starting() if reason == STARTING else _quarantined(reason)
        await problem_response(Request(scope), problem)(scope, receive, send)


def _starting() -> Problem:
    return Problem(
        503,
        "service.starting",
        f"This service has just been started. {STARTING}",
        "Try again in a few seconds.",
    )


def _quarantined(reason: str) -> Problem:
    return Problem(
        503,
        "database.restored",
        f"This service is read-only because its database was restored from a backup. {reason}",
        "Two people must release it under Operations before you can retry.",
    )


def router(engine: Engine, token: str) -> APIRouter:
    """`GET /restored` and `POST /restored/release`."""
    routes = APIRouter(prefix=PREFIX)
    caller = Depends(Caller(token))

    @routes.get("", dependencies=[caller])
    def newest_quarantine() -> dict[str, Any]:
        """The newest quarantine; `held` says whether it is open. `why` is "" if there was none."""
        with engine.connect() as connection:
            row = quarantine.find_newest(connection)
        return {
            "held": row is not None and row.released_at is None,
            "settled": row is not None and row.settled_at is not None,
            "why": row.why if row else "",
            "progress": row.progress if row else "",
            "noticed_at": row.noticed_at if row else None,
            "proposed_by": row.proposed_by if row else None,
            "released_by": row.released_by if row else None,
        }

    @routes.post("/release")
    def release(order: Release, actor: Annotated[Actor, caller]) -> dict[str, str]:
        """Propose (`proposed`) or confirm (`released`) that the database is used again."""
        is_approver = "approver" in actor.roles
        try:
            with engine.begin() as connection:
                outcome = quarantine.release(
                    connection,
                    actor.person,
                    order.reason,
                    approver=is_approver,
                    counts_as=actor.counts_as,
                )
        except NotRecovered as error:
            raise Problem(
                409,
                error.code,
                str(error),
                "Look at its progress, and try again when the recovery is complete.",
            ) from None
        except NotAllowed as error:
            raise Problem(403, "auth.forbidden", str(error), "Ask an approver.") from None
        return {"outcome": outcome}

    return routes
