"""Spans of orders: each state-changing request at the gateway, and at the internal doors of the services.

The gateway's span is in its caller's trace, or in one of its own. A service's is in the trace of the batch it is about, linked to the
gateway's; its answer names that place (`traceresponse`), and the gateway's span is linked to it in turn. Paths and queries stay out:
they are typed by people. The route stands for them.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.observability.trace_context import Context, parsed, root
from libs.common.observability.tracing import (
    BATCH,
    Span,
    child_beside,
    fresh,
    is_on,
    of_batch,
    record,
)
from libs.common.web.internal_auth import TOKEN

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HEADER, ANSWER = "traceparent", "traceresponse"
MADE = "made_batch"


def made(request: Request, batch_id: object) -> None:
    """Say that this request has made a batch: its span is the batch's first."""
    setattr(request.state, MADE, batch_id)


@dataclass
class _Request:
    """A request that is being answered: its span, and those it led to."""

    at: Context
    led_to: list[Context] = field(default_factory=list)


_current: ContextVar[_Request | None] = ContextVar("request", default=None)


def outgoing() -> dict[str, str]:
    """The headers of a call that is made for the request being answered; none where it is not traced."""
    current = _current.get() if is_on() else None
    return {} if current is None else {HEADER: current.at.header()}


def answered(trace: str | None) -> None:
    """Note the header `traceresponse` of a call that was made for the request being answered."""
    current, place = _current.get() if is_on() else None, parsed(trace or "")
    if current is not None and place is not None:
        current.led_to.append(place)


class Traced:
    """ASGI. `public`: its callers are people, and their requests have traces of their own; else only calls with the internal token count."""

    def __init__(self, app: ASGIApp, *, public: bool) -> None:
        self.app, self.public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, and record how that went."""
        if (
            scope["type"] != "http"
            or scope["method"] not in UNSAFE
            or not (self.public or TOKEN.lower().encode() in dict(scope["headers"]))
        ):
            await self.app(scope, receive, send)
            return
        caller = parsed(Headers(scope=scope).get(HEADER, ""))
        current = _Request(child_beside(caller) if caller else fresh())
        began_ns, status = time.time_ns(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                place = None if self.public else self._place(scope, status)
                if place is not None:
                    MutableHeaders(scope=message)[ANSWER] = place[0].header()
            await send(message)

        token = _current.set(current)
        try:
            await self.app(scope, receive, sent)
        finally:
            _current.reset(token)
            self._end(scope, current, caller, began_ns, status)

    def _place(self, scope: Scope, status: int) -> tuple[Context, Context | None, str] | None:
        """The span, its parent and its batch, where the request is about a batch that there is; the one it made has this as its first span."""
        made = scope.get("state", {}).get(MADE)
        batch_id = str(made or scope.get("path_params", {}).get("batch_id", ""))
        first = of_batch(batch_id)
        if first is None or status == 404:
            return None
        if made:
            return first, None, batch_id
        if "place" not in scope:
            scope["place"] = child_beside(first)
        return scope["place"], first, batch_id

    def _end(
        self, scope: Scope, current: _Request, caller: Context | None, began_ns: int, status: int
    ) -> None:
        route = str(getattr(scope.get("route"), "path", ""))
        attributes: dict[str, str | int] = {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
        }
        at, parent, links = current.at, caller, current.led_to
        place = None if self.public else self._place(scope, status)
        if place is not None:
            at, parent, attributes[BATCH] = place
            links = [
                one for one in (caller, self._derived(scope)) if one is not None and one.sampled
            ]
        elif self.public and "batch_id" in scope.get("path_params", {}):
            attributes[BATCH] = str(scope["path_params"]["batch_id"])
        if at.sampled:
            error = str(status) if status >= 500 else ""
            record(
                Span(
                    f"{scope['method']} {route}".strip(),
                    "server",
                    at,
                    parent,
                    began_ns,
                    time.time_ns(),
                    attributes,
                    tuple(links),
                    error,
                )
            )

    def _derived(self, scope: Scope) -> Context | None:
        """The batch that the new one is a child of."""
        return (
            root(str(scope.get("path_params", {}).get("batch_id", "")))
            if scope.get("state", {}).get(MADE)
            else None
        )
