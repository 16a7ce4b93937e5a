import asyncio
from collections.abc import Mapping
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.exceptions import HTTPException

from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import NO_MONEY, Problem, install_error_handlers

TOKEN = "0123456789abcdef"
FIELDS = {"type", "title", "status", "code", "detail", "message", "money", "action", "request_id"}


class Client:
    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def client() -> Client:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/refused")
    def refused() -> None:
        raise Problem(
            409, "batch.stale-digest", "The batch has changed.", "Look at it again.", batch_id="b1"
        )

    @app.get("/number")
    def number(limit: int) -> int:
        return limit

    @app.get("/away")
    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))

    @app.get("/wrong")
    def wrong() -> None:
        raise IntegrityError("INSERT", {"loan": "0012345678"}, Exception("0012345678"))

    @app.get("/bug")
    def bug() -> None:
        raise RuntimeError("0012345678")

    @app.get("/large")
    def large() -> None:
        raise HTTPException(413, "Too large.")

    @app.get("/who")
    def who(actor: Annotated[Actor, Depends(Caller(TOKEN))]) -> dict[str, object]:
        return {"person": actor.person, "roles": sorted(actor.roles)}

    return Client(app)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/refused", 409, "batch.stale-digest"),
        ("/number?limit=x", 422, "request.invalid"),
        ("/away", 503, "database.away"),
        ("/bug", 500, "internal"),
        ("/wrong", 500, "internal"),
        ("/nowhere", 404, "not-found"),
        ("/large", 413, "request.too-large"),
        ("/who", 401, "internal.token"),
    ],
)
def test_every_error_is_a_problem_with_the_same_fields(
    client: Client, path: str, status: int, code: str
) -> None:
    answer = client.get(path)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) >= FIELDS
    assert "0012345678" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_refusal_has_an_action_whether_money_moved_and_its_subject(
    client: Client,
) -> None:
    body = client.get("/refused").json()
    assert (body["action"], body["money"], body["batch_id"], body["title"]) == (
        "Look at it again.",
        NO_MONEY,
        "b1",
        "Batch stale digest",
    )


def test_where_the_outcome_is_unknown_it_is_not_claimed_that_no_money_moved(client: Client) -> None:
    assert all(client.get(path).json()["money"] != NO_MONEY for path in ("/away", "/bug", "/wrong"))


def test_the_callers_request_id_comes_back_unless_it_is_no_id(client: Client) -> None:
    assert client.get("/refused", headers={"x-request-id": "abc-1"}).json()["request_id"] == "abc-1"
    assert (
        len(client.get("/refused", headers={"x-request-id": "x" * 65}).json()["request_id"]) == 32
    )


def test_an_internal_call_carries_person_and_roles(client: Client) -> None:
    headers = Actor("pat", frozenset({"approver", "viewer"})).headers(TOKEN)
    assert client.get("/who", headers=headers).json() == {
        "person": "pat",
        "roles": ["approver", "viewer"],
    }
    assert client.get("/who", headers=Actor("pat").headers(TOKEN)).json() == {
        "person": "pat",
        "roles": [],
    }
    assert client.get("/who", headers=Actor("pat").headers(TOKEN + "x")).status_code == 401


@pytest.mark.parametrize("given", ["caf\u00e9", "\u0416", "a b\x7f", "x" * 65])
def test_a_request_id_that_no_header_can_carry_is_replaced(client: Client, given: str) -> None:
    answer = client.get("/refused", {"X-Request-Id": given.encode()})  # type: ignore[dict-item] # httpx takes bytes
    assert answer.status_code == 409
    assert answer.json()["request_id"].isalnum()
    assert len(answer.json()["request_id"]) == 32
