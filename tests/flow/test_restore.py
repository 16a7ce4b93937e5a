"""Every database is replaced by an older copy in the middle of a batch: nothing is paid twice.

Not even if the provider has forgotten all idempotency keys.
"""

from pathlib import Path
from typing import Any

import pytest

from devtools import sample_roster
from devtools.stack import backup
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from ops import provision
from services import catalog
from tests.flow.harness import LocalSystem, eventually
from tests.flow.restored import forget_keys, quarantined, release_and_pay, why_quarantined

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]
ROWS, SEED = 400, 23
SLOWLY = {"PAYDOWN_DISPATCHER_PAYMENTS_PER_MIN": "1500"}


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
    assert quarantined(system) == set(catalog.QUARANTINABLE)
    refused = system.upload(xml, "again.xml")
    assert (refused.status_code, refused.json()["code"]) == (503, "database.restored")
    release_and_pay(system, batch, xml)
    again = system.upload(xml, "again.xml")
    assert again.status_code == 409, again.text
    for name in catalog.REBUILDABLE:
        system.rebuild(name)
