"""Errors over HTTP: RFC 9457 problem+json.

Each has a stable code and says what happened, whether money is affected and what to do.
"""

import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from libs.common.database.engine import is_unavailable
from libs.common.observability.logs import frames, log

MEDIA_TYPE = "application/problem+json"
NO_MONEY = "No money has moved because of this."
#: The code of an error that FastAPI or Starlette raises; others are `request.refused`.
FRAMEWORK_CODES = {
    401: "auth.required",
    403: "auth.forbidden",
    404: "not-found",
    405: "method.not-allowed",
    413: "request.too-large",
}


class Problem(Exception):
    """An answer that is not a success. Only `routes` raise it.

    Args:
        status: the HTTP status; 503 gets a header Retry-After.
        code: stable, for programs.
        detail: what happened, one sentence.
        action: what the reader can do.
        money: whether money is affected.
        more: further fields of the answer.
    """

    def __init__(
        self, status: int, code: str, detail: str, action: str, money: str = NO_MONEY, **more: Any
    ) -> None:
        super().__init__(detail)
        self.headers: dict[str, str] = {"Retry-After": "2"} if status == 503 else {}
        self.status, self.code, self.detail = status, code, detail
        self.action, self.money, self.more = action, money, more


def problem_response(request: Request, problem: Problem) -> JSONResponse:
    """The problem as JSON: `{type, title, status, code, detail, money, action, request_id, …}`."""
    body = {
        "type": f"urn:paydown:{problem.code}",
        "title": problem.code.replace(".", " ").replace("-", " ").replace("_", " ").capitalize(),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "message": problem.detail,
        "money": problem.money,
        "action": problem.action,
        "request_id": request_id(request),
        **problem.more,
    }
    return JSONResponse(
        body, status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers
    )


def request_id(request: Request) -> str:
    """The caller's request id, or a new one; the same on every call for one request.

    It is sent on in headers, so one with other letters than ASCII's is replaced.
    """
    if not hasattr(request.state, "request_id"):
        given = request.headers.get("x-request-id", "")
        request.state.request_id = (
            given
            if 0 < len(given) <= 64 and given.isascii() and given.isprintable()
            else uuid.uuid4().hex
        )
    return str(request.state.request_id)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of an application with problem+json."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_framework_error)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    where = "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    )
    problem = Problem(
        422,
        "request.invalid",
        f"The request is not understood: {where}.",
        "Correct the request and send it again.",
    )
    return problem_response(request, problem)


async def _on_framework_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    problem = Problem(
        error.status_code,
        FRAMEWORK_CODES.get(error.status_code, "request.refused"),
        str(error.detail),
        "Check the address and the method against the description of the API.",
    )
    problem.headers |= error.headers or {}
    return problem_response(request, problem)


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    if not is_unavailable(error):
        return _unexpected(request, error)
    problem = Problem(
        503,
        "database.away",
        "The database does not answer at the moment.",
        "Try again in a few seconds.",
        "Whether this request was carried out is not known; ask again before you repeat it.",
    )
    return problem_response(request, problem)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    return _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """Answer a bug with 500, and log its type and place without values."""
    log.error(
        "unexpected",
        error=type(error).__name__,
        traceback=frames(error),
        request_id=request_id(request),
        path=request.scope.get("path"),
    )
    problem = Problem(
        500,
        "internal",
        "Something unexpected happened on our side; it has been recorded.",
        "Give the request id to support.",
        "Look at the batch before you repeat anything.",
    )
    return problem_response(request, problem)
