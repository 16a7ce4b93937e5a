"""uvicorn's server, which sleeps while nothing happens: its own wakes up ten times a second."""

import asyncio
from contextlib import suppress
from types import FrameType

import uvicorn

#: The header `date` of answers is made anew so often.
TICK_S = 1.0


class QuietServer(uvicorn.Server):
    """Looks once a second whether it is to end, and at once when a signal asks for it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._exit: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Serve until the server is to end."""
        self._exit = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):  # every tenth tick of uvicorn makes the date anew
            with suppress(TimeoutError):
                await asyncio.wait_for(self._exit.wait(), TICK_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End soon. A signal may come before the server runs."""
        super().handle_exit(sig, frame)
        if self._exit is not None:
            self._loop.call_soon_threadsafe(self._exit.set)
