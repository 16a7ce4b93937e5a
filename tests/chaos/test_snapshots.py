"""Snapshots that are restored in the middle of a batch: noticed, released by two people, finished.

The stack stops, is copied, runs on and pays; then it stops, the copy comes back, and the provider
has forgotten all keys. The copy is of the databases, or of the topics as well, as files: nothing
in it says that it is a copy.
"""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from devtools import sample_roster
from devtools.stack import postgres
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from ops.errors import CommandError
from services import catalog
from tests.flow.checks import paid_exactly_once, reports_agree
from tests.flow.harness import LocalSystem, eventually
from tests.flow.restored import forget_keys, quarantined, release_and_pay, restored_services

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
ROWS, SEED = 120, 29
SLOWLY = {"PAYDOWN_DISPATCHER_PAYMENTS_PER_MIN": "400"}
PAID_BEFORE, PAID_AFTER = 10, 30


@pytest.mark.parametrize("what", ["databases", "databases and topics"])
def test_a_snapshot_restored_in_the_middle_of_a_batch_pays_nothing_twice(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xml, stack = sample_roster.make(ROWS, SEED), Stack(tmp_path, Ports.free(), SLOWLY, "chaos_snap")
    try:
        with stack:
            system = LocalSystem(stack)
            batch = system.corrected(system.ready(xml))
            system.approve(batch)
            wait_for_payments(system, PAID_BEFORE)
        folders = folders_of(stack, what)
        copy(folders, ".copy")
        with stack:
            wait_for_payments(system, PAID_AFTER)
            paid = len(system.provider_records("payments"))
        restore(folders, ".copy")
        forget_keys(stack.state / "simulator" / "books.sqlite")
        noticed, noticed_s = start_again(stack, system)
        payments = release_and_pay(system, batch, xml)
    finally:
        stack.down()
        stack.remove()
    with capsys.disabled():
        print(
            f"\nsnapshot of {what}: {payments} payments, {paid} made before it "
            f"came back; noticed {noticed_s:.1f} s after the start ({noticed}); "
            "paid twice 0, lost 0"
        )


def test_topics_that_come_back_alone_are_made_anew_and_filled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xml, stack = sample_roster.make(ROWS, SEED), Stack(tmp_path, Ports.free(), SLOWLY, "chaos_snap")
    try:
        with stack:
            system = LocalSystem(stack)
            batch = system.corrected(system.ready(xml))
            system.approve(batch)
            wait_for_payments(system, PAID_BEFORE)
        copy(folders_of(stack, "topics"), ".copy")
        with stack:
            wait_for_payments(system, PAID_AFTER)
            paid = len(system.provider_records("payments"))
        restore(folders_of(stack, "topics"), ".copy")
        forget_keys(stack.state / "simulator" / "books.sqlite")
        known, began = count_older(stack), time.monotonic()
        with pytest.raises(CommandError, match=r"older copy|keeps ending"):
            stack.up()
        noticed_s = time.monotonic() - began
        assert count_older(stack) > known
        shutil.rmtree(stack.state / "kafka" / "data")  # docs/runbooks/broker-lost.md
        stack.up(republish=True)
        ended = system.wait(batch["batch_id"], {"completed"}, 240)
        paid_exactly_once(system, xml)
        eventually(lambda: bool(system.batch(batch["batch_id"])["certificate"]), 60)
        reports_agree(system, batch["batch_id"], xml)
        assert system.get("/ops/dead-letters").json()["items"] == []
    finally:
        stack.down()
        stack.remove()
    with capsys.disabled():
        print(
            f"\nsnapshot of topics: {ended['payments']['total']} payments, {paid} made before it "
            f"came back; noticed {noticed_s:.1f} s after the start; filled again; "
            "paid twice 0, lost 0"
        )


def count_older(stack: Stack) -> int:
    """How often services found that their topics are an older copy."""
    logs = (stack.supervisor.log(name) for name in catalog.NAMES)
    return sum(
        log.read_text(errors="replace").count("kafka.topic-older") for log in logs if log.exists()
    )


def start_again(stack: Stack, system: LocalSystem) -> tuple[str, float]:
    """Start on what was restored; return what noticed it, and after how many seconds."""
    began = time.monotonic()
    stack.up()
    eventually(lambda: "dispatcher" in quarantined(system), 120)
    noticed_s = time.monotonic() - began
    (why,) = [one["why"] for one in restored_services(system) if one["name"] == "dispatcher"]
    return str(why), noticed_s


def wait_for_payments(system: LocalSystem, count: int) -> None:
    eventually(lambda: len(system.provider_records("payments")) >= count, 120)


def folders_of(stack: Stack, what: str) -> list[Path]:
    """The folders in which a stopped stack keeps its databases, its topics, or both."""
    databases = [stack.state / "postgres", *postgres.stored_in(stack.state)]
    found = databases * ("databases" in what) + [stack.state / "kafka"] * ("topics" in what)
    return [folder for folder in found if folder.exists()]


def copy(folders: list[Path], ending: str) -> None:
    for folder in folders:
        subprocess.run(["cp", "-a", folder, f"{folder}{ending}"], check=True)


def restore(folders: list[Path], ending: str) -> None:
    for folder in folders:
        subprocess.run(["rm", "-r", folder], check=True)
        Path(f"{folder}{ending}").rename(folder)
