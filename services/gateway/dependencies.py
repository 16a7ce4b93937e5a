"""What every route needs to ask a service on behalf of the person who asks."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer

from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import request_id
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.domain.access import API
from services.gateway.request_guard.responses import relayed
from services.gateway.schemas.batches import PLAIN, PROBLEMS
from services.gateway.upstream import Call, Params, Upstream

LIMIT_MAX = 1_000


@dataclass(frozen=True)
class Asked:
    """A person's request, as the calls made for it carry it."""

    actor: Actor
    request_id: str

    def get(self, path: str, params: Params | None = None, timeout_s: float | None = None) -> Call:
        """A reading call."""
        return Call(self.actor, self.request_id, "GET", path, params=params, timeout_s=timeout_s)

    def post(
        self, path: str, json: Any = None, params: Params | None = None
    ) -> Call:  # Any: the other service's body
        """A call that changes something."""
        return Call(self.actor, self.request_id, "POST", path, params=params, json=json)

    def upload(
        self,
        path: str,
        content: AsyncIterable[bytes],
        params: Params,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Call:
        """A body of any size, passed on as it comes."""
        return Call(
            self.actor,
            self.request_id,
            "POST",
            path,
            params=params,
            content=content,
            headers=headers,
            timeout_s=timeout_s,
        )


def asked(request: Request) -> Asked:
    """The dependency: who asks, and under which id."""
    return Asked(request.state.person.actor(), request_id(request))


Asking = Annotated[Asked, Depends(asked)]


Short = Annotated[str, Query(max_length=200, pattern=PLAIN)]


def listing(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
    cursor: Annotated[str, Query(max_length=1_000)] = "",
    q: Short = "",
    status: Short = "",
    sort: Short = "",
) -> Params:
    """What every list understands: page size, the page before's `next`, search, status and order (`-` in front: descending)."""
    return given(limit=limit, cursor=cursor, q=q, status=status, sort=sort)


Listing = Annotated[Params, Depends(listing)]


def filters(
    listed: Listing,
    source: Short = "",
    branch: Short = "",
    institution: Short = "",
    reason_code: Short = "",
) -> Params:
    """A list of rows or payments, of one source account, branch, institution or cause."""
    return {
        **listed,
        **given(source=source, branch=branch, institution=institution, reason_code=reason_code),
    }


def of(
    listed: Listing, batch_id: UUID | None = None, payment_id: UUID | None = None, kind: Short = ""
) -> Params:
    """A list of the ledger's records, of one batch, payment or kind."""
    return {
        **listed,
        **given(batch_id=str(batch_id or ""), payment_id=str(payment_id or ""), kind=kind),
    }


def found(listed: Listing, code: Short = "", outcome: Short = "") -> Params:
    """A list of issues, of one code or outcome."""
    return {**listed, **given(code=code, outcome=outcome)}


Filters = Annotated[Params, Depends(filters)]
Of = Annotated[Params, Depends(of)]
Found = Annotated[Params, Depends(found)]


def given(**values: str | int) -> Params:
    """Those that say something."""
    return {name: value for name, value in values.items() if value != ""}


def door_routes(kind: type[APIRoute], tag: str) -> APIRouter:
    """A router of the public API: behind the door, its problems described, each operation named as its function."""
    bearer = Depends(
        HTTPBearer(
            auto_error=False,
            description="An API token; in demo mode also a demo token. It is checked before anything else of the request.",
        )
    )
    cookie = Depends(
        APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="A browser's session.")
    )
    return APIRouter(
        prefix=API,
        route_class=kind,
        responses=PROBLEMS,
        tags=[tag],
        dependencies=[bearer, cookie],
        generate_unique_id_function=lambda route: route.name,
    )


async def relay(upstream: Upstream, call: Call) -> Response:
    """A service's answer, as it is."""
    return relayed(await upstream.send(call))
