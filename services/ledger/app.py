"""Wires the ledger and starts it."""

import threading
from pathlib import Path

from libs.common.messaging.consumer import Beat
from libs.common.recovery.restore import RecoverySteps
from libs.common.runtime.loops import Loop, take_turns
from libs.common.runtime.service import Service
from libs.common.runtime.settings import read_or_exit
from services.ledger import consumers, metrics, recovery, routes
from services.ledger.reconciliation.overdue import check_overdue
from services.ledger.settings import LedgerSettings
from services.ledger.store.guards import check_guards

MIGRATIONS = Path(__file__).parent / "migrations"
OVERDUE_EVERY_S = 5.0


def main() -> None:
    """Run the service until it is stopped."""
    settings = read_or_exit(LedgerSettings)
    service = Service("ledger", settings, MIGRATIONS)
    for topic, apply in consumers.APPLIES.items():
        service.add_consumer(topic, apply)

    def check() -> None:
        check_overdue(service.engine, settings.waiting_max_s)

    def watch(stop: threading.Event, beat: Beat) -> None:
        take_turns([check], stop, beat, OVERDUE_EVERY_S)

    service.loops.append(Loop("watch", watch))
    service.startup_gate.recovery_steps = RecoverySteps(before=recovery.recover_published)
    service.gauges |= metrics.gauges(service.engine)
    service.world.checks.append(lambda: check_guards(service.engine))
    service.add_relay()
    service.add_dead_letter_routes()
    service.routers.append(routes.router(service.engine, settings.internal_token))
    service.serve()
