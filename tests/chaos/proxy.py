"""A TCP proxy before the provider that drips answers, drops them, and resets connections.

Requests go through as they are: what the provider received it has carried out.
"""

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

DRIP_S, DRIP_BYTES = 0.05, 16
RESET = struct.pack("ii", 1, 0)  # close without a goodbye


class UnreliableProxy:
    """Shares are of answers. `done` counts the faults of each kind."""

    def __init__(
        self, seed: int, drip: float = 0.01, drop: float = 0.01, reset: float = 0.01
    ) -> None:
        self.chance = random.Random(seed)
        self.shares = {"drip": drip, "drop": drop, "reset": reset}
        self.upstream_port = 0
        self.done: Counter[str] = Counter()
        self.is_calm = False

    async def serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection of a client, until one side ends it."""
        try:
            upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            writer.close()
            return
        forward = asyncio.create_task(copy(reader, to_upstream))
        try:
            await self._answer(upstream, writer)
        except OSError:
            pass
        finally:
            forward.cancel()
            for one in (writer, to_upstream):
                one.close()

    async def _answer(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await upstream.read(65_536):
            fault = self._draw()
            if fault == "drop":
                return
            if fault == "reset":
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            step = DRIP_BYTES if fault == "drip" else len(data)
            for at in range(0, len(data), step):
                writer.write(data[at : at + step])
                await writer.drain()
                if fault == "drip":
                    await asyncio.sleep(DRIP_S)

    def _draw(self) -> str:
        number = 1.0 if self.is_calm else self.chance.random()
        for fault, share in self.shares.items():
            if number < share:
                self.done[fault] += 1
                return fault
            number -= share
        return ""


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextmanager
def serving(proxy: UnreliableProxy) -> Iterator[int]:
    """The proxy's port; it serves in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(proxy.serve_client, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end_connections(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


async def end_connections(server: asyncio.Server) -> None:
    """Take no more connections, and end those that are still open; in the loop's own thread."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
