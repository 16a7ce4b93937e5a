"""The server sleeps while nothing happens, and ends at once when it is asked to."""

import asyncio
import signal
import time
from typing import Any

import uvicorn

from libs.common.runtime.http_server import QuietServer


class Counted(QuietServer):
    ticks = 0

    async def on_tick(self, counter: int) -> bool:
        self.ticks += 1
        return await super().on_tick(counter)


def test_it_wakes_once_a_second_and_ends_as_soon_as_a_signal_comes() -> None:
    async def app(*_: object) -> None:
        """Serve nothing."""

    server = Counted(uvicorn.Config(app))

    async def run() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(1.5, server.handle_exit, signal.SIGTERM, None)
        await server.main_loop()
        return time.monotonic()

    began = time.monotonic()
    assert asyncio.run(run()) - began < 1.5 + 0.4
    assert server.ticks <= 3
    header: Any = dict(server.server_state.default_headers)
    assert b"date" in header


def test_a_signal_before_it_serves_is_not_forgotten() -> None:
    server = Counted(uvicorn.Config(lambda: None))
    server.handle_exit(signal.SIGTERM, None)
    asyncio.run(asyncio.wait_for(server.main_loop(), 5))
    assert server.ticks == 1
