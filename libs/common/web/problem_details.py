"""Errors for people over HTTP: RFC 9457 problem+json with a stable code, whether money is affected and what to do."""

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


class Problem(Exception):
    """An answer that is not a success; raised in `routes.py` only. `headers` go beside the body; a 503 has its Retry-After anyway."""

    def __init__(
        self, status: int, code: str, detail: str, action: str, money: str = NO_MONEY, **more: Any
    ) -> None:
        super().__init__(detail)
        self.headers: dict[str, str] = {"Retry-After": "2"} if status == 503 else {}
        self.status, self.code, self.detail, self.action, self.money, self.more = (
            status,
            code,
            detail,
            action,
            money,
            more,
        )


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
    """The caller's request id, or one made for this request; the same on every call within the request."""
    if not hasattr(request.state, "request_id"):
        given = request.headers.get("x-request-id", "")
        request.state.request_id = (
            given if 0 < len(given) <= 64 and given.isprintable() else uuid.uuid4().hex
        )
    return str(request.state.request_id)


def install_error_handlers(app: FastAPI) -> None:
    """Give an application these answers for every error there can be."""

    @app.exception_handler(Problem)
    async def _(request: Request, error: Problem) -> JSONResponse:
        return problem_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> JSONResponse:
        where = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        return problem_response(
            request,
            Problem(
                422,
                "request.invalid",
                f"The request is not understood: {where}.",
                "Correct the request and send it again.",
            ),
        )

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        codes = {
            401: "auth.required",
            403: "auth.forbidden",
            404: "not-found",
            405: "method.not-allowed",
            413: "request.too-large",
        }
        problem = Problem(
            error.status_code,
            codes.get(error.status_code, "request.refused"),
            str(error.detail),
            "Check the address and the method against the description of the API.",
        )
        problem.headers |= error.headers or {}
        return problem_response(request, problem)

    @app.exception_handler(SQLAlchemyError)
    async def _(request: Request, error: SQLAlchemyError) -> JSONResponse:
        if is_unavailable(error):
            return problem_response(
                request,
                Problem(
                    503,
                    "database.away",
                    "The database does not answer at the moment.",
                    "Try again in a few seconds.",
                    "Whether this request was carried out is not known; ask again before you repeat it.",
                ),
            )
        return unexpected(request, error)

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> JSONResponse:
        return unexpected(request, error)


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """A bug: 500, logged by its kind and place, without values."""
    log.error(
        "unexpected",
        error=type(error).__name__,
        traceback=frames(error),
        request_id=request_id(request),
        path=request.scope.get("path"),
    )
    return problem_response(
        request,
        Problem(
            500,
            "internal",
            "Something unexpected happened on our side; it has been recorded.",
            "Give the request id to support.",
            "Look at the batch before you repeat anything.",
        ),
    )
