"""The loop that notices what people want to be told of.

It asks the services for what stands, as a page of the dashboard does, and notes each event by its
natural key. A service that does not answer is asked again at the next turn: what it holds is a
state, so nothing is missed by that. Nothing waits for this loop.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import frames, log
from libs.common.runtime.work_signal import WorkSignal
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import Problem
from services.gateway.domain import notifications as rules
from services.gateway.domain.batches import figures_match_status
from services.gateway.domain.notifications import Event, Json
from services.gateway.store import notification_events as store
from services.gateway.upstream import Call, Upstream, UpstreamRefusal, Upstreams

#: The system itself: it reads what every role may read, and may do nothing.
WATCHER: Final = Actor("paydown-notifications")
TIMEOUT_S: Final = 5.0
BATCHES_MAX, OPEN_MAX = 100, 20
RED_AFTER: Final = timedelta(minutes=2)
BEAT_S: Final = 1.0


@dataclass(frozen=True)
class WatchRules:
    """From the settings."""

    every_s: int
    remind_h: int
    failure_share: int


@dataclass
class Watch:
    """Reads the services and notes events.

    Args:
        people: gives who may be told anything now.
        signal: given after new events, which may have deliveries.
    """

    engine: Engine
    services: Upstreams
    rules: WatchRules
    people: Callable[[], Sequence[str]]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    signal: WorkSignal = field(default_factory=WorkSignal)
    red_since: dict[str, datetime] = field(init=False, default_factory=dict)
    #: The keys of events that are in the database, so that each turn writes only new ones.
    noted: set[tuple[str, str, str]] = field(init=False, default_factory=set)
    #: Services that did not answer in this turn. They are not asked again in it, so that a turn
    #: waits for each of them once.
    away: set[str] = field(init=False, default_factory=set)
    beat: Beat = field(init=False, default_factory=lambda: _no_beat)

    async def run(self, stop: threading.Event, beat: Beat) -> None:
        """Take turns until `stop`."""
        self.beat = beat
        while not stop.is_set():
            beat()
            await self.turn_or_log()
            for _ in range(int(self.rules.every_s / BEAT_S)):
                if stop.is_set():
                    break
                beat()
                await asyncio.sleep(BEAT_S)

    async def turn_or_log(self) -> None:
        """One turn. Each part that fails is left to the next turn."""
        self.away.clear()
        parts: tuple[Callable[[], Awaitable[list[Event]]], ...] = (
            self.batches,
            self.ledger_news,
            self.operations,
        )
        for part in parts:
            try:
                await asyncio.to_thread(self._note, await part())
            except SQLAlchemyError:
                raise  # the loop begins again when the database does
            except Exception as error:  # noqa: BLE001 - a bug here must not end the public API
                log.error(
                    "notification_watch_failed",
                    kind=getattr(part, "__name__", ""),
                    error=type(error).__name__,
                    traceback=frames(error),
                    next="it is asked again at the next turn; payments do not depend on it",
                )

    async def batches(self) -> list[Event]:
        """What the batches and their payments say."""
        found = await self._ask(self.services.ingest, f"/batches?limit={BATCHES_MAX}")
        items: list[Json] = found["items"] if found else []
        events = [event for item in items for event in rules.events_of_batch(item)]
        ids = [str(item["batch_id"]) for item in items]
        asked = await asyncio.to_thread(self._noticed, "approval_waiting", ids)
        finished = await asyncio.to_thread(self._noticed, "finished", ids)
        now = self.clock()
        ready = [item for item in items if rules.waits_for_approval(item)][:OPEN_MAX]
        for item in ready:
            if (since := asked.get(str(item["batch_id"]))) is not None:
                events += rules.reminders(item, since, now, self.rules.remind_h)
            events += await self._money(item)
        for item in [one for one in items if one["status"] in rules.BEING_PAID][:OPEN_MAX]:
            events += await self._payments(item)
            events += await self._sources(item)
        for item in items:
            if item["status"] in rules.FINISHED and str(item["batch_id"]) not in finished:
                events += await self._payments(item)
        return events

    async def ledger_news(self) -> list[Event]:
        """Payments that came back, and differences that a reconciliation has found."""
        since = (self.clock() - rules.TELL_WITHIN).isoformat().replace("+00:00", "Z")
        found = await self._ask(self.services.ledger, f"/news?since={since}")
        if found is None:
            return []
        return rules.events_of_returns(found["returns"]) + rules.events_of_breaks(found["breaks"])

    async def operations(self) -> list[Event]:
        """Services that have been away or not ready for two minutes."""
        states = await asyncio.gather(*(self._is_red(one) for one in self.services.all()))
        now, events = self.clock(), []
        for service, is_red in zip(self.services.all(), states, strict=True):
            if not is_red:
                self.red_since.pop(service.name, None)
                continue
            since = self.red_since.setdefault(service.name, now)
            if now - since >= RED_AFTER:
                events.append(rules.event_of_service(service.name, since))
        return events

    async def _money(self, batch: Json) -> list[Event]:
        found = await self._ask(self.services.ledger, f"/batches/{batch['batch_id']}/money")
        return rules.events_of_money(batch, found) if found else []

    async def _sources(self, batch: Json) -> list[Event]:
        found = await self._ask(self.services.dispatcher, f"/batches/{batch['batch_id']}")
        return rules.events_of_sources(batch, found) if found else []

    async def _payments(self, batch: Json) -> list[Event]:
        path = f"/batches/{batch['batch_id']}"
        summary = await self._ask(self.services.reports, f"{path}/summary")
        if summary is None:
            return []
        if batch["status"] in rules.FINISHED:
            whole = await self._ask(self.services.ingest, path)
            if whole is None or not figures_match_status(whole, summary):
                return []  # the figures are behind: asked again at the next turn
        return rules.events_of_payments(batch, summary, self.rules.failure_share)

    async def _is_red(self, service: Upstream) -> bool:
        self.beat()
        try:
            answer = await service.send(_call("/health/ready"))
        except Problem:
            return True
        return answer.status_code != 200 or bool(answer.json().get("held"))

    async def _ask(self, service: Upstream, path: str) -> dict[str, Any] | None:
        if service.name in self.away:
            return None
        self.beat()
        try:
            return await service.send_json(_call(path))
        except UpstreamRefusal:
            return None
        except Problem:
            self.away.add(service.name)
            return None

    def _noticed(self, kind: str, subjects: Sequence[str]) -> dict[str, datetime]:
        with self.engine.connect() as connection:
            return store.first_noticed(connection, kind, subjects)

    def _note(self, events: Iterable[Event]) -> None:
        new = [event for event in events if event.key not in self.noted]
        everyone, now = self.people() if new else (), self.clock()
        for event in new:
            people = everyone if rules.is_told(event, now) else ()
            with self.engine.begin() as connection:
                store.insert_event(connection, event, people)
            self.noted.add(event.key)
        if new:
            self.signal.give()


def _call(path: str) -> Call:
    return Call(WATCHER, str(uuid4()), "GET", path, timeout_s=TIMEOUT_S)


def _no_beat() -> None:
    """Before the loop runs, nobody looks."""
