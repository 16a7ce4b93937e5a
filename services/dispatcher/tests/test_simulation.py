"""The money protocol in seeded simulations: production code and waits on a real database.

Time and provider are simulated. Requests and answers are lost or come late, lists lag, answers are
stored and replayed, keys are forgotten after a day, the provider is away for up to 27 hours, and
workers die between every two steps or wake up with an old answer. PAYDOWN_SIMULATION_SEEDS says
how many simulations run.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from services.dispatcher.domain.protocol import Answer, Timing
from services.dispatcher.provider.client import Page, Unreachable
from services.dispatcher.sending.payments import PaymentSender
from services.dispatcher.sending.worker import Call
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import Line, MemoryProvider

pytestmark = pytest.mark.database
SEEDS = int(os.environ.get("PAYDOWN_SIMULATION_SEEDS", "6"))
PAYMENTS, STEPS = 8, 50
# Delay and lag together are less than the grace.
DELAY_MAX_S, LAG_MAX_S, RETENTION_S = 500.0, 1_200.0, 86_400.0
BEGIN = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)


class PaidTwice(AssertionError):
    """The provider has a payment of ours alive twice."""


class UnreliableProvider(MemoryProvider):
    """A provider whose network, lists and idempotency store do what they may do at worst."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__("memory:", "sk", "2025-07-04", 1.0)
        self.chance, self.now_s, self.calm, self.stored_at = chance, 0.0, False, dict[str, float]()
        self.under_way: list[tuple[float, str, dict[str, Any]]] = []
        self.bodies: dict[str, dict[str, Any]] = {}
        self.last_date = BEGIN

    def pass_time(self, seconds: float) -> None:
        """Requests that were under way arrive, answers of yesterday are forgotten."""
        until_s = self.now_s + seconds
        arriving = sorted(
            (one for one in self.under_way if one[0] <= until_s), key=lambda one: one[0]
        )
        self.under_way = [one for one in self.under_way if one[0] > until_s]
        for self.now_s, key, body in arriving:
            self._first(key, lambda body=body: self.accept(body))  # type: ignore[misc]  # it is called at once
        self.now_s = until_s
        self.last_date = BEGIN + timedelta(seconds=self.now_s)

    def accept(self, body: dict[str, Any], status: str = "pending") -> Answer:
        answer = super().accept(body, status)
        line = self.books[str((answer.data or {})["id"])]
        line |= {
            "created_at": (BEGIN + timedelta(seconds=self.now_s)).isoformat(),
            "seen_from_s": self.now_s + self.chance.uniform(0, LAG_MAX_S),
        }
        return answer

    def list(self, path: str, params: Any) -> Page:
        if self.away or (not self.calm and self.chance.random() < 0.1):
            raise Unreachable(Answer(None))
        page = super().list(path, params)
        lines = [
            line
            for line in page.lines
            if line["seen_from_s"] <= self.now_s
            and line["created_at"][:10] >= params.get("from_date", "")
        ]
        short = not self.calm and lines and self.chance.random() < 0.1  # a walk that was cut short
        return Page(lines[1:] if short else lines, "", len(lines), "req", None)

    def _first(self, key: str, answering: Callable[[], Answer]) -> Answer:
        if key in self.stored and self.stored_at[key] > self.now_s - RETENTION_S:
            return Answer(**{**self.stored[key].__dict__, "replayed": True})
        answer = answering()
        self.stored[key], self.stored_at[key] = answer, self.now_s
        return answer

    def _create(self, body: dict[str, Any], key: str) -> Answer:
        assert key, "a payment was sent without a key"
        assert self.bodies.setdefault(key, body) == body, "one key, two bodies"
        if self.away:
            return Answer(None)
        fate = 1.0 if self.calm else self.chance.random()
        if fate < 0.10:  # the request is lost
            return Answer(None)
        if fate < 0.25:  # it comes late, and its answer goes nowhere
            self.under_way.append((self.now_s + self.chance.uniform(0, DELAY_MAX_S), key, body))
            return Answer(None)
        if fate < 0.35:  # the answer is lost
            self._first(key, lambda: self.accept(body))
            return Answer(None)
        if fate < 0.42:  # a proxy answers in its stead
            self._first(key, lambda: self.accept(body))
            return Answer(502)
        if fate < 0.52:
            return self._first(key, lambda: replace(self.accept(body), status=500, data=None))
        if fate < 0.62:
            return self._first(key, lambda: Answer(500))
        if fate < 0.68:
            return Answer(503, None, "IDEMPOTENCY_UNAVAILABLE")
        if fate < 0.74:
            return Answer(429, None, "TOO_MANY_REQUESTS")
        if fate < 0.79:
            return self._first(
                key, lambda: Answer(self.chance.choice([429, 503]), None, "IDEMPOTENCY_UNAVAILABLE")
            )
        return self._first(key, lambda: self.accept(body))


class Simulation:
    """One run: two workers on one database, moved step by step by chance."""

    def __init__(self, engines: tuple[Engine, Engine], seed: int, timing: Timing) -> None:
        self.chance = random.Random(seed)
        self.provider = UnreliableProvider(self.chance)
        self.dispatcher = ManualDispatcher(
            *engines,
            count=PAYMENTS,
            timing=timing,
            provider=self.provider,
            batch_id=UUID(int=seed + 1),
        )
        self.senders = [
            self.dispatcher.sender,
            PaymentSender(timing, self.dispatcher.clocks, self.dispatcher.walked),
        ]
        self.stopped: list[tuple[PaymentSender, list[tuple[Call, Answer]]]] = []

    def run(self) -> None:
        for _ in range(STEPS):
            steps = [*[self.work] * 3, *[self.pass_time] * 3, self.wake, self.switch_outage]
            self.chance.choice(steps)()
            self.paid_once()
        self.provider.calm, self.provider.away = True, False
        for _ in range(80):
            self.pass_time(600.0)
            self.work()
            self.paid_once()
            rows = self.dispatcher.rows("SELECT status FROM payment")
            statuses = {row.status for row in rows}
            if statuses <= {"pending", "held"} and not self.provider.under_way:
                return

    def work(self) -> None:
        """Let a worker send; it may die before or after the call, or stop with the answers."""
        sender = self.chance.choice(self.senders)
        sender.outage_answers = 0  # the breaker has tests of its own
        with self.dispatcher.engine.begin() as connection:
            calls = list(sender.lease_calls(connection, 3))
        fate = 1.0 if self.provider.calm else self.chance.random()
        if fate < 0.1:
            return
        answers = [(call, self.dispatcher.send(call)) for call in calls]
        if fate < 0.2:
            return
        if fate < 0.3:
            self.stopped.append((sender, answers))
            return
        with self.dispatcher.engine.begin() as connection:
            sender.record_answers(connection, answers)

    def wake(self) -> None:
        """Let a worker that was stopped record its answers now, however late."""
        if self.stopped:
            sender, answers = self.stopped.pop(0)
            with self.dispatcher.engine.begin() as connection:
                sender.record_answers(connection, answers)

    def pass_time(self, seconds: float = 0.0) -> None:
        seconds = seconds or self.chance.choice([40.0, 70.0, 70.0, 70.0, 400.0, 2_000.0])
        self.dispatcher.pass_time(seconds)
        self.provider.pass_time(seconds)
        self.dispatcher.walker.retry_at = 0.0
        self.dispatcher.walker.walk()
        self.dispatcher.lookup.look_up()
        self.dispatcher.lookup.sweep()

    def switch_outage(self) -> None:
        """The provider goes away for hours, or comes back."""
        if self.provider.away:
            self.pass_time(self.chance.uniform(3_600, 27 * 3_600))
        self.provider.away = not self.provider.away and self.chance.random() < 0.3

    def paid_once(self) -> None:
        alive = Counter(line["metadata"]["payment_id"] for line in self.dispatcher.alive())
        twice = [payment_id for payment_id, n in alive.items() if n > 1]
        if twice:
            raise PaidTwice(twice)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_under_all_faults_each_payment_is_paid_once_and_none_is_forgotten(
    engines: tuple[Engine, Engine], seed: int
) -> None:
    simulation = Simulation(engines, seed, Timing())
    simulation.run()
    books: dict[str, Line] = simulation.provider.books
    payments = simulation.dispatcher.rows("SELECT * FROM payment")
    for payment in payments:
        assert payment.status in ("pending", "held"), (
            payment.status,
            payment.step,
            payment.reason_code,
        )
        if payment.status == "pending":
            line = books[payment.provider_id]
            assert (line["amount"], line["metadata"]["payment_id"]) == (
                payment.amount_cents,
                str(payment.payment_id),
            )
    held = [p for p in payments if p.status == "held"]
    assert all(p.attempts == simulation.dispatcher.timing.rekeys_max + 1 for p in held)
    assert not {line["metadata"]["payment_id"] for line in simulation.dispatcher.alive()} & {
        str(p.payment_id) for p in held
    }
    (keys,) = simulation.dispatcher.rows(
        """
        SELECT count(*) AS n, count(DISTINCT idempotency_key) AS keys
        FROM attempt
        WHERE kind = 'payment'"""
    )
    assert keys.n == keys.keys
    changes = simulation.dispatcher.published("payment-changed.v1")
    versions = Counter(event["payment_id"] for event in changes)
    assert {str(p.payment_id): p.version for p in payments} == versions


@pytest.mark.parametrize(("broken", "first"), [({"grace_s": 0.0}, 0), ({"resend_until_s": 1e9}, 9)])
def test_the_simulation_sees_what_a_clause_is_for(
    engines: tuple[Engine, Engine], broken: dict[str, float], first: int
) -> None:
    """Without the grace, or with keys trusted for ever, somebody is paid twice."""

    def many() -> None:
        for seed in range(first, first + 60):
            Simulation(engines, seed, Timing(**broken)).run()  # type: ignore[arg-type]  # seconds

    with pytest.raises(PaidTwice):
        many()
