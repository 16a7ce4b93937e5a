"""Spans of HTTP requests that change something, at the gateway and at the services behind it.

The gateway's span is in its caller's trace, or in a trace of its own. A service's span is in the
trace of the batch the request is about, and linked to the gateway's. The service answers with its
place (`traceresponse`), and the gateway's span is linked to that in turn. Paths and queries are
typed by people, so spans have the route instead.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.observability.trace_context import Context, batch_root, parse_header
from libs.common.observability.tracing import (
    BATCH,
    Span,
    child_of,
    is_on,
    new_trace,
    record,
    recorded_batch,
)
from libs.common.web.internal_auth import TOKEN
from libs.common.web.methods import UNSAFE_METHODS

REQUEST_HEADER, RESPONSE_HEADER = "traceparent", "traceresponse"
CREATED = "created_batch"


@dataclass
class _Request:
    """A request being answered: its span, and the spans of the calls made for it."""

    at: Context
    led_to: list[Context] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """Where the span of a request about a batch belongs."""

    at: Context
    parent: Context | None
    batch_id: str


_current: ContextVar[_Request | None] = ContextVar("request", default=None)


def mark_created(request: Request, batch_id: object) -> None:
    """Note that this request created a batch: its span becomes the batch's first."""
    setattr(request.state, CREATED, batch_id)


def outgoing_headers() -> dict[str, str]:
    """The headers of a call made for the request being answered; empty if it is not traced."""
    current = _current.get() if is_on() else None
    return {} if current is None else {REQUEST_HEADER: current.at.header()}


def link_response(header: str | None) -> None:
    """Link the request being answered to the header `traceresponse` of a call made for it."""
    current, place = _current.get() if is_on() else None, parse_header(header or "")
    if current is not None and place is not None:
        current.led_to.append(place)


class RequestTracing:
    """ASGI middleware that records a span of each request that may change something.

    Args:
        public: people call this application, and their requests have traces of their own. Else
            only calls with the internal token are recorded.
    """

    def __init__(self, app: ASGIApp, *, public: bool) -> None:
        self.app, self.public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, and record how that went."""
        if not self._is_traced(scope):
            await self.app(scope, receive, send)
            return
        caller = parse_header(Headers(scope=scope).get(REQUEST_HEADER, ""))
        current = _Request(child_of(caller) if caller else new_trace())
        began_ns, status = time.time_ns(), 500

        async def send_with_place(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                place = None if self.public else _batch_place(scope, status)
                if place is not None:
                    MutableHeaders(scope=message)[RESPONSE_HEADER] = place.at.header()
            await send(message)

        token = _current.set(current)
        try:
            await self.app(scope, receive, send_with_place)
        finally:
            _current.reset(token)
            self._record(scope, current, caller, began_ns, status)

    def _is_traced(self, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] in UNSAFE_METHODS
            and (self.public or TOKEN.lower().encode() in dict(scope["headers"]))
        )

    def _record(
        self, scope: Scope, current: _Request, caller: Context | None, began_ns: int, status: int
    ) -> None:
        route = str(getattr(scope.get("route"), "path", ""))
        attributes: dict[str, str | int] = {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
        }
        at, parent, links = current.at, caller, current.led_to
        place = None if self.public else _batch_place(scope, status)
        if place is not None:
            at, parent, attributes[BATCH] = place.at, place.parent, place.batch_id
            related = (caller, _parent_batch(scope))
            links = [one for one in related if one is not None and one.sampled]
        elif self.public and "batch_id" in scope.get("path_params", {}):
            attributes[BATCH] = str(scope["path_params"]["batch_id"])
        if at.sampled:
            name = f"{scope['method']} {route}".strip()
            error = str(status) if status >= 500 else ""
            ended_ns = time.time_ns()
            record(
                Span(
                    name, "server", at, parent, began_ns, ended_ns, attributes, tuple(links), error
                )
            )


def _batch_place(scope: Scope, status: int) -> _Place | None:
    """Where the span belongs if the request is about a batch that exists; else None.

    The request that created a batch is the batch's first span. The same on every call for one
    request.
    """
    created = scope.get("state", {}).get(CREATED)
    batch_id = str(created or scope.get("path_params", {}).get("batch_id", ""))
    root = recorded_batch(batch_id)
    if root is None or status == 404:
        return None
    if created:
        return _Place(root, None, batch_id)
    if "trace_place" not in scope:
        scope["trace_place"] = child_of(root)
    return _Place(scope["trace_place"], root, batch_id)


def _parent_batch(scope: Scope) -> Context | None:
    """The first span of the batch from which this request derived a new one."""
    if not scope.get("state", {}).get(CREATED):
        return None
    return batch_root(str(scope.get("path_params", {}).get("batch_id", "")))
