"""The provider as third witness: a machine restored whole pays nobody twice."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from libs.common.database.engine import run
from libs.common.recovery import quarantine
from services.dispatcher.domain.clocks import Moment
from services.dispatcher.domain.provider_walk import WALK_COUNTS_S, find_ours, still_counts
from services.dispatcher.recovery.steps import after_topics, before_topics
from services.dispatcher.store import kill_switch
from services.dispatcher.store.gate import lock_gate
from services.dispatcher.tests.factories import approvals
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.life import Life
from services.dispatcher.tests.memory_provider import lost
from services.dispatcher.tests.test_lookup import HOUR_S

COUNT = 6


def test_only_lines_of_our_own_form_are_ours() -> None:
    ids = {"batch_id": str(uuid4()), "payment_id": str(uuid4())}
    lines = [
        {"id": "pmt_1", "amount": 5, "metadata": {**ids, "attempt": "2"}},
        {"id": "pmt_2", "amount": 5, "metadata": {**ids, "attempt": "first"}},
        {"id": "pmt_3", "amount": 5, "metadata": {"payment_id": "7", "attempt": "1"}},
        {"id": "pmt_4", "amount": 5, "metadata": None},
        {"id": "pmt_5", "amount": 5, "metadata": {**ids, "attempt": "99999"}},
    ]
    assert [(one.provider_id, one.attempt) for one in find_ours(lines)] == [("pmt_1", 2)]


def test_a_walk_counts_for_half_a_day_and_until_time_passes_over_the_process() -> None:
    begun = Moment(0, 0, None)
    assert still_counts(begun, Moment(WALK_COUNTS_S - 1, WALK_COUNTS_S - 1, None))
    assert not still_counts(begun, Moment(WALK_COUNTS_S, WALK_COUNTS_S, None))
    assert not still_counts(begun, Moment(1, 1, None, generation=1))


def restore_whole(life: Life) -> None:
    """Database and topics come back together, three days later; keys are forgotten there."""
    life.restore()
    life.dispatcher.provider.stored.clear()
    assert life.provider.last_date is not None
    life.provider.last_date += timedelta(days=3)
    life.dispatcher.begin_process()


def release(life: Life) -> None:
    """Recover, and let two people release the database."""
    with life.engine.connect() as connection:
        row = quarantine.find_open(connection)
    assert row is not None
    before_topics(life.engine, row.first_outbox_id)
    first = row.first_outbox_id
    after_topics(life.engine, life.dispatcher.reader, life.fast_timing, first, approvals())
    quarantine.mark_recovered(life.engine)
    for person in ("anna", "adam"):
        with life.engine.begin() as connection:
            quarantine.release(connection, person, "looked", approver=True)
    with life.engine.begin() as connection:
        kill_switch.engage(connection, False, "adam", "looked")


@pytest.mark.database
def test_a_machine_restored_whole_sends_nothing_again(engines: tuple[Engine, Engine]) -> None:
    life = Life(engines)
    for happens in (Life.announce, Life.announce, Life.prepare, Life.copy):
        happens(life)
    while life.dispatcher.turn():
        pass
    assert len(life.dispatcher.alive()) == COUNT
    restore_whole(life)
    assert life.dispatcher.turn() == 0  # not before the provider was asked
    life.dispatcher.walker.walk()
    assert life.dispatcher.turn() == 0
    with life.engine.connect() as connection:
        assert quarantine.find_open(connection) is not None
    release(life)
    life.dispatcher.walker.retry_at = 0.0
    assert not life.dispatcher.walker.walk()  # all of it is bound: nothing is left to send
    assert life.dispatcher.turn() == 0
    assert len(life.dispatcher.alive()) == COUNT
    statuses = life.dispatcher.rows("SELECT status, provider_id FROM payment")
    assert {row.status for row in statuses} == {"pending"}
    assert len({row.provider_id for row in statuses}) == COUNT


@pytest.mark.database
def test_what_was_not_sent_before_is_sent_after_the_release(engines: tuple[Engine, Engine]) -> None:
    life = Life(engines)
    for happens in (Life.announce, Life.announce, Life.prepare, Life.copy):
        happens(life)
    assert life.dispatcher.turn(2) == 2
    restore_whole(life)
    life.dispatcher.walker.walk()
    release(life)
    life.dispatcher.walker.retry_at = 0.0
    assert life.dispatcher.walker.walk()
    assert sum(life.dispatcher.turn() for _ in range(3)) == COUNT - 2
    with life.engine.connect() as connection:  # what is known is found by no further walk
        assert quarantine.find_open(connection) is None
    assert len(life.dispatcher.alive()) == COUNT


@pytest.mark.database
def test_what_nobody_knows_after_a_recovery_quarantines_nothing_again(
    engines: tuple[Engine, Engine],
) -> None:
    life = Life(engines)
    for happens in (Life.announce, Life.prepare):
        happens(life)
    metadata = {"batch_id": str(uuid4()), "payment_id": str(uuid4()), "attempt": "1"}
    life.provider.accept({"amount": 5, "source": "acc_lost", "metadata": metadata})
    with life.engine.begin() as connection:
        quarantine.start(connection, "restored by hand")
    release(life)
    life.dispatcher.begin_process()
    assert life.dispatcher.walker.walk()
    (unknown,) = life.dispatcher.rows("SELECT payment_id FROM unknown_payment")
    assert str(unknown.payment_id) == metadata["payment_id"]


@pytest.mark.database
def test_an_open_attempt_that_ran_is_bound_before_it_is_sent_again(
    dispatcher: ManualDispatcher,
) -> None:
    (call,) = dispatcher.lease()
    answer = dispatcher.provider.accept(json.loads(call.body))
    dispatcher.pass_time(HOUR_S)
    dispatcher.begin_process()
    assert dispatcher.turn() == 0
    assert dispatcher.walker.walk()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == (
        "pending",
        (answer.data or {})["id"],
    )
    assert dispatcher.turn() == 0


@pytest.mark.database
def test_an_open_attempt_that_did_not_run_is_sent_again_after_the_walk(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [lost]
    dispatcher.turn()
    dispatcher.pass_time(HOUR_S)
    dispatcher.begin_process()
    assert dispatcher.walker.walk()
    assert dispatcher.turn() == 1
    assert len(dispatcher.alive()) == 1


@pytest.mark.database
def test_a_walk_that_is_cut_short_or_not_counted_lets_nothing_out(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.begin_process()
    dispatcher.provider.away = True
    assert not dispatcher.walker.walk()
    dispatcher.provider.away, dispatcher.provider.counted = False, False
    dispatcher.walker.retry_at = 0.0
    assert not dispatcher.walker.walk()
    assert dispatcher.turn() == 0
    dispatcher.provider.counted = True
    dispatcher.walker.retry_at = 0.0
    assert dispatcher.walker.walk()
    assert dispatcher.turn() == 1


@pytest.mark.database
def test_after_time_has_passed_over_the_process_the_provider_is_asked_again(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.clocks.generation += 1  # as a step of a clock does
    assert dispatcher.turn() == 0
    assert dispatcher.walker.walk()
    assert dispatcher.turn() == 1


@pytest.mark.database
def test_a_batch_that_was_never_started_costs_one_page(dispatcher: ManualDispatcher) -> None:
    dispatcher.begin_process()
    dispatcher.provider.listed.clear()
    assert dispatcher.walker.walk()
    assert len(dispatcher.provider.listed) == 1
    assert not dispatcher.walker.walk()
    assert len(dispatcher.provider.listed) == 1


@pytest.mark.database
def test_batches_that_have_ended_are_neither_walked_nor_locked(
    dispatcher: ManualDispatcher,
) -> None:
    """A batch that has ended keeps the state `paying`; a year of them must cost nothing."""
    dispatcher.rows(
        """
        UPDATE payment
        SET status = 'completed', approved_at = now() - interval '60 days'
        RETURNING 1"""
    )
    dispatcher.announce(uuid4(), 2, tag="b")
    dispatcher.rows(
        "UPDATE payment SET approved_at = now() WHERE status = 'unprocessed' RETURNING 1"
    )
    dispatcher.begin_process()
    assert dispatcher.provider.last_date is not None
    dispatcher.provider.listed.clear()
    assert dispatcher.walker.walk()
    two_days_ago = (dispatcher.provider.last_date - timedelta(days=2)).date().isoformat()
    assert dispatcher.provider.listed == [{"from_date": two_days_ago}]
    with dispatcher.engine.begin() as connection:
        gate = lock_gate(connection, (), clock_known=True)
    assert len(gate.batch_states) == 1
    assert dispatcher.turn() == 2


@pytest.mark.database
def test_a_payment_of_another_batch_that_nobody_knows_stops_everything(
    dispatcher: ManualDispatcher,
) -> None:
    metadata = {"batch_id": str(uuid4()), "payment_id": str(uuid4()), "attempt": "1"}
    dispatcher.provider.accept({"amount": 5, "source": "acc_lost", "metadata": metadata})
    dispatcher.begin_process()
    assert not dispatcher.walker.walk()
    assert dispatcher.turn() == 0
    with dispatcher.engine.begin() as connection:
        found = quarantine.find_open(connection)
        run(connection, "DELETE FROM unknown_payment")
    assert found is not None
    assert "does not know" in str(found.why)
