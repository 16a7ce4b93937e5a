"""One seeded simulation: two workers on one database, moved step by step by chance."""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from uuid import UUID

from sqlalchemy import Engine

from libs.common.contracts.statuses import PROVIDER_PAID
from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.sending.worker import Call
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.simulation import creations, objects, process
from services.dispatcher.tests.simulation.faults import Faults
from services.dispatcher.tests.simulation.process import SimulatedProcess
from services.dispatcher.tests.simulation.provider import (
    BEGIN,
    LAG_MAX_S,
    SimulatedClocks,
    UnreliableProvider,
    Violation,
)
from services.dispatcher.tests.table_copies import copy_tables

PAYMENTS, STEPS, CALM_TURNS = 8, 50, 80
DAY_S, HOUR_S = 86_400.0, 3_600.0
WAIT_MIN_S, WAIT_MAX_S, PORTION_S = 5.0, 2 * HOUR_S, 20.0
UNPAID = ("failed", "cancelled")
ENDED = ("pending", "completed", "held", *UNPAID)


class PaidTwice(Violation):
    """The provider has a payment of ours alive twice."""


class SimulatedStop(Event):
    """The stop of the loops: who waits for it lets simulated time pass."""

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self.pass_time = pass_time
        self.waited_s, self.owed_s = 0.0, 0.0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `timeout` seconds, or for some where a loop only asks again and again."""
        seconds = timeout if timeout and timeout >= 1 else WAIT_MIN_S
        self.waited_s, self.owed_s = self.waited_s + seconds, self.owed_s + seconds
        if self.waited_s > WAIT_MAX_S:
            raise Violation("a loop waits for hours")
        if self.owed_s >= PORTION_S:
            self.pass_time(self.owed_s)
            self.owed_s = 0.0
        return False


@dataclass
class Suspended:
    """A worker that stopped between intent and call (`calls`), or with its answers."""

    worker: SimulatedProcess
    calls: Sequence[Call]
    answers: Sequence[tuple[Call, Answer]]
    send_until_s: float


class Simulation:
    """One run with one mix of faults.

    `paid_twice` are the payments that the provider itself made twice.
    """

    def __init__(
        self, engines: tuple[Engine, Engine], seed: int, faults: Faults, timing: Timing
    ) -> None:
        self.chance, self.faults = random.Random(seed), faults
        self.provider = UnreliableProvider(self.chance, faults)
        kind = creations.UnpreparedDispatcher if faults.are_objects_created else ManualDispatcher
        self.dispatcher = kind(
            *engines,
            count=PAYMENTS,
            timing=timing,
            provider=self.provider,
            batch_id=UUID(int=seed + 1),
            approved_at=BEGIN,
        )
        if "pause" in faults.acts:  # another one is paid on, while people pause this one
            self.dispatcher.announce(
                UUID(int=seed + 2**64), PAYMENTS // 2, tag="b", approved_at=BEGIN
            )
        self.stop = SimulatedStop(self._let_time_pass)
        self.dispatcher.reader.stop = self.stop
        self.provider.on_request = self._check_request
        if faults.webhooks_first:
            self.provider.on_created = partial(process.deliver_webhook, self.dispatcher)
        self.suspended: list[Suspended] = []
        self._begin_workers()
        self.copied_at_s: float | None = None
        self.clock_ahead_s = 0.0

    def run(self) -> None:
        """Let chance choose the steps, then let everything be well until all has ended."""
        own = [getattr(self, act) for act in self.faults.acts]
        steps = [*[self.work] * 3, *[self.pass_time] * 3, self.wake, self.switch_outage, *own]
        for _ in range(STEPS):
            self.step(self.chance.choice(steps))
        self.provider.is_calm, self.provider.away = True, False
        self.step(self.mend)
        for _ in range(CALM_TURNS):
            self.step(partial(self.pass_time, 600.0))
            for act in (self.mend, self.work, *self._calm_acts()):
                self.step(act)
            if not self.provider.under_way and all(
                status in ENDED for status, _ in process.snapshots(self.dispatcher).values()
            ):
                break
        if self.provider.are_lists_behind:  # what is there twice may show only now
            self.step(partial(self.pass_time, LAG_MAX_S))
            for act in self._calm_acts():
                self.step(act)

    def _calm_acts(self) -> list[Callable[[], None]]:
        calm = (self.poll, self.search, self.look_up_objects, self.create, self.prepare)
        return [act for act in calm if act.__name__ in self.faults.acts]

    @property
    def clocks(self) -> SimulatedClocks:
        """The clocks of the present process."""
        clocks = self.dispatcher.clocks
        assert isinstance(clocks, SimulatedClocks)
        return clocks

    def step(self, act: Callable[[], None]) -> None:
        self.provider.pages, self.stop.waited_s = 0, 0.0
        act()
        self._check_payments()

    # --- what workers do ---

    def work(self) -> None:
        """Let a worker send; it may die before or after the call, or be suspended."""
        worker = self.chance.choice(self.workers)
        calls = worker.lease(self._check_lease)
        fate = 1.0 if self.provider.is_calm else self.chance.random()
        if fate < 0.1:
            return
        until_s = worker.send_until_s
        if self.provider.is_lucky(self.faults.suspended):
            self.suspended.append(Suspended(worker, calls, (), until_s))
            return
        answers = [(call, worker.send(call, until_s)) for call in calls]
        if fate < 0.2:
            return
        if fate < 0.3:
            self.suspended.append(Suspended(worker, (), answers, until_s))
            return
        worker.record(answers)

    def wake(self) -> None:
        """A worker that was suspended goes on with what it had in memory, however late."""
        if self.suspended:
            one = self.suspended.pop(0)
            sent = [(call, one.worker.send(call, one.send_until_s)) for call in one.calls]
            one.worker.record([*one.answers, *sent])

    def prepare(self) -> None:
        creations.prepare(self.dispatcher)

    def create(self) -> None:
        self.creator.create(self.chance, is_calm=self.provider.is_calm)

    def look_up_objects(self) -> None:
        creations.look_up(self.dispatcher)

    # --- what time and the provider do ---

    def pass_time(self, seconds: float = 0.0) -> None:
        seconds = seconds or self.chance.choice([40.0, 70.0, 70.0, 70.0, 400.0, 2_000.0])
        self._let_time_pass(seconds)
        self.workers[0].track()

    def _let_time_pass(self, seconds: float) -> None:
        self.dispatcher.pass_time(seconds)
        self.provider.pass_time(seconds)
        self.provider.pages = 0

    def wait_a_day(self) -> None:
        self.pass_time(DAY_S + HOUR_S)

    def switch_outage(self) -> None:
        """The provider goes away for hours, or comes back."""
        if self.provider.away:
            self.pass_time(self.chance.uniform(HOUR_S, 27 * HOUR_S))
        self.provider.away = not self.provider.away and self.chance.random() < 0.3

    def advance(self) -> None:
        self.provider.advance()

    def step_clock(self) -> None:
        """Our wall clock is set, by up to two days; no time passes."""
        to_s = self.chance.choice([-1, 1]) * self.chance.uniform(60, 48 * HOUR_S)
        self.set_clock(to_s)

    def set_clock(self, ahead_s: float) -> None:
        """Set the wall clock of our machines, the database's included."""
        self.dispatcher.age_rows(ahead_s - self.clock_ahead_s)
        self.clock_ahead_s = self.clocks.ahead_s = ahead_s

    def sleep(self) -> None:
        """Our machine sleeps for up to two days: its monotonic clock stands still."""
        seconds = self.chance.uniform(60, 48 * HOUR_S)
        self.dispatcher.age_rows(seconds)
        self.clocks.slept_s += seconds
        self.provider.pass_time(seconds)

    def poll(self) -> None:
        self.dispatcher.poller.poll()

    def search(self) -> None:
        self.dispatcher.detector.search()

    # --- what people do ---

    def pause(self) -> None:
        process.order(self.dispatcher, "pause")

    def resume(self) -> None:
        process.order(self.dispatcher, "resume")

    def switch_kill(self) -> None:
        process.turn_kill_switch(self.dispatcher, self.chance.random() < 0.5)

    def disable(self) -> None:
        objects.disable_some(self.dispatcher, self.chance)

    def enable(self) -> None:
        objects.enable_all(self.dispatcher)

    def retry(self) -> None:
        """Somebody mends some of what was refused, and asks that it is tried again."""
        self.provider.mend_objects(0.5)
        creations.retry(self.dispatcher)

    def mend(self) -> None:
        """People mend what can be: the clock, a restored database, duplicates, stopped sources."""
        self.enable()
        if self.faults.are_objects_created:
            self.provider.mend_objects(1.0)
            creations.retry(self.dispatcher)
        self.set_clock(0.0)
        process.recover_if_quarantined(self.dispatcher)
        process.decide_duplicates(self.dispatcher)
        process.turn_kill_switch(self.dispatcher, False)
        self.resume()

    # --- restores ---

    def copy(self) -> None:
        copy_tables(self.dispatcher.owner)
        self.copied_at_s = self.provider.now_s

    def replay_topics(self) -> None:
        process.deliver_approval(self.dispatcher, PAYMENTS)

    def restore_both(self) -> None:
        if self.copied_at_s is not None:
            process.restore_both(self.dispatcher, self.provider.now_s - self.copied_at_s)
            self.copied_at_s = None
            self._begin_workers()

    def restore_database(self) -> None:
        """The database alone. While it is quarantined no worker may send."""
        if self.copied_at_s is None:
            return
        self.provider.is_calm, was_away, self.provider.away = True, self.provider.away, False
        copied_s_ago = self.provider.now_s - self.copied_at_s
        process.restore_database(self.dispatcher, copied_s_ago, self._begin_and_work)
        self._begin_workers()
        self.provider.is_calm, self.provider.away, self.copied_at_s = False, was_away, None

    def _begin_and_work(self) -> None:
        self._begin_workers()
        self.work()

    def _begin_workers(self) -> None:
        """Begin all processes anew; what was in their memory is gone."""
        self.suspended = []
        self.workers = [SimulatedProcess(self.dispatcher) for _ in range(2)]
        self.creator = creations.Creator(self.dispatcher)

    # --- what must hold ---

    def _check_lease(self, calls: Sequence[Call]) -> None:
        """Nothing is leased that may not be paid, and no order slips in before the commit."""
        if not calls:
            return
        allowed = process.who_may_pay(self.dispatcher)
        if allowed.halted:
            raise Violation(
                "sent while the kill switch is on or the database waits for its release"
            )
        if not {call.batch_id for call in calls} <= set(allowed.paying):
            raise Violation("sent from a batch that is paused or cancelled")
        if {call.subject_id for call in calls} & set(allowed.stopped):
            raise Violation("sent from a source account that is stopped")
        if self.chance.random() < 0.1:
            pause = partial(process.pause_on, batch_id=UUID(calls[0].batch_id))
            orders = (pause, process.kill_on)
            if any(process.takes_effect_now(self.dispatcher, order) for order in orders):
                raise Violation("an order took effect between the gate and the intent")

    def _check_request(self, key: str, content: bytes) -> None:
        if not key:
            raise Violation("sent without a key")
        if process.frozen_body(self.dispatcher, key) != content.decode():
            raise Violation("sent before its intent was committed, or another body than that")
        if self.faults.are_objects_created:
            body, accounts = json.loads(content), self.provider.objects["/accounts"]
            if not {body["source"], body["destination"]} <= set(accounts):
                raise Violation("sent to or from an account that the provider does not have")

    def _check_payments(self) -> None:
        """Nobody is paid twice, and nothing is called failed or paid that is not."""
        books = self.provider.books
        alive = Counter(line["metadata"]["payment_id"] for line in self.dispatcher.alive())
        twice = {one for one, n in alive.items() if n > 1} - self.provider.made_twice
        if twice:
            raise PaidTwice(sorted(twice))
        for payment_id, (status, provider_id) in process.snapshots(self.dispatcher).items():
            if status in UNPAID and alive[payment_id]:
                raise Violation(f"{payment_id} is called {status}, and the provider pays it")
            if status in ("pending", "completed") and (
                books[provider_id]["metadata"]["payment_id"] != payment_id
            ):
                raise Violation(f"{payment_id} is bound to another payment")
            if status == "completed" and books[provider_id]["status"] not in PROVIDER_PAID:
                raise Violation(f"{payment_id} is shown as paid and is not")
