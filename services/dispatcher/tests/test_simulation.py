"""The money protocol under seeded storms: the code that runs in production, with its waits, on a real database; time and provider are played.

Requests and answers are lost or come up to 25 minutes late, lists lag, answers are stored and replayed, keys are forgotten after a day, the provider
is away for up to 27 hours, workers die between every two steps or wake with an old answer. PAYDOWN_SIMULATION_SEEDS says how many storms.
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
from services.dispatcher.sending.payments import PaymentWork
from services.dispatcher.sending.worker import Call
from services.dispatcher.tests.harness import Desk, Line, Memory

pytestmark = pytest.mark.database
SEEDS = int(os.environ.get("PAYDOWN_SIMULATION_SEEDS", "6"))
PAYMENTS, STEPS = 8, 50
DELAY_MAX_S, LAG_MAX_S, RETENTION_S = (
    500.0,
    1_200.0,
    86_400.0,
)  # delay and lag together are less than the grace
BEGIN = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)


class PaidTwice(AssertionError):
    """The provider has a payment of ours alive twice."""


class Stormy(Memory):
    """A provider whose network, lists and idempotency store do what they may do at worst."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__("memory:", "sk", "2025-07-04", 1.0)
        self.chance, self.now_s, self.calm, self.kept_at = chance, 0.0, False, dict[str, float]()
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
        if key in self.stored and self.kept_at[key] > self.now_s - RETENTION_S:
            return Answer(**{**self.stored[key].__dict__, "replayed": True})
        answer = answering()
        self.stored[key], self.kept_at[key] = answer, self.now_s
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


class Storm:
    """One run: two workers on one database, moved step by step by chance."""

    def __init__(self, engines: tuple[Engine, Engine], seed: int, timing: Timing) -> None:
        self.chance = random.Random(seed)
        self.provider = Stormy(self.chance)
        self.desk = Desk(
            *engines,
            count=PAYMENTS,
            timing=timing,
            provider=self.provider,
            batch_id=UUID(int=seed + 1),
        )
        self.workers = [self.desk.work, PaymentWork(timing, lambda: self.provider.last_date)]
        self.asleep: list[tuple[PaymentWork, list[tuple[Call, Answer]]]] = []

    def run(self) -> None:
        for _ in range(STEPS):
            self.chance.choice(
                [
                    self.work,
                    self.work,
                    self.work,
                    self.time,
                    self.time,
                    self.time,
                    self.wake,
                    self.weather,
                ]
            )()
            self.paid_once()
        self.provider.calm, self.provider.away = True, False
        for _ in range(80):
            self.time(600.0)
            self.work()
            self.paid_once()
            if (
                all(
                    r.status in ("pending", "held")
                    for r in self.desk.rows("SELECT status FROM payment")
                )
                and not self.provider.under_way
            ):
                return

    def work(self) -> None:
        """A worker takes calls; it may die before or after the call, or fall asleep with the answers in hand."""
        worker = self.chance.choice(self.workers)
        worker.silences = 0  # the breaker has tests of its own
        with self.desk.engine.begin() as connection:
            calls = list(worker.claim(connection, 3))
        fate = 1.0 if self.provider.calm else self.chance.random()
        if fate < 0.1:
            return
        answers = [
            (
                call,
                self.provider.send(
                    "POST", call.path, call.body.encode(), str(call.idempotency_key)
                )[0],
            )
            for call in calls
        ]
        if fate < 0.2:
            return
        if fate < 0.3:
            self.asleep.append((worker, answers))
            return
        with self.desk.engine.begin() as connection:
            worker.settle(connection, answers)

    def wake(self) -> None:
        """Who fell asleep settles now, however late."""
        if self.asleep:
            worker, answers = self.asleep.pop(0)
            with self.desk.engine.begin() as connection:
                worker.settle(connection, answers)

    def time(self, seconds: float = 0.0) -> None:
        seconds = seconds or self.chance.choice([40.0, 70.0, 70.0, 70.0, 400.0, 2_000.0])
        self.desk.later(seconds)
        self.provider.pass_time(seconds)
        self.desk.follower.look_up()
        self.desk.follower.sweep()

    def weather(self) -> None:
        """The provider goes away for hours, or comes back."""
        if self.provider.away:
            self.time(self.chance.uniform(3_600, 27 * 3_600))
        self.provider.away = not self.provider.away and self.chance.random() < 0.3

    def paid_once(self) -> None:
        twice = [
            payment_id
            for payment_id, n in Counter(
                line["metadata"]["payment_id"] for line in self.desk.alive()
            ).items()
            if n > 1
        ]
        if twice:
            raise PaidTwice(twice)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_in_a_storm_each_payment_is_paid_once_and_none_is_forgotten(
    engines: tuple[Engine, Engine], seed: int
) -> None:
    storm = Storm(engines, seed, Timing())
    storm.run()
    books: dict[str, Line] = storm.provider.books
    payments = storm.desk.rows("SELECT * FROM payment")
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
    assert all(p.attempts == storm.desk.timing.rekeys_max + 1 for p in held)
    assert not {line["metadata"]["payment_id"] for line in storm.desk.alive()} & {
        str(p.payment_id) for p in held
    }
    keys = storm.desk.rows(
        "SELECT count(*) AS n, count(DISTINCT idempotency_key) AS keys FROM attempt WHERE kind = 'payment'"
    )[0]
    assert keys.n == keys.keys
    versions = Counter(said["payment_id"] for said in storm.desk.said("payment-changed.v1"))
    assert {str(p.payment_id): p.version for p in payments} == versions


@pytest.mark.parametrize(("broken", "first"), [({"grace_s": 0.0}, 0), ({"resend_until_s": 1e9}, 9)])
def test_the_storm_sees_what_a_clause_is_for(
    engines: tuple[Engine, Engine], broken: dict[str, float], first: int
) -> None:
    """Without the grace, or with keys trusted for ever, somebody is paid twice."""

    def many() -> None:
        for seed in range(first, first + 60):
            Storm(engines, seed, Timing(**broken)).run()  # type: ignore[arg-type]  # seconds

    with pytest.raises(PaidTwice):
        many()
