import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from libs.common.contracts.errors import Reject
from libs.common.crypto.message_signatures import UNSIGNED
from libs.common.messaging import dead_letter_routes, dead_letters
from libs.common.messaging.consumer import apply_batch
from libs.common.tests.conftest import CONSUMER, Store
from libs.common.tests.factories import messages, write
from libs.common.tests.messaging.test_consumer_transaction import refuse_odd
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import install_error_handlers

pytestmark = pytest.mark.database
TOKEN = "0123456789abcdef"


def call(
    store: Store,
    method: str,
    path: str,
    apply: Any = write,
    token: str = TOKEN,
    barred: dead_letter_routes.IneligiblePeople = dead_letter_routes.no_one_ineligible,
) -> httpx.Response:
    app = FastAPI()
    install_error_handlers(app)
    app.include_router(dead_letter_routes.router(store.engine, {CONSUMER: apply}, TOKEN, barred))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test"
        ) as client:
            return await client.request(method, path, headers=Actor("pat").headers(token))

    return asyncio.run(ask())


@pytest.fixture
def letter(store: Store) -> int:
    with store.engine.begin() as connection:
        apply_batch(connection, CONSUMER, messages(2), refuse_odd)
    return int(store.rows("SELECT dead_letter_id FROM dead_letter")[0][0])


def test_dead_letters_are_listed_without_their_bodies(store: Store, letter: int) -> None:
    (item,) = call(store, "GET", "/ops/dead-letters").json()["items"]
    assert (item["dead_letter_id"], item["code"], item["reason"], item["redriven_at"]) == (
        letter,
        "test.odd",
        "odd ones are wrong",
        None,
    )
    assert "body" not in item


def test_one_is_redriven_once_in_the_name_of_the_person(store: Store, letter: int) -> None:
    assert call(store, "POST", f"/ops/dead-letters/{letter}/redrive").json() == {
        "dead_letter_id": letter,
        "redriven_by": "pat",
    }
    again = call(store, "POST", f"/ops/dead-letters/{letter}/redrive")
    assert (again.status_code, again.json()["code"]) == (409, "dead-letter.redriven")
    assert len(store.applied()) == 2


def test_what_is_still_wrong_is_refused_and_changes_nothing(store: Store, letter: int) -> None:
    answer = call(store, "POST", f"/ops/dead-letters/{letter}/redrive", refuse_odd)
    assert (answer.status_code, answer.json()["code"]) == (409, "dead-letter.still-wrong")
    assert len(store.applied()) == 1


def test_an_unknown_one_and_a_call_without_the_token_are_refused(store: Store, letter: int) -> None:
    assert call(store, "POST", f"/ops/dead-letters/{letter + 1}/redrive").status_code == 404
    assert (
        call(
            store, "POST", f"/ops/dead-letters/{letter}/redrive", token="another-secret-00"
        ).status_code
        == 401
    )
    assert len(store.applied()) == 1


def test_who_had_a_hand_in_the_batch_does_not_redrive_what_decides_about_its_money(
    store: Store, letter: int
) -> None:
    answer = call(
        store,
        "POST",
        f"/ops/dead-letters/{letter}/redrive",
        barred=lambda _connection, _batch_id: {"pat"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.same-person")
    assert len(store.applied()) == 1
    assert (
        call(
            store,
            "POST",
            f"/ops/dead-letters/{letter}/redrive",
            barred=lambda _connection, _batch_id: {"paula"},
        ).status_code
        == 200
    )


def test_many_forged_messages_hide_no_other_dead_letter(store: Store) -> None:
    forged = Reject("not signed", UNSIGNED)
    with store.engine.begin() as connection:
        for message in messages(dead_letters.LIST_MAX + 1):
            dead_letters.insert(connection, CONSUMER, message, forged)
        apply_batch(connection, CONSUMER, messages(2, partition=1), refuse_odd)
    items = call(store, "GET", "/ops/dead-letters").json()["items"]
    assert len(items) == dead_letters.LIST_MAX
    assert [item["code"] for item in items[:2]] == ["test.odd", UNSIGNED]
