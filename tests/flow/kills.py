"""Pay a roster while processes are killed and the provider fails often."""

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from services import catalog
from tests.flow.checks import paid_exactly_once, reports_agree
from tests.flow.harness import System


def fault(path: str, share: float, kind: str, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "share": share, "fault": kind, **more}


FAULTS = [
    fault("/payments", 0.03, "lose_answer"),
    fault("/payments", 0.02, "lose_request"),
    fault("/payments", 0.02, "status", status=500, execute=True, stored=True),
    fault("/payments", 0.02, "status", status=500, execute=False, stored=True),
    fault("/accounts", 0.02, "lose_answer"),
    fault("/accounts", 0.01, "status", status=500, execute=True, stored=True),
    fault("/entities", 0.02, "lose_answer"),
]


@contextmanager
def kills(
    system: System, seed: int, every_s: float = 1.5, once: Iterable[str] = ()
) -> Iterator[Counter[str]]:
    """kill -9 one process after the other: those of `once` in their order, else at random.

    Services are chosen four times as often as Kafka and PostgreSQL.
    """
    stop, killed, chance = threading.Event(), Counter[str](), random.Random(seed)
    names = [*catalog.NAMES * 4, "kafka", "postgres"]
    order = iter(once) if once else (chance.choice(names) for _ in itertools.count())

    def work() -> None:
        for name in order:
            if stop.wait(every_s):
                return
            pid = next((one.pid for one in system.stack.status() if one.name == name), 0)
            if pid and not stop.is_set():
                try:
                    system.kill(pid)
                    killed[name] += 1
                except ProcessLookupError:
                    continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join(30)


def paid_under_kills(
    system: System,
    xml: bytes,
    seed: int,
    limit_s: float = 400,
    earlier: Iterable[bytes] = (),
    beside: AbstractContextManager[object] | None = None,
    ends_calmly: bool = False,
    **how: Any,
) -> dict[str, Any]:
    """Pay a roster with kills from before the approval on, and check what the provider has.

    Args:
        earlier: rosters that the provider has paid before.
        beside: other faults, as long as the kills.
        ends_calmly: the kills end with the last payment. A statement reads the provider's whole
            list: of a large batch it needs more seconds than there are between two kills.
        how: arguments of `kills`.
    """
    batch = system.corrected(system.ready(xml))
    system.control_simulator("faults", {"seed": seed, "rules": FAULTS})
    system.control_simulator("webhooks", {"mode": "shuffled"})
    with kills(system, seed, **how) as killed, beside or nullcontext():
        system.approve_until_done(batch)
        if ends_calmly:
            system.wait_until_paid(batch["batch_id"], limit_s)
        else:
            system.wait(batch["batch_id"], {"completed"}, limit_s)
    ended = system.wait(batch["batch_id"], {"completed"}, 240)
    return {
        "batch": ended,
        "killed": killed,
        "cents": paid_exactly_once(system, xml, *earlier),
        "report": reports_agree(system, batch["batch_id"], xml),
    }
