"""What a long run prints meanwhile: how far the provider and the batch are."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from tests.flow.harness import System


@contextmanager
def progress(system: System, title: str, every_s: float = 30.0) -> Iterator[None]:
    """Print a line every half minute: seconds, the provider's payments, the calls so far."""
    stop, began = threading.Event(), time.monotonic()

    def work() -> None:
        while not stop.wait(every_s):
            with suppress(httpx.HTTPError):
                books = httpx.get(f"{system.simulator}/books", timeout=10).json()
                print(
                    f"{title}: {time.monotonic() - began:.0f} s, provider {books['by_status']}, "
                    f"POST /payments {books['calls'].get('POST /payments', 0)}",
                    file=sys.__stdout__,  # pytest's own captures this thread's
                    flush=True,
                )

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
