"""Explain a break over HTTP, and what the lists show of it."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import install_error_handlers
from services.ledger import routes
from services.ledger.tests.conftest import Database
from services.ledger.tests.explained import deliver_orphan
from services.ledger.tests.factories import BATCH

pytestmark = pytest.mark.database
TOKEN = "x" * 20


@pytest.fixture
def web(database: Database) -> FastAPI:
    deliver_orphan(database)
    made = FastAPI()
    install_error_handlers(made)
    made.include_router(routes.router(database.service, TOKEN))
    return made


def call(web: FastAPI, method: str, path: str, actor: Actor, **more: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(web)
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
            return await client.request(method, path, headers=actor.headers(TOKEN), **more)

    return asyncio.run(ask())


ANNA, ADAM = Actor("anna", frozenset({"preparer"})), Actor("adam", frozenset({"approver"}))
OLGA = Actor("olga", frozenset({"operator"}))


def only(web: FastAPI, path: str) -> dict[str, Any]:
    (found,) = call(web, "GET", path, OLGA).json()["items"]
    return dict(found)


def test_a_break_is_explained_by_two_people_and_shown_so(web: FastAPI) -> None:
    found = only(web, "/reconciliation/breaks?status=open")
    assert (found["amount_cents"], found["acknowledgement"], found["proposal"]) == (
        1200,
        None,
        None,
    )
    path = f"/reconciliation/breaks/{found['break_id']}/acknowledge"
    order = {"act": "by-hand", "reason": "paid on Monday", "evidence": found["evidence"]}
    assert call(web, "POST", path, OLGA, json=order).status_code == 403
    first = call(web, "POST", path, ANNA, json=order)
    assert first.json() == {
        "break_id": found["break_id"],
        "batch_id": str(BATCH),
        "act": "by-hand",
        "state": "proposed",
    }
    proposed = only(web, "/reconciliation/breaks?status=open")["proposal"]
    assert (proposed["act"], proposed["by_whom"]) == ("by-hand", "anna")
    stale = call(web, "POST", path, ADAM, json=order | {"evidence": "sha256:other"})
    assert (stale.status_code, stale.json()["code"]) == (409, "break.state")
    assert call(web, "POST", path, ADAM, json=order).json()["state"] == "done"
    shown = only(web, "/reconciliation/breaks?status=acknowledged")
    assert shown["proposal"] is None
    assert (shown["acknowledgement"]["confirmed_by"], shown["status"]) == ("adam", "acknowledged")
    assert call(web, "GET", "/reconciliation/breaks?status=open", OLGA).json()["total"] == 0
    correction = only(web, f"/corrections?batch_id={BATCH}")
    assert (correction["amount"], correction["to_account"], correction["reason"]) == (
        "12.00",
        "outside:provider",
        "paid on Monday",
    )
    assert correction["journal_id"] == shown["acknowledgement"]["journals"][0]["journal_id"]


def test_what_is_no_break_or_no_explanation_is_refused(web: FastAPI) -> None:
    order = {"act": "by-hand", "reason": "x", "evidence": "sha256:0"}
    unknown = f"/reconciliation/breaks/{BATCH}/acknowledge"
    assert call(web, "POST", unknown, ADAM, json=order).status_code == 404
    for wrong in ({"act": "forget"}, {"reason": ""}, {"evidence": ""}):
        assert call(web, "POST", unknown, ADAM, json=order | wrong).status_code == 422
