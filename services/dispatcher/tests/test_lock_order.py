"""Answers are recorded while another replica's gate is open: neither waits for the other for ever.

The gate locks the kill switch, then the batches, then the limiter. Locks that are taken in another
order end in a deadlock, which PostgreSQL ends by failing one of the two transactions.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event as Stop
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from libs.common.database.engine import run
from libs.common.testing.waiting import wait_for
from services.dispatcher.commands import Order, order_batch
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider import rate_limiter
from services.dispatcher.sending.provider_objects import ProviderObjectSender
from services.dispatcher.sending.worker import Call
from services.dispatcher.store import kill_switch, merchants
from services.dispatcher.store.gate import lock_gate
from services.dispatcher.store.object_preparation import ensure_people_and_loans, ensure_sources
from services.dispatcher.store.source_stops import SourceStop, stop_sources
from services.dispatcher.tests.factories import CIPHER, INSTITUTION, announce_batch
from services.dispatcher.tests.harness import BareDispatcher, ManualDispatcher
from services.dispatcher.tests.running import VERSION
from services.dispatcher.tests.test_answers import CountingProvider, OneCall, worker

NO_FUNDS = Answer(400, sub_type="INSUFFICIENT_FUNDS", message="no funds")
KEY_REFUSED = Answer(401, sub_type="UNAUTHORIZED")
CLOSED = Answer(429)
WAITING = """
    SELECT count(*) AS waiting
    FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@contextmanager
def recording(
    dispatcher: BareDispatcher, sender: Any, answers: Sequence[tuple[Call, Answer]]
) -> Iterator[None]:
    """Record answers in another thread, which waits for a lock when the block begins."""

    def record() -> None:
        with dispatcher.engine.begin() as connection:
            sender.record_answers(connection, answers)

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(record)
        assert wait_for(lambda: dispatcher.rows(WAITING)[0].waiting > 0, 10), "nothing waits"
        yield
    done.result()


def pass_gate(connection: Connection, dispatcher: ManualDispatcher) -> None:
    """What a lease does after it has locked the kill switch."""
    lock_gate(connection, [dispatcher.batch_id], clock_known=True)
    rate_limiter.take(connection, rate_limiter.PAYMENTS, 1)


@pytest.mark.database
def test_a_refused_key_and_a_refused_source_do_not_lock_against_a_gate(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = ManualDispatcher(*engines, count=2)
    calls = dispatcher.lease(2)
    answers = list(zip(calls, (NO_FUNDS, KEY_REFUSED), strict=True))
    with dispatcher.engine.connect() as gate:
        kill_switch.lock(gate)
        with recording(dispatcher, dispatcher.sender, answers):
            pass_gate(gate, dispatcher)
            gate.commit()
    assert dispatcher.rows("SELECT engaged FROM kill_switch")[0].engaged
    assert len(dispatcher.rows("SELECT * FROM source_stop")) == 1


@pytest.mark.database
def test_a_closed_tier_and_a_refused_source_do_not_lock_against_a_gate(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = ManualDispatcher(*engines, count=3)
    calls = dispatcher.lease(2)
    answers = list(zip(calls, (CLOSED, NO_FUNDS), strict=True))
    with dispatcher.engine.connect() as gate:
        lock_gate(gate, [dispatcher.batch_id], clock_known=True)
        with recording(dispatcher, dispatcher.sender, answers):
            pass_gate(gate, dispatcher)
            gate.commit()
    closed = "SELECT closed_until > now() AS is_closed FROM limiter WHERE tier = 'payments'"
    assert dispatcher.rows(closed)[0].is_closed


@pytest.mark.database
def test_objects_close_their_tier_after_the_kill_switch(engines: tuple[Engine, Engine]) -> None:
    dispatcher = BareDispatcher(*engines)
    sender = ProviderObjectSender(dispatcher.timing, CIPHER, VERSION, dispatcher.clocks)
    announce_batch(dispatcher.engine, batch_id := uuid4(), 10)
    with dispatcher.engine.begin() as connection:
        merchants.upsert_merchant(connection, INSTITUTION, "mch_1", "")
        ensure_sources(connection, batch_id)
        ensure_people_and_loans(connection, batch_id, 10)
        calls = sender.lease_calls(connection, 2)
    answers = list(zip(calls, (CLOSED, KEY_REFUSED), strict=True))
    with dispatcher.engine.connect() as lease:
        kill_switch.lock(lease)
        with recording(dispatcher, sender, answers):
            rate_limiter.take(lease, rate_limiter.ENTITIES, 1)
            lease.commit()


@pytest.mark.database
def test_a_resume_locks_the_batches_of_its_source_as_a_gate_does(
    engines: tuple[Engine, Engine],
) -> None:
    """A gate holds the first of two batches when the second one, of the same source, is resumed."""
    first, second = sorted((uuid4(), uuid4()))
    dispatcher = ManualDispatcher(*engines, count=2, batch_id=first)
    dispatcher.announce(second, 2, tag="b")
    (account, *_) = dispatcher.rows("SELECT account_index FROM source WHERE batch_id = :b", b=first)
    with dispatcher.engine.begin() as connection:
        stop_sources(connection, [SourceStop(account.account_index, "no_funds", "no money")])

    def resume() -> None:
        with dispatcher.engine.begin() as connection:
            order_batch(connection, second, "resume", Order("anna", "mended"))

    with dispatcher.engine.connect() as gate, ThreadPoolExecutor(1) as threads:
        run(gate, "SELECT FROM batch WHERE batch_id = :b FOR SHARE", b=first)
        done = threads.submit(resume)
        assert wait_for(lambda: dispatcher.rows(WAITING)[0].waiting > 0, 10), "nothing waits"
        lock_gate(gate, [], clock_known=True)
        gate.commit()
        done.result()
    assert dispatcher.rows("SELECT 1 FROM source_stop") == []


class DeadlockOnce(OneCall):
    """A sender whose first record fails as PostgreSQL ends a deadlock."""

    failed = False

    def record_answers(self, connection: Any, answers: Sequence[tuple[Call, Answer]]) -> None:
        if not self.failed:
            self.failed = True
            raise OperationalError("", {}, Deadlock())
        super().record_answers(connection, answers)


class Deadlock(Exception):
    """psycopg2's error of a deadlock."""

    pgcode = "40P01"


def test_answers_are_kept_and_recorded_again_after_a_deadlock() -> None:
    stop = Stop()
    sender = DeadlockOnce(stop, 0.0)
    worker(sender, CountingProvider("http://provider", "sk_test", "2025-07-04", 1.0)).run(
        stop, lambda: None
    )
    assert [answer.status for answer in sender.answers] == [500]
