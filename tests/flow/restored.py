"""What a test does with a system whose databases were restored from a copy."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.flow.checks import paid_exactly_once, reports_agree
from tests.flow.harness import LocalSystem, System, eventually

WHY = {"reason": "compared with the provider"}


def release_and_pay(system: LocalSystem, batch: dict[str, Any], xml: bytes) -> int:
    """While quarantined nothing is sent; two people release it, and the batch is paid once.

    Returns:
        How many payments the batch has.
    """
    paid = len(system.provider_records("payments"))
    eventually(lambda: all(one["settled"] for one in restored_services(system)), 120)
    assert len(system.provider_records("payments")) == paid, "sent while it is quarantined"
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
    return int(ended["payments"]["total"])


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
