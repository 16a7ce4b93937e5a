"""The loop that delivers notifications: several channels at once, one attempt for each."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Engine

from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import frames, log
from libs.common.runtime.work_signal import WorkSignal
from services.gateway.domain.notifications import retry_wait_s
from services.gateway.notifications.delivery import Content, Courier
from services.gateway.notifications.outcome import Outcome
from services.gateway.store import notification_deliveries as store
from services.gateway.store.notification_deliveries import Job

AT_ONCE_MAX = 8
EVERY_S, STOP_S = 1.0, 3.0
#: It looks at the database so often if nothing in this process says that there is work.
LOOK_S = 5.0


@dataclass
class Sender:
    """Claims due deliveries, attempts them, and writes down what became of each.

    Args:
        may_be_told: whether a person still has a role here.
        signal: says that there may be a delivery.
    """

    engine: Engine
    courier: Courier
    may_be_told: Callable[[str], bool]
    signal: WorkSignal = field(default_factory=WorkSignal)
    busy: dict[UUID, asyncio.Task[None]] = field(init=False, default_factory=dict)

    async def run(self, stop: threading.Event, beat: Beat) -> None:
        """Deliver until `stop`."""
        while not stop.is_set():
            beat()
            given = self.signal.given
            if await self.begin_due():
                continue
            look_at = time.monotonic() + (EVERY_S if self.busy else LOOK_S)
            while not stop.is_set() and time.monotonic() < look_at:
                await asyncio.sleep(EVERY_S)
                beat()
                if self.signal.given != given:
                    break
        if self.busy:
            await asyncio.wait(self.busy.values(), timeout=STOP_S)

    async def begin_due(self) -> int:
        """Begin an attempt for each channel that has one due; how many."""
        for channel_id in [one for one, task in self.busy.items() if task.done()]:
            self.busy.pop(channel_id).result()  # a database that is away begins the loop again
        free = AT_ONCE_MAX - len(self.busy)
        jobs = await asyncio.to_thread(self._claim, free) if free else []
        for job in jobs:
            self.busy[job.channel_id] = asyncio.create_task(self._attempt(job))
        return len(jobs)

    def _claim(self, limit: int) -> list[Job]:
        with self.engine.begin() as connection:
            return store.claim_due(connection, list(self.busy), limit)

    async def _attempt(self, job: Job) -> None:
        outcome = await self._outcome(job)
        await asyncio.to_thread(self._record, job, outcome)

    async def _outcome(self, job: Job) -> Outcome:
        if not await asyncio.to_thread(self.may_be_told, job.person):
            return Outcome("no-role", is_final=True)
        content = Content(
            f"msg_{job.delivery_id.hex}",
            job.kind,
            job.subject,
            job.figures,
            job.path,
            job.noticed_at,
        )
        try:
            return await self.courier.deliver(job, content)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the public API
            log.error(
                "notification_not_attempted",
                kind=job.kind,
                error=type(error).__name__,
                traceback=frames(error),
                next="it is attempted again later; payments do not depend on it",
            )
            return Outcome("bug")

    def _record(self, job: Job, outcome: Outcome) -> None:
        wait_s = None if outcome.is_final else retry_wait_s(job.attempts)
        if outcome.is_sent:
            status = "sent"
        elif wait_s is None:
            status = "failed"
        else:
            status = "waiting"
        with self.engine.begin() as connection:
            store.record_result(connection, job, status, outcome.reason, wait_s or 0)
