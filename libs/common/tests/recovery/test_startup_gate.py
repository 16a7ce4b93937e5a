"""The startup gate is open at once on a whole database.

Quarantined, the service recovers once, refuses changes, and opens when two people release it.
"""

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


class RunningGate:
    """A startup gate in a thread of its own; `consumed` has what it started."""

    def __init__(self, store: Store, bootstrap: str, steps: RecoverySteps) -> None:
        self.startup_gate = StartupGate(NAME, store.engine, bootstrap, lambda: True, steps)
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


def put_in_quarantine(store: Store) -> None:
    with store.engine.begin() as connection:
        quarantine.start(connection, "It is a copy.")


def release_by_two_people(store: Store) -> None:
    for person in ("a", "b"):
        with store.engine.begin() as connection:
            quarantine.release(connection, person, "x", approver=True)


def is_recovered(store: Store) -> Callable[[], bool]:
    return lambda: (
        store.rows("SELECT settled_at IS NOT NULL FROM restored WHERE released_at IS NULL")
        == [(True,)]
    )


def test_a_whole_database_is_open_at_once(store: Store, kafka_bootstrap: str) -> None:
    gate = RunningGate(store, kafka_bootstrap, RecoverySteps())
    gate.thread.join(20)
    assert (gate.thread.is_alive(), gate.startup_gate.closed_because, gate.consumed) == (
        False,
        "",
        [],
    )


def test_a_quarantined_one_recovers_in_order_and_opens_when_two_people_release_it(
    store: Store, kafka_bootstrap: str
) -> None:
    put_in_quarantine(store)
    done: list[str] = []
    gate = RunningGate(
        store,
        kafka_bootstrap,
        RecoverySteps(lambda *_: done.append("before"), lambda *_: done.append("after")),
    )
    assert wait_for(is_recovered(store), 20)
    assert (
        done,
        gate.startup_gate.quarantined_because,
        len(gate.consumed),
        gate.consumed[0].is_set(),
    ) == (
        ["before", "after"],
        "It is a copy.",
        1,
        True,
    )
    assert gate.thread.is_alive()
    release_by_two_people(store)
    gate.thread.join(20)
    assert (gate.thread.is_alive(), gate.startup_gate.closed_because, done) == (
        False,
        "",
        ["before", "after"],
    )


def test_a_recovery_that_is_blocked_shows_why_and_cannot_be_released(
    store: Store, kafka_bootstrap: str
) -> None:
    def blocked(*_: Any) -> None:
        raise restore.RecoveryBlocked("A row is missing.")

    put_in_quarantine(store)
    gate = RunningGate(store, kafka_bootstrap, RecoverySteps(before=blocked))
    assert wait_for(
        lambda: store.rows("SELECT progress FROM restored") == [("A row is missing.",)], 20
    )
    with pytest.raises(quarantine.NotRecovered):
        release_by_two_people(store)
    gate.end()


@pytest.mark.parametrize("state", ["quarantined", "open"])
def test_whether_quarantined_or_open_it_goes_on_checking_its_database(
    store: Store, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(startup_gate, "WATCH_S", 0.1)
    if state == "quarantined":
        put_in_quarantine(store)
    store.engine.dispose()  # so that it sees a first connection
    gate, replaced = RunningGate(store, kafka_bootstrap, RecoverySteps()), list[str]()
    gate.startup_gate.identity_guard.on_replaced = replaced.append
    if state == "quarantined":
        assert wait_for(is_recovered(store), 20)
    else:
        gate.thread.join(20)
        gate.thread = threading.Thread(
            target=gate.startup_gate.watch, args=(gate.stop, lambda: None), daemon=True
        )
        gate.thread.start()
    seen = gate.startup_gate.identity_guard.known
    assert seen is not None
    assert replaced == []
    gate.startup_gate.identity_guard.known = replace(seen, outbox_id=10**9)
    assert wait_for(lambda: bool(replaced), 10)
    assert set(replaced) == {"it has forgotten messages that it had written"}
    gate.end()


def test_while_it_is_closed_changes_are_refused_and_reads_are_answered(store: Store) -> None:
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
