"""A roster in, balanced books and reports out: once calmly, once with processes killed and the provider at its worst; then the two are compared."""

import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.flow.system import SERVICES, System, comparable, eventually, paid_exactly_once, paid_under_kills, reports_agree, running
from tests.seeing import watched
from tools import roster
from tools.ports import HOST

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
ROWS, SEED = 400, 11


@pytest.fixture(scope="module")
def xml() -> bytes:
    return roster.make(ROWS, SEED)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, xml: bytes) -> Any:
    """The books and reports of an undisturbed run."""
    with running(tmp_path_factory.mktemp("calm"), "flow_calm") as system:
        yield paid(system, xml), system


def paid(system: System, xml: bytes) -> dict[str, Any]:
    """Take a roster to its end; what came of it."""
    batch = system.corrected(system.ready(xml))
    assert not system.book("payments")
    system.approve(batch)
    half_way(system, batch["batch_id"], xml)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    return {"batch": ended, "cents": paid_exactly_once(system, xml), "report": reports_agree(system, batch["batch_id"], xml)}


def half_way(system: System, batch_id: str, xml: bytes) -> None:
    """While money is under way the three reports agree to the cent as well."""
    eventually(lambda: system.batch(batch_id)["payments"]["completed"] + system.batch(batch_id)["payments"]["pending"] > 5, 120)
    reports_agree(system, batch_id, xml)


def test_a_calm_run_pays_each_row_once_and_all_reports_agree(calm: Any, xml: bytes) -> None:
    run, system = calm
    batch = run["batch"]
    assert batch["certificate"]
    assert batch["payment_amount_cents"]["completed"] == run["cents"] == batch["amount_cents"]["payable"]
    assert system.calls()["POST /payments"] == batch["payments"]["total"] == len(system.book("payments"))
    assert system.get(f"/reconciliation/breaks?batch_id={batch['batch_id']}&status=open").json()["total"] == 0


def test_every_figure_that_alerts_and_dashboards_ask_for_is_given_by_a_service(calm: Any) -> None:
    _, system = calm
    ports = dict(system.stack.ports.items())
    given = "\n".join(httpx.get(f"http://{HOST}:{ports[name]}/metrics").text for name in SERVICES if name != "gateway")
    assert watched.missing(set(re.findall(r"^(paydown_[a-z_]+) ", given, re.MULTILINE))) == []
    assert watched.missing(set())  # it does ask


def test_the_ledger_and_the_reports_can_be_built_again_from_the_topics(calm: Any) -> None:
    _, system = calm
    for name in ("ledger", "reports"):
        done = system.rebuild(name)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_clear_number_lies_on_a_topic_or_in_a_log(calm: Any, xml: bytes) -> None:
    _, system = calm
    rows = list(ET.fromstring(xml))[:40]
    canaries = {row.findtext(path) or "?" for row in rows for path in ("Payee/LoanAccountNumber", "Payor/AccountNumber", "Employee/PhoneNumber")}
    kafka = [f for f in system.stack.state.rglob("*.log") if f.stat().st_size]
    assert kafka
    for file in kafka:
        content = file.read_bytes()
        for canary in canaries:
            assert canary.encode() not in content, file.name


def test_a_run_without_webhooks_ends_the_same(calm: Any, xml: bytes) -> None:
    _, system = calm
    system.simulate("webhooks", {"mode": "off"})
    other = xml.replace(b"</row>", b"</row>\n")
    batch = system.corrected(system.ready(other, period="2027-01-15"))
    system.approve(batch)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    assert ended["payments"]["completed"] == ended["payments"]["total"] > 0
    per = Counter(p["metadata"]["payment_id"] for p in system.book("payments"))
    assert max(per.values()) == 1


def test_killed_processes_and_lost_answers_change_nothing(calm: Any, xml: bytes, tmp_path: Path) -> None:
    with running(tmp_path, "flow_kills") as system:
        run = paid_under_kills(system, xml, seed=5)
    assert sum(run["killed"].values()) >= 5, run["killed"]
    assert run["cents"] == calm[0]["cents"]
    assert comparable(run["report"]) == comparable(calm[0]["report"])
    assert run["batch"]["payments"] == calm[0]["batch"]["payments"]
