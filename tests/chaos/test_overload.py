"""A machine at twenty times its load: the system slows down, keeps every promise and recovers.

A roster is uploaded, approved and paid while processes that never rest run beside the stack, twenty
for each processor. A real Prometheus evaluates the alert rules, and /ops/health is asked each
second. After the end of the load everything must be in order again within a minute.

CHAOS_OVERLOAD_S says how long the load lasts, CHAOS_OVERLOAD_ROWS how large the roster is.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools import sample_roster
from libs.common.testing.waiting import wait_for
from services import catalog
from tests.chaos.findings import ANSWER_S, Findings, watching
from tests.chaos.log_figures import difference, figures, warnings_in
from tests.chaos.overload import PROCESSES, OverloadedStack, overload
from tests.chaos.prometheus import Alerts, prometheus
from tests.flow.checks import paid_exactly_once, reports_agree
from tests.flow.harness import LocalSystem, eventually, running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_800)]
OVERLOAD_S = float(os.environ.get("CHAOS_OVERLOAD_S", "300"))
ROWS = int(os.environ.get("CHAOS_OVERLOAD_ROWS", "400"))
SEED = 17
RECOVERED_MAX_S, CALM_S = 60.0, 20.0
#: People wait so long for one step of a batch at most, on a machine in this state.
STEP_MAX_S = 600.0


@dataclass
class Run:
    """What one run showed."""

    findings: Findings
    alerts: Alerts
    counts: dict[str, int]
    recovered_s: float
    payments: int
    resent: int
    paid_s: float
    load: float


def test_a_machine_at_twenty_times_its_load_slows_down_and_recovers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xml = sample_roster.make(ROWS, SEED)
    with running(tmp_path / "stack", "chaos_overload", OverloadedStack) as system:
        run = run_under_load(system, xml, tmp_path / "prometheus")
        with capsys.disabled():
            print_table(run, system)
        assert run.findings.flapping() == {}
        assert run.alerts.firing.flapping() == {}
        assert run.recovered_s <= RECOVERED_MAX_S


def run_under_load(system: LocalSystem, xml: bytes, folder: Path) -> Run:
    """Pay a roster under load, end the load, wait until all is in order, and check the money."""
    stack = system.stack
    assert isinstance(stack, OverloadedStack)
    logs = stack.supervisor.logs
    with prometheus(stack.ports, folder) as server, watching(lambda: ask_health(system)) as seen:
        eventually(lambda: is_in_order(system), 60)
        time.sleep(CALM_S)
        assert not seen.spans, list(seen.lines())
        before, began = figures(logs), time.time()
        with overload(stack):
            batch_id, paid_s = pay(system, xml)
            time.sleep(max(0.0, began + OVERLOAD_S - time.time()))
            load = os.getloadavg()[0]
        ended = time.monotonic()
        assert wait_for(lambda: is_paid(system, batch_id), STEP_MAX_S)
        assert wait_for(lambda: is_in_order(system) and not seen.known, STEP_MAX_S)
        recovered_s = time.monotonic() - ended
        time.sleep(CALM_S)
        assert is_in_order(system)
        assert not seen.known, seen.known
        alerts, counts = server.alerts(began, time.time()), difference(figures(logs), before)
    paid_exactly_once(system, xml)
    reports_agree(system, batch_id, xml)
    payments = system.batch(batch_id)["payments"]
    assert payments["completed"] == payments["total"] > 0
    resent = system.provider_calls()["POST /payments"] - payments["total"]
    total = int(payments["total"])
    return Run(seen, alerts, counts, recovered_s, total, resent, paid_s, load)


def pay(system: LocalSystem, xml: bytes) -> tuple[str, float]:
    """Upload, correct and approve as people do who wait; seconds until all payments have ended."""
    began = time.monotonic()
    batch = system.wait(system.upload(xml).json()["batch_id"], {"ready"}, STEP_MAX_S)
    batch_id = str(batch["batch_id"])
    system.order(
        f"/batches/{batch_id}/corrections",
        "preparer",
        json={"corrections": batch["corrections_offered"]},
    ).raise_for_status()
    corrected = until_status(
        system, batch_id, "ready", lambda now: now["digest"] != batch["digest"]
    )
    system.approve_until_done(corrected)
    wait_for(lambda: is_paid(system, batch_id), STEP_MAX_S, 1)
    return batch_id, time.monotonic() - began


def until_status(
    system: LocalSystem, batch_id: str, status: str, also: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(system.batch(batch_id))
        return found["status"] == status and also(found)

    eventually(is_there, STEP_MAX_S)
    return found


def is_paid(system: LocalSystem, batch_id: str) -> bool:
    return str(system.batch(batch_id)["status"]) == "completed"


def is_in_order(system: LocalSystem) -> bool:
    """Every service is ready, nothing waits in an outbox or a topic."""
    try:
        found = ask_health(system).raise_for_status().json()
    except httpx.HTTPError:
        return False
    waiting = sum(
        one["figures"].get("lag", 0) + one["figures"].get("outbox_waiting", 0)
        for one in found["services"]
    )
    return bool(found["ready"]) and waiting == 0


def ask_health(system: LocalSystem) -> httpx.Response:
    headers = {"Authorization": "Bearer demo-operator"}
    return httpx.get(f"{system.api}/ops/health", headers=headers, timeout=ANSWER_S)


def print_table(run: Run, system: LocalSystem) -> None:
    looks = sorted(run.findings.looks_s)
    rows: dict[str, object] = {
        "processes beside the stack": PROCESSES,
        "load average": f"{run.load:.0f}",
        "overload": f"{OVERLOAD_S:.0f} s",
        "payments": run.payments,
        "paid after": f"{run.paid_s:.0f} s",
        "paid twice": 0,
        "lost": 0,
        "calls sent again": run.resent,
        **run.counts,
        "recovered after": f"{run.recovered_s:.1f} s",
        "/ops/health took": f"{looks[len(looks) // 2]:.2f} s, {looks[-1]:.2f} s at most",
        "findings that came again": run.findings.flapping() or 0,
        "alerts that fired": len(run.alerts.firing.spans),
    }
    print()
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for title, findings in (
        ("finding", run.findings),
        ("pending", run.alerts.pending),
        ("firing", run.alerts.firing),
    ):
        for line in findings.lines():
            print(f"{title}: {line}")
    for line, count in warnings_in(system.stack.supervisor.logs).most_common():
        print(f"log: {count} x {line}")
    exits = system.stack.supervisor.unexpected_exits()
    assert not [one for one in exits if any(name in one for name in catalog.NAMES)], exits
