"""Processes that are stopped for some seconds and go on with what they had in memory."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from services import catalog
from tests.flow.harness import System

STOPPED_S = (1.0, 8.0)


@contextmanager
def suspensions(system: System, seed: int, every_s: float = 4.0) -> Iterator[Counter[str]]:
    """SIGSTOP one service after the other, and SIGCONT after 1 to 8 s."""
    stop, suspended, chance = threading.Event(), Counter[str](), random.Random(seed)

    def work() -> None:
        while not stop.wait(every_s):
            name = chance.choice(["dispatcher", *catalog.NAMES])
            pid = next((one.pid for one in system.stack.status() if one.name == name), 0)
            if not pid:
                continue
            with suppress(ProcessLookupError):  # it may be killed meanwhile
                os.kill(pid, signal.SIGSTOP)
                suspended[name] += 1
                time.sleep(chance.uniform(*STOPPED_S))
                os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield suspended
    finally:
        stop.set()
        thread.join(30)
