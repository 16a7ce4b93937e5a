"""Every database is replaced by an older copy in the middle of a batch, and the provider knows no key any more: nothing is paid twice."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devtools import sample_roster
from devtools.stack import backup
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from ops import provision
from services import catalog
from tests.flow.system import System, eventually, paid_exactly_once, reports_agree

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
ROWS, SEED = 400, 23
SLOWLY = {"PAYDOWN_DISPATCHER_PAYMENTS_PER_MIN": "1500"}
WHY = {"reason": "compared with the provider"}


def test_a_copy_restored_in_the_middle_of_a_batch_pays_nothing_twice(tmp_path: Path) -> None:
    xml, stack, copy = (
        sample_roster.make(ROWS, SEED),
        Stack(tmp_path / "state", Ports.free(), SLOWLY, "flow_restore"),
        tmp_path / "copy",
    )
    books = stack.state / "simulator" / "books.sqlite"
    try:
        with stack:
            system = System(stack)
            batch = system.corrected(system.ready(xml))
            backup.save(stack, tmp_path / "before")  # ready, and approved only afterwards
            system.approve(batch)
            eventually(lambda: len(system.book("payments")) > 20, 120)
            backup.save(stack, copy)
            known = len(system.book("payments"))
            eventually(lambda: len(system.book("payments")) > known + 40, 120)
        backup.restore(stack, copy)
        forget_keys(books)
        with stack:
            assert "restored from the copy" in why_held(system)
            went_on(system, batch, xml)
            stack.supervisor.stop_programs(["simulator"])
            forget_keys(books)
            stack.supervisor.start_program("simulator")
            exchange(
                stack, tmp_path / "before"
            )  # and once more, to before the approval, now that all is paid; nobody says a word
            eventually(lambda: held(system) == set(catalog.QUARANTINABLE), 60)
            assert "an older copy of itself" in why_held(system)
            went_on(system, batch, xml)
    finally:
        stack.remove()


def exchange(stack: Stack, copy: Path) -> None:
    """Put copies that bear no mark in the place of databases that are in use."""
    for service in catalog.NAMES:
        backup.load_beside(stack, copy / f"{service}.dump", service, "")
    for service in catalog.QUARANTINABLE:
        database = f"{provision.Names.of(service, stack.prefix).database}{backup.BESIDE}"
        backup.execute(backup.database_url(stack.admin_url(), database), "DELETE FROM restored")
    for service in catalog.NAMES:
        backup.replace_database(stack, service)


def went_on(system: System, batch: dict[str, Any], xml: bytes) -> None:
    """Look at what is held, release it, and see the batch to its end."""
    paid = len(system.book("payments"))
    assert held(system) == set(catalog.QUARANTINABLE)
    refused = system.call(
        "POST", "/batches", "preparer", content=xml, params={"filename": "again.xml"}
    )
    assert refused is not None
    assert (refused.status_code, refused.json()["code"]) == (503, "database.restored")
    eventually(lambda: all(one["settled"] for one in standings(system)), 120)
    assert len(system.book("payments")) == paid, "nothing is sent while it is held"
    for person in ("operator", "approver"):
        answer = system.call("POST", "/ops/restored/release", person, json=WHY)
        assert answer is not None
        assert answer.status_code == 200, answer.text
    eventually(lambda: all(one.state == "ready" for one in system.stack.status()), 60)
    switch = system.call("POST", "/ops/kill-switch", "approver", json={"on": False, **WHY})
    assert switch is not None
    assert switch.status_code == 200, switch.text
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    assert ended["payments"]["completed"] == ended["payments"]["total"] > 0
    paid_exactly_once(system, xml)
    eventually(lambda: bool(system.batch(batch["batch_id"])["certificate"]), 60)
    reports_agree(system, batch["batch_id"], xml)
    again = system.call(
        "POST", "/batches", "preparer", content=xml, params={"filename": "again.xml"}
    )
    assert again is not None
    assert again.status_code == 409, again.text
    for name in ("ledger", "reports"):
        done = system.rebuild(name)
        assert done.returncode == 0, done.stdout + done.stderr


def held(system: System) -> set[str]:
    return {one.name for one in system.stack.status() if one.state == "quarantined"}


def why_held(system: System) -> str:
    return str(next(one["why"] for one in standings(system) if one["name"] == "dispatcher"))


def standings(system: System) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        one for one in system.get("/ops/restored").json()["services"] if one["held"]
    ]
    return found


def forget_keys(books: Path) -> None:
    """A day goes by at the provider: the same key with the same body is a new payment."""
    with closing(sqlite3.connect(books)) as opened:
        opened.execute("DELETE FROM answer")
        opened.commit()
