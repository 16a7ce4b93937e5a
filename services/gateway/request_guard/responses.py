"""Turn what a route returns or raises into a response."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from libs.common.web.problem_details import Problem
from services.gateway.upstream import UpstreamRefusal

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]
ErrorHandler = Callable[[Request, Exception], Awaitable[Response]]
RELAYED_HEADERS = ("retry-after",)


class SecretResponse(JSONResponse):
    """An answer with a secret in it. Under an idempotency key only `stored` is kept and replayed.

    `stored` is the same answer without the secret.
    """

    def __init__(self, content: Any, stored: Any, status_code: int = 200) -> None:  # Any: JSON
        super().__init__(content, status_code)
        self.stored_body = self.render(stored)


async def respond(request: Request, handler: RouteHandler) -> Response:
    """The route's answer; a problem, a service's refusal and a bug have an answer too."""
    try:
        return await handler(request)
    except UpstreamRefusal as refusal:
        return relayed(refusal.answer)
    except RequestValidationError as error:
        if any(one["loc"][0] == "path" for one in error.errors()):
            return await _error_response(request, not_found())
        return await _error_response(request, error)
    except Exception as error:  # noqa: BLE001 - an unsafe call's outcome is recorded in any case
        return await _error_response(request, error)


def relayed(answer: httpx.Response) -> Response:
    """A service's answer, unchanged."""
    headers = {name: answer.headers[name] for name in RELAYED_HEADERS if name in answer.headers}
    return Response(
        answer.content,
        answer.status_code,
        media_type=answer.headers.get("content-type"),
        headers=headers,
    )


def not_found() -> Problem:
    """404 for an address where nothing is."""
    return Problem(404, "not-found", "There is nothing at this address.", "Check the address.")


async def _error_response(request: Request, error: Exception) -> Response:
    handlers: dict[Any, ErrorHandler] = request.app.exception_handlers
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    return await handler(request, error)
