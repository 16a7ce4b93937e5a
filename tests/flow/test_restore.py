"""Every database is replaced by an older copy in the middle of a batch: nothing is paid twice.

Not even if the provider has forgotten all idempotency keys.
"""

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
from tests.flow.checks import paid_exactly_once, reports_agree
from tests.flow.harness import LocalSystem, System, eventually

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
ROWS, SEED = 400, 23
SLOWLY = {"PAYDOWN_DISPATCHER_PAYMENTS_PER_MIN": "1500"}
WHY = {"reason": "compared with the provider"}


def test_a_copy_restored_in_the_middle_of_a_batch_pays_nothing_twice(tmp_path: Path) -> None:
    xml, copy = sample_roster.make(ROWS, SEED), tmp_path / "copy"
    stack = Stack(tmp_path / "state", Ports.free(), SLOWLY, "flow_restore")
    provider = stack.state / "simulator" / "books.sqlite"
    try:
        with stack:
            system = LocalSystem(stack)
            batch = system.corrected(system.ready(xml))
            backup.save(stack, tmp_path / "before")  # ready, and approved only afterwards
            system.approve(batch)
            eventually(lambda: len(system.provider_records("payments")) > 20, 120)
            backup.save(stack, copy)
            known = len(system.provider_records("payments"))
            eventually(lambda: len(system.provider_records("payments")) > known + 40, 120)
        backup.restore(stack, copy)
        forget_keys(provider)
        with stack:
            assert "restored from the copy" in why_quarantined(system)
            release_and_finish(system, batch, xml)
            stack.supervisor.stop_programs(["simulator"])
            forget_keys(provider)
            stack.supervisor.start_program("simulator")
            # once more, to before the approval, now that all is paid, and without a mark
            replace_databases(stack, tmp_path / "before")
            eventually(lambda: quarantined(system) == set(catalog.QUARANTINABLE), 60)
            assert "an older copy of itself" in why_quarantined(system)
            release_and_finish(system, batch, xml)
    finally:
        stack.remove()


def replace_databases(stack: Stack, copy: Path) -> None:
    """Replace databases that are in use by copies that are not marked as restored."""
    for service in catalog.NAMES:
        backup.load_beside(stack, copy / f"{service}.dump", service, "")
    for service in catalog.QUARANTINABLE:
        database = f"{provision.Names.of(service, stack.prefix).database}{backup.BESIDE}"
        backup.execute(backup.database_url(stack.admin_url(), database), "DELETE FROM restored")
    for service in catalog.NAMES:
        backup.replace_database(stack, service)


def release_and_finish(system: LocalSystem, batch: dict[str, Any], xml: bytes) -> None:
    """While quarantined nothing is sent; release the databases, and pay the batch to its end."""
    paid = len(system.provider_records("payments"))
    assert quarantined(system) == set(catalog.QUARANTINABLE)
    refused = system.upload(xml, "again.xml")
    assert (refused.status_code, refused.json()["code"]) == (503, "database.restored")
    eventually(lambda: all(one["settled"] for one in restored_services(system)), 120)
    assert len(system.provider_records("payments")) == paid, (
        "nothing is sent while it is quarantined"
    )
    for person in ("operator", "approver"):
        answer = system.order("/ops/restored/release", person, json=WHY)
        assert answer.status_code == 200, answer.text
    eventually(lambda: all(one.state == "ready" for one in system.stack.status()), 60)
    switch = system.order("/ops/kill-switch", "approver", json={"on": False, **WHY})
    assert switch.status_code == 200, switch.text
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    assert ended["payments"]["completed"] == ended["payments"]["total"] > 0
    paid_exactly_once(system, xml)
    eventually(lambda: bool(system.batch(batch["batch_id"])["certificate"]), 60)
    reports_agree(system, batch["batch_id"], xml)
    again = system.upload(xml, "again.xml")
    assert again.status_code == 409, again.text
    for name in catalog.REBUILDABLE:
        system.rebuild(name)


def quarantined(system: LocalSystem) -> set[str]:
    return {one.name for one in system.stack.status() if one.state == "quarantined"}


def why_quarantined(system: System) -> str:
    return str(next(one["why"] for one in restored_services(system) if one["name"] == "dispatcher"))


def restored_services(system: System) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        one for one in system.get("/ops/restored").json()["services"] if one["held"]
    ]
    return found


def forget_keys(provider: Path) -> None:
    """As a day later at the provider: the same key with the same body is a new payment."""
    with closing(sqlite3.connect(provider)) as opened:
        opened.execute("DELETE FROM answer")
        opened.commit()
