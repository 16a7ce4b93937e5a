"""Wait in tests for something that happens by itself."""

import time
from collections.abc import Callable


def eventually(check: Callable[[], bool], limit_s: float = 15) -> None:
    until = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until, f"it did not happen within {limit_s} s"
        time.sleep(0.05)
