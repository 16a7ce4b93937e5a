"""A service begins: open at once on a whole database; held, it takes back once, takes no orders, and opens when two people say so."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from libs.common.recovery import quarantine, restore, startup_gate
from libs.common.recovery.restore import RecoverySteps
from libs.common.recovery.restored_routes import ReadOnlyWhileClosed, router
from libs.common.recovery.startup_gate import STARTING, StartupGate
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.web.problem_details import install_error_handlers

pytestmark = [pytest.mark.database, pytest.mark.broker]
NAME, TOKEN = "ingest", "t" * 16  # a service with topics of its own; here none of them exists


class Beginning:
    """A standing on a thread of its own, with what it called."""

    def __init__(self, store: Store, bootstrap: str, taking_back: RecoverySteps) -> None:
        self.startup_gate = StartupGate(NAME, store.engine, bootstrap, lambda: True, taking_back)
        self.stop, self.consumed = threading.Event(), list[threading.Event]()
        self.thread = threading.Thread(
            target=self.startup_gate.wait,
            args=(self.stop, lambda: None, [], self._consume),
            daemon=True,
        )
        self.thread.start()

    def _consume(self, enough: threading.Event) -> list[threading.Thread]:
        self.consumed.append(enough)
        return []

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)


def hold(store: Store) -> None:
    with store.engine.begin() as connection:
        quarantine.start(connection, "It is a copy.")


def two_people(store: Store) -> None:
    for person in ("a", "b"):
        with store.engine.begin() as connection:
            quarantine.release(connection, person, "x", approver=True)


def settled(store: Store) -> Callable[[], bool]:
    return lambda: (
        store.rows("SELECT settled_at IS NOT NULL FROM restored WHERE released_at IS NULL")
        == [(True,)]
    )


def test_a_whole_database_is_open_at_once(store: Store, kafka_bootstrap: str) -> None:
    begun = Beginning(store, kafka_bootstrap, RecoverySteps())
    begun.thread.join(20)
    assert (begun.thread.is_alive(), begun.startup_gate.closed_because, begun.consumed) == (
        False,
        "",
        [],
    )


def test_a_held_one_takes_back_in_order_and_opens_when_two_people_say_so(
    store: Store, kafka_bootstrap: str
) -> None:
    hold(store)
    done: list[str] = []
    begun = Beginning(
        store,
        kafka_bootstrap,
        RecoverySteps(lambda *_: done.append("before"), lambda *_: done.append("after")),
    )
    assert wait_for(settled(store), 20)
    assert (
        done,
        begun.startup_gate.quarantined_because,
        len(begun.consumed),
        begun.consumed[0].is_set(),
    ) == (
        ["before", "after"],
        "It is a copy.",
        1,
        True,
    )
    assert begun.thread.is_alive()
    two_people(store)
    begun.thread.join(20)
    assert (begun.thread.is_alive(), begun.startup_gate.closed_because, done) == (
        False,
        "",
        ["before", "after"],
    )


def test_one_that_is_stuck_says_so_and_cannot_be_released(
    store: Store, kafka_bootstrap: str
) -> None:
    def stuck(*_: Any) -> None:
        raise restore.RecoveryBlocked("A row is missing.")

    hold(store)
    begun = Beginning(store, kafka_bootstrap, RecoverySteps(before=stuck))
    assert wait_for(
        lambda: store.rows("SELECT progress FROM restored") == [("A row is missing.",)], 20
    )
    with pytest.raises(quarantine.NotRecovered):
        two_people(store)
    begun.end()


@pytest.mark.parametrize("state", ["held", "open"])
def test_whether_held_or_open_it_looks_again_whether_its_database_is_the_same(
    store: Store, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(startup_gate, "WATCH_S", 0.1)
    if state == "held":
        hold(store)
    store.engine.dispose()  # so that it sees a first connection
    begun, told = Beginning(store, kafka_bootstrap, RecoverySteps()), list[str]()
    begun.startup_gate.identity_guard.on_replaced = told.append
    if state == "held":
        assert wait_for(settled(store), 20)
    else:
        begun.thread.join(20)
        begun.thread = threading.Thread(
            target=begun.startup_gate.watch, args=(begun.stop, lambda: None), daemon=True
        )
        begun.thread.start()
    seen = begun.startup_gate.identity_guard.known
    assert seen is not None
    assert told == []
    begun.startup_gate.identity_guard.known = replace(seen, outbox_id=10**9)
    assert wait_for(lambda: bool(told), 10)
    assert set(told) == {"it has forgotten messages that it had written"}
    begun.end()


def test_while_it_is_closed_orders_are_refused_and_questions_are_answered(store: Store) -> None:
    closed = STARTING
    made = FastAPI()
    install_error_handlers(made)
    made.add_middleware(ReadOnlyWhileClosed, closed_because=lambda: closed)
    made.include_router(router(store.engine, TOKEN))
    made.add_api_route("/order", lambda: "done", methods=["GET", "POST"])

    def ask(method: str, path: str) -> httpx.Response:
        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(made), base_url="http://test"
            ) as client:
                return await client.request(
                    method, path, json={"reason": "x"} if method == "POST" else None
                )

        return asyncio.run(answer())

    assert (ask("POST", "/order").status_code, ask("POST", "/order").json()["code"]) == (
        503,
        "service.starting",
    )
    closed = "It is a copy."
    assert ask("POST", "/order").json()["code"] == "database.restored"
    assert ask("GET", "/order").status_code == 200
    assert ask("POST", "/restored/release").status_code != 503
    closed = ""
    assert ask("POST", "/order").status_code == 200
