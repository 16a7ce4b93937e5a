"""Group commit: deliveries that arrive while one transaction is being committed share the next one.

Nobody waits for company: alone, a delivery has a transaction of its own; under load hundreds share one flush of the log.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.database.engine import is_unavailable
from services.webhooks.store import Received, RejectedDelivery

WAITING_MAX = 5_000
IDLE_S = 0.5

Item = Received | RejectedDelivery
Write = Callable[[Connection, Sequence[Item]], None]


class Full(Exception):
    """More deliveries wait than may; the provider sends this one again."""


class Away(Exception):
    """The database did not take it; the provider sends it again."""


@dataclass(frozen=True)
class Waiting:
    """An item, and the request that waits for it."""

    item: Item
    loop: asyncio.AbstractEventLoop
    stored: asyncio.Future[None]


class GroupCommitter:
    """The queue between the requests and the one thread that writes."""

    def __init__(self, engine: Engine, write: Write, gather_max: int) -> None:
        self.engine, self.write, self.gather_max = engine, write, gather_max
        self.queue: queue.Queue[Waiting] = queue.Queue(WAITING_MAX)

    async def store(self, item: Item, limit_s: float) -> None:
        """Return when the item is committed.

        Raises:
            Full, Away, TimeoutError: it is not known to be; a redelivery is harmless either way.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(item, loop, loop.create_future())
        try:
            self.queue.put_nowait(waiting)
        except queue.Full:
            raise Full from None
        await asyncio.wait_for(waiting.stored, limit_s)

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """The loop of the writing thread."""
        while not stop.is_set():
            beat()
            batch = self._take()
            if batch:
                self._commit(batch)

    def _take(self) -> list[Waiting]:
        try:
            batch = [self.queue.get(timeout=IDLE_S)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while len(batch) < self.gather_max:
                batch.append(self.queue.get_nowait())
        return batch

    def _commit(self, batch: list[Waiting]) -> None:
        failure: Exception | None = None
        try:
            with self.engine.begin() as connection:
                self.write(connection, [waiting.item for waiting in batch])
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            failure = Away()
        for waiting in batch:
            waiting.loop.call_soon_threadsafe(_finish, waiting.stored, failure)


def _finish(stored: asyncio.Future[None], failure: Exception | None) -> None:
    if stored.done():  # the request gave up, or its sender left
        return
    if failure is None:
        stored.set_result(None)
    else:
        stored.set_exception(failure)
