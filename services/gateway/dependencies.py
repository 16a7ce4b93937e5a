"""What routes share: the person of a request, parameters of lists, and relayed answers."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer

from libs.common.web.internal_auth import Actor
from libs.common.web.pagination import CURSOR_MAX, read_cursor, refuse_cursor, write_cursor
from libs.common.web.problem_details import request_id
from services.gateway.auth.credentials import SESSION_COOKIE
from services.gateway.domain.access import API
from services.gateway.request_guard.recent_sign_in import RecentSignIn
from services.gateway.request_guard.responses import relayed
from services.gateway.schemas.models import STORABLE_TEXT
from services.gateway.schemas.problems import PROBLEMS
from services.gateway.upstream import Call, Params, Upstream

LIMIT_MAX = 1_000
SEQ_MAX = 2**63 - 1  # PostgreSQL's bigint


@dataclass(frozen=True)
class RequestContext:
    """Whom a request is for, and its id: every call made for it to a service carries both."""

    actor: Actor
    request_id: str

    def get(self, path: str, params: Params | None = None, timeout_s: float | None = None) -> Call:
        """A call that reads."""
        return Call(self.actor, self.request_id, "GET", path, params=params, timeout_s=timeout_s)

    def post(
        self,
        path: str,
        json: Any = None,  # Any: the other service's body
        params: Params | None = None,
        timeout_s: float | None = None,
    ) -> Call:
        """A call that changes something."""
        return Call(
            self.actor,
            self.request_id,
            "POST",
            path,
            params=params,
            json=json,
            timeout_s=timeout_s,
        )

    def delete(self, path: str) -> Call:
        """A call that takes something back."""
        return Call(self.actor, self.request_id, "DELETE", path)

    def upload(
        self,
        path: str,
        content: AsyncIterable[bytes],
        params: Params,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Call:
        """A call whose body is sent on while it is received."""
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


def request_context(request: Request) -> RequestContext:
    """The context of a request that has passed the guard."""
    return RequestContext(request.state.person.actor(), request_id(request))


async def confirmed_context(
    recent_sign_in: RecentSignIn, request: Request, amount_cents: int | None
) -> RequestContext:
    """The context of an act that moves money, with the roles that the person has at this moment.

    Args:
        amount_cents: what the act may move; None if that has no bound, or is not known.

    Raises:
        Problem: as `RecentSignIn.confirm`.
    """
    await recent_sign_in.confirm(request, amount_cents)
    return request_context(request)


Context = Annotated[RequestContext, Depends(request_context)]

FilterText = Annotated[str, Query(max_length=200, pattern=STORABLE_TEXT)]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str, Query(max_length=CURSOR_MAX)]


def without_empty(**values: str | int) -> Params:
    """The parameters that have a value."""
    return {name: value for name, value in values.items() if value != ""}


def list_params(
    limit: Limit = 100,
    cursor: Cursor = "",
    q: FilterText = "",
    status: FilterText = "",
    sort: FilterText = "",
) -> Params:
    """The parameters of every list that a service pages.

    Page size, the `next` of the page before, search text, status, and order (`-` in front:
    descending).
    """
    return without_empty(limit=limit, cursor=cursor, q=q, status=status, sort=sort)


ListParams = Annotated[Params, Depends(list_params)]


def payment_list_params(
    params: ListParams,
    source: FilterText = "",
    branch: FilterText = "",
    institution: FilterText = "",
    reason_code: FilterText = "",
) -> Params:
    """The parameters of a list of rows or payments."""
    more = without_empty(
        source=source, branch=branch, institution=institution, reason_code=reason_code
    )
    return {**params, **more}


def ledger_list_params(
    params: ListParams,
    batch_id: UUID | None = None,
    payment_id: UUID | None = None,
    kind: FilterText = "",
) -> Params:
    """The parameters of a list of the ledger."""
    more = without_empty(batch_id=str(batch_id or ""), payment_id=str(payment_id or ""), kind=kind)
    return {**params, **more}


def issue_list_params(
    params: ListParams, code: FilterText = "", outcome: FilterText = ""
) -> Params:
    """The parameters of a list of issues."""
    return {**params, **without_empty(code=code, outcome=outcome)}


PaymentListParams = Annotated[Params, Depends(payment_list_params)]
LedgerListParams = Annotated[Params, Depends(ledger_list_params)]
IssueListParams = Annotated[Params, Depends(issue_list_params)]


def read_seq_cursor(cursor: str, order: str) -> int | None:
    """The sequence number below which a page of the gateway's own lists begins; None at first.

    Raises:
        Problem: 422 `cursor.invalid`.
    """
    if not cursor:
        return None
    (seq,) = read_cursor(cursor, order, (int,))
    if not 0 < int(seq) <= SEQ_MAX:
        refuse_cursor()
    return int(seq)


def next_seq_cursor(order: str, items: list[dict[str, Any]], limit: int) -> str | None:
    """The cursor of the page after `items`, which are ordered by `seq`, newest first."""
    if len(items) < limit or items[-1]["seq"] <= 1:
        return None
    return write_cursor(order, items[-1]["seq"])


def api_router(route_class: type[APIRoute], tag: str) -> APIRouter:
    """A router of the public API whose requests pass the guard.

    Its problems are described, and each operation id is the name of its function.
    """
    bearer = HTTPBearer(
        auto_error=False,
        description="An API token; in demo mode also a demo token. It is checked before anything "
        "else of the request.",
    )
    cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="A browser's session.")
    return APIRouter(
        prefix=API,
        route_class=route_class,
        responses=PROBLEMS,
        tags=[tag],
        dependencies=[Depends(bearer), Depends(cookie)],
        generate_unique_id_function=lambda route: route.name,
    )


async def relay(upstream: Upstream, call: Call) -> Response:
    """The answer of a service, unchanged."""
    return relayed(await upstream.send(call))
