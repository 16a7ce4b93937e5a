"""Wait for something in a test, or in a simulation."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], limit_s: float, every_s: float = 0.05) -> bool:
    """Whether a condition came true within the limit (seconds)."""
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every_s)
    return True
