"""The worker: write intents (commit), call the provider, write the answers (commit).

No transaction is open during a call.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event as Stop
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from libs.common.database.engine import is_unavailable
from libs.common.messaging.consumer import Beat
from libs.common.observability import tracing
from libs.common.observability.logs import log
from libs.common.runtime.loops import wait_for_work
from libs.common.runtime.work_signal import WorkSignal
from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.provider.client import Provider

IDLE_S = 0.2
ANSWER_WAIT_S = 0.05
#: After the first answer so long for others, until half of the calls have theirs: one transaction
#: records them, and the next one leases as many new calls while the other half is under way.
GATHER_S = 0.03
NO_DATABASE_WAIT_S = 0.5


@dataclass(frozen=True)
class Call:
    """One attempt ready to be sent: its intent is committed.

    The answer counts only while the subject still has this `fence`. `expected` is what an accepted
    answer must contain, `prefix` how its id begins. `batch_id` is "" if no single batch asks for
    it. `unanswered_sends` are earlier sends of this attempt of which it is not known whether they
    ran.
    """

    subject_id: UUID
    n: int
    fence: int
    path: str
    idempotency_key: UUID
    body: str
    prefix: str
    expected: dict[str, Any]
    batch_id: str = ""
    unanswered_sends: int = 0


class Sender(Protocol):
    """What a worker sends: payments or provider objects."""

    name: str
    timing: Timing

    def lease_calls(self, connection: Connection, limit: int) -> Sequence[Call]:
        """Lease up to `limit` calls and write their intents, in the caller's transaction."""

    def record_answers(
        self, connection: Connection, answers: Sequence[tuple[Call, Answer]]
    ) -> None:
        """Write answers in the caller's transaction; one under a lapsed lease is dropped."""


@dataclass
class Worker:
    """Sends the calls of one sender, `concurrency` at a time.

    `check_database` ends the process if the database is not the one it was. `signal` says that
    there may be work, and is given when answers are recorded.
    """

    sender: Sender
    engine: Engine
    provider: Provider
    concurrency: int
    check_database: Callable[[Connection], object]
    signal: WorkSignal = field(default_factory=WorkSignal)
    in_flight: dict[Future[Answer], Call] = field(default_factory=dict)
    answers: list[tuple[Call, Answer]] = field(default_factory=list)

    def run(self, stop: Stop, beat: Beat) -> None:
        """Work until `stop`; calls in flight then are still recorded.

        A crash loses nothing: the intent is there, and the next attempt to send has the same key.
        """
        worked_at = time.monotonic()
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.sender.name) as threads:
            while self.in_flight or self.answers or not stop.is_set():
                beat()
                given = self.signal.given
                self._collect_answers()
                try:
                    self._record_answers()
                    if stop.is_set() or not self._has_room():
                        continue
                    send_until = self.provider.clocks.boot_s() + self.sender.timing.send_within_s
                    calls = self._lease_calls()
                except SQLAlchemyError as error:
                    if not is_unavailable(error):
                        raise
                    log.warning(
                        "worker_without_database",
                        loop=self.sender.name,
                        error=type(error).__name__,
                    )
                    stop.wait(NO_DATABASE_WAIT_S)
                    continue
                for call in calls:
                    future = threads.submit(send_in_time, self.provider, call, send_until)
                    self.in_flight[future] = call
                if self.in_flight:
                    worked_at = time.monotonic()
                else:
                    idle_s = time.monotonic() - worked_at
                    wait_for_work(stop, IDLE_S, idle_s, self.signal, given)

    def _collect_answers(self) -> None:
        self._collect_done(ANSWER_WAIT_S)
        gather_until = time.monotonic() + GATHER_S
        while self.answers and self.in_flight and not self._has_room():
            left_s = gather_until - time.monotonic()
            if left_s <= 0:
                return
            self._collect_done(left_s)

    def _collect_done(self, wait_s: float) -> None:
        """Take the answers that are there; wait so long for one if none is."""
        if self.in_flight:
            done = wait(self.in_flight, timeout=wait_s, return_when=FIRST_COMPLETED).done
            self.answers += [(self.in_flight.pop(future), future.result()) for future in done]

    def _record_answers(self) -> None:
        if self.answers:
            with self.engine.begin() as connection:
                self.sender.record_answers(connection, self.answers)
            self.answers = []
            self.signal.give()

    def _has_room(self) -> bool:
        """Whether at least half of the places are free."""
        return (self.concurrency - len(self.in_flight)) * 2 >= self.concurrency

    def _lease_calls(self) -> Sequence[Call]:
        with self.engine.begin() as connection:
            calls = self.sender.lease_calls(connection, self.concurrency - len(self.in_flight))
            if calls:
                # After the lease: it may have waited for a restore that replaced the tables.
                self.check_database(connection)
        return calls


def send_in_time(provider: Provider, call: Call, send_until: float) -> Answer:
    """Send a leased call, unless it is too late (`send_until`, in seconds since the machine began).

    A process may be stopped, or its machine sleep, between its intent and its call. When it goes
    on, another one may have looked the attempt up, found nothing, and paid under a new key.
    """
    if provider.clocks.boot_s() > send_until:
        ids = {"batch_id": call.batch_id, "payment_id": str(call.subject_id)}
        log.warning("call_too_late", loop=call.path, **(ids if call.batch_id else {}))
        return Answer(None)
    with tracing.batch_span(
        f"POST {call.path}",
        call.batch_id,
        "client",
        {"paydown.payment_id": str(call.subject_id), "paydown.attempt": call.n},
    ) as span:
        answer, _ = provider.send("POST", call.path, call.body.encode(), str(call.idempotency_key))
        if span is not None:
            span.update(
                {"http.request.method": "POST", "server.address": provider.client.base_url.host}
                | span_outcome(answer)
            )
    return answer


def span_outcome(answer: Answer) -> dict[str, str | int]:
    """Return the span's attributes of an answer: its status, or that none came."""
    if answer.status is None:
        return {tracing.ERROR: "no_answer"}
    return {"http.response.status_code": answer.status} | (
        {tracing.ERROR: str(answer.status)} if answer.status >= 400 else {}
    )


def canonical(body: dict[str, Any]) -> str:
    """Return the text that is frozen and sent: one body has one text."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
