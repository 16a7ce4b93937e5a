"""Group commit: deliveries that arrive while one transaction is committed share the next one.

A lone delivery has a transaction of its own and waits for nothing. Under load a group gathers for
at most thirty milliseconds, and hundreds share one flush of the database's log.
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
from libs.common.messaging.turns import Turns
from services.webhooks.domain import RejectedDelivery, VerifiedDelivery
from services.webhooks.store.deliveries import insert_deliveries
from services.webhooks.store.security_events import insert_security_events

WAITING_MAX = 5_000
IDLE_S = 0.5
#: Under load deliveries gather for so long; the first one after a pause is stored at once.
TURN_S = 0.03

Item = VerifiedDelivery | RejectedDelivery
Write = Callable[[Connection, Sequence[Item]], None]


class QueueFull(Exception):
    """Too many deliveries wait. The provider sends this one again."""


class NotCommitted(Exception):
    """The database was not available. The provider sends the delivery again."""


@dataclass(frozen=True)
class QueuedItem:
    """An item, and the request that waits for its commit."""

    item: Item
    loop: asyncio.AbstractEventLoop
    committed: asyncio.Future[None]


class GroupCommitter:
    """The queue between the requests and the one thread that writes."""

    def __init__(self, engine: Engine, write: Write, group_max: int) -> None:
        self.engine, self.write, self.group_max = engine, write, group_max
        self.queue: queue.Queue[QueuedItem] = queue.Queue(WAITING_MAX)
        self.turns = Turns(TURN_S)

    async def store(self, item: Item, limit_s: float) -> None:
        """Return when the item is committed.

        Raises:
            QueueFull, NotCommitted, TimeoutError: it may not be. A redelivery is harmless.
        """
        loop = asyncio.get_running_loop()
        queued = QueuedItem(item, loop, loop.create_future())
        try:
            self.queue.put_nowait(queued)
        except queue.Full:
            raise QueueFull from None
        await asyncio.wait_for(queued.committed, limit_s)

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """The loop of the writing thread."""
        while not stop.is_set():
            beat()
            group = self._next_group()
            if group:
                self._commit(group)

    def _next_group(self) -> list[QueuedItem]:
        try:
            group = [self.queue.get(timeout=IDLE_S)]
        except queue.Empty:
            return []
        self.turns.wait()
        with contextlib.suppress(queue.Empty):
            while len(group) < self.group_max:
                group.append(self.queue.get_nowait())
        return group

    def _commit(self, group: list[QueuedItem]) -> None:
        failure: Exception | None = None
        try:
            with self.engine.begin() as connection:
                self.write(connection, [queued.item for queued in group])
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            failure = NotCommitted()
        self.turns.end(is_full=len(group) >= self.group_max)
        for queued in group:
            queued.loop.call_soon_threadsafe(_finish, queued.committed, failure)


def _finish(committed: asyncio.Future[None], failure: Exception | None) -> None:
    if committed.done():  # the request gave up, or its sender left
        return
    if failure is None:
        committed.set_result(None)
    else:
        committed.set_exception(failure)


def store_writer(security_events_max: int) -> Write:
    """The function that writes a group to the store, with at most so many security events."""

    def write(connection: Connection, items: Sequence[Item]) -> None:
        verified = [item for item in items if isinstance(item, VerifiedDelivery)]
        rejected = [item for item in items if isinstance(item, RejectedDelivery)]
        if verified:
            insert_deliveries(connection, verified)
        if rejected:
            insert_security_events(connection, rejected, security_events_max)

    return write
