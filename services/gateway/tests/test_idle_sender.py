"""The loop that delivers notifications looks rarely while there are none, and when it is told."""

import asyncio
import threading
from typing import Any

import pytest

from libs.common.runtime.work_signal import WorkSignal
from services.gateway.notifications.sender import Sender

IDLE_S = 20.0


class Looking(Sender):
    """Counts its looks at the database, and finds nothing."""

    looks = 0

    async def begin_due(self) -> int:
        self.looks += 1
        return 0


@pytest.mark.parametrize(("told_at", "looks"), [((), 4), ((3, 17), 5)])
def test_it_looks_every_five_seconds_and_when_it_is_told(
    monkeypatch: pytest.MonkeyPatch, told_at: tuple[int, ...], looks: int
) -> None:
    """Each sleep of a second is a step of time by hand."""
    unused: Any = None
    stop, signal, now = threading.Event(), WorkSignal(), [0.0]
    found = Looking(unused, unused, unused, signal)

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] in told_at:
            signal.give()
        if now[0] >= IDLE_S:
            stop.set()

    monkeypatch.setattr("services.gateway.notifications.sender.asyncio.sleep", sleep)
    monkeypatch.setattr("services.gateway.notifications.sender.time.monotonic", lambda: now[0])
    asyncio.run(found.run(stop, lambda: None))
    assert found.looks == looks
