"""Clocks that are set while money is on its way: nothing is believed earlier, nothing waits on."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from libs.common.database.engine import run
from services.dispatcher.provider import rate_limiter
from services.dispatcher.store import rate_limits
from services.dispatcher.tests.harness import TIMES, BareDispatcher, ManualDispatcher
from services.dispatcher.tests.memory_provider import lost, refusing
from services.dispatcher.tests.test_lookup import HOUR_S
from services.dispatcher.tracking.set_back import SetBackTimes

pytestmark = pytest.mark.database
STEPS_H = [-48, -1, 1, 48]


def set_database_clock(dispatcher: BareDispatcher, hours: float) -> None:
    """Set the database's clock forward or back: all its times become older or younger."""
    interval = f"make_interval(secs => {hours * HOUR_S})"
    moved = [
        f"UPDATE {table} SET " + ", ".join(f"{c} = {c} - {interval}" for c in columns)
        for table, columns in TIMES.items()
    ]
    with dispatcher.owner.begin() as connection:
        for statement in (
            "ALTER TABLE attempt DISABLE TRIGGER attempt_is_frozen",
            *moved,
            "ALTER TABLE attempt ENABLE TRIGGER attempt_is_frozen",
        ):
            run(connection, statement)


@pytest.mark.parametrize("hours", STEPS_H)
def test_the_grace_is_neither_shorter_nor_longer_after_the_databases_clock_was_set(
    dispatcher: ManualDispatcher, hours: int
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    set_database_clock(dispatcher, hours)
    dispatcher.look_up(5)
    assert (dispatcher.payment.status, dispatcher.payment.looks) == ("in_doubt", 0)
    dispatcher.pass_time(dispatcher.timing.grace_s + 2 * HOUR_S)
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "unprocessed"


@pytest.mark.parametrize("hours", STEPS_H)
def test_the_grace_is_not_shorter_after_the_providers_clock_stepped(
    dispatcher: ManualDispatcher, hours: int
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    assert dispatcher.provider.last_date is not None
    dispatcher.provider.last_date += timedelta(hours=hours)
    dispatcher.look_up(5)
    assert (dispatcher.payment.status, dispatcher.payment.looks) == ("in_doubt", 0)


@pytest.mark.parametrize("hours", [-48, 48])
def test_look_ups_are_a_minute_apart_whatever_the_databases_clock_does(
    dispatcher: ManualDispatcher, hours: int
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    dispatcher.pass_time(dispatcher.timing.grace_s)
    for _ in range(4):
        dispatcher.lookup.look_up()
        set_database_clock(dispatcher, hours)
    assert (dispatcher.payment.status, dispatcher.payment.looks) == ("in_doubt", 1)


@pytest.mark.parametrize("hours", [-0.6, -1])
def test_a_resend_does_not_wait_longer_by_what_the_databases_clock_was_set_back(
    dispatcher: ManualDispatcher, hours: float
) -> None:
    dispatcher.provider.script = [lost]
    dispatcher.turn()
    set_database_clock(dispatcher, hours)
    clocks = dispatcher.provider.clocks
    set_back = SetBackTimes(dispatcher.engine, clocks, dispatcher.timing)
    assert set_back.bring_forward()
    assert not set_back.bring_forward(), "not again before a minute"
    sent = dispatcher.turn()  # the limiter's window begins anew
    dispatcher.pass_time(60)
    assert sent + dispatcher.turn() == 1


def test_what_waits_as_long_as_it_should_is_left_alone(dispatcher: ManualDispatcher) -> None:
    dispatcher.provider.script = [lost]
    dispatcher.turn()
    set_back = SetBackTimes(dispatcher.engine, dispatcher.provider.clocks, dispatcher.timing)
    assert not set_back.bring_forward()
    assert dispatcher.turn() == 0


@pytest.mark.parametrize("hours", [-48, -1])
@pytest.mark.parametrize("is_cut_short", [False, True])
def test_a_statement_does_not_wait_for_a_clock_that_was_set_back(
    dispatcher: ManualDispatcher, hours: int, is_cut_short: bool
) -> None:
    dispatcher.turn()
    dispatcher.provider.books[dispatcher.payment.provider_id]["status"] = "posted"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    if is_cut_short:
        dispatcher.pass_time(60)
        dispatcher.provider.away = True
        assert not dispatcher.taker.take()
        dispatcher.provider.away = False
    set_database_clock(dispatcher, hours)
    dispatcher.taker.take()  # the limiter's window begins anew
    dispatcher.pass_time(60)
    dispatcher.taker.take()
    assert [one["complete"] for one in dispatcher.published("statement-closed.v1")][:1] == [True]


@pytest.mark.parametrize("hours", STEPS_H)
def test_a_key_is_not_used_after_its_time_whatever_the_databases_clock_shows(
    dispatcher: ManualDispatcher, hours: int
) -> None:
    dispatcher.provider.script = [lost] * 9
    dispatcher.turn()
    set_database_clock(dispatcher, hours)
    dispatcher.pass_time(25 * HOUR_S)
    set_database_clock(dispatcher, -25)
    assert dispatcher.turn() == 0
    dispatcher.lookup.sweep()
    assert dispatcher.payment.step == "lookup"


def test_a_key_of_unknown_age_is_not_used_after_a_start(dispatcher: ManualDispatcher) -> None:
    dispatcher.provider.script = [lost]
    dispatcher.turn()
    dispatcher.pass_time(HOUR_S)
    dispatcher.begin_process()
    dispatcher.walker.walk()
    assert dispatcher.provider.last_date is not None
    dispatcher.provider.last_date -= timedelta(hours=30)  # it is behind the first send
    assert dispatcher.turn() == 0
    dispatcher.lookup.sweep()
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")


def test_after_a_start_the_grace_begins_anew(dispatcher: ManualDispatcher) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.begin_process()
    dispatcher.look_up(3)
    assert dispatcher.payment.looks == 0
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.look_up(1)
    assert dispatcher.payment.looks == 1


@pytest.mark.parametrize("hours", [-48, -1])
def test_new_payments_and_readings_do_not_wait_for_a_clock_that_was_set_back(
    engines: tuple[Engine, Engine], hours: int
) -> None:
    dispatcher = ManualDispatcher(*engines, count=2)
    dispatcher.turn(1)
    set_database_clock(dispatcher, hours)
    dispatcher.turn()  # the limiter's window begins anew
    dispatcher.pass_time(2 * HOUR_S)
    assert dispatcher.turn() == 1
    for line in dispatcher.alive():
        line["status"] = "posted"
    dispatcher.pass_time(12 * HOUR_S)
    dispatcher.poller.poll()
    assert {row.status for row in dispatcher.rows("SELECT status FROM payment")} == {"completed"}


@pytest.mark.parametrize("hours", [-48, -1, 48])
def test_the_limiter_sleeps_no_longer_than_its_window(
    dispatcher: ManualDispatcher, hours: int
) -> None:
    with dispatcher.engine.begin() as connection:
        rate_limiter.take(connection, rate_limiter.PAYMENTS, 1)
        rate_limits.close_tier(connection, rate_limiter.PAYMENTS, 90.0)
    set_database_clock(dispatcher, hours)
    with dispatcher.engine.begin() as connection:
        assert (rate_limiter.take(connection, rate_limiter.PAYMENTS, 1) == 0) == (hours < 0)
        tiers = {tier["tier"]: tier for tier in rate_limits.list_tiers(connection)}
    assert tiers[rate_limiter.PAYMENTS]["busy_s"] <= 61
    assert tiers[rate_limiter.PAYMENTS]["closed_s"] <= 91
    dispatcher.pass_time(92)
    with dispatcher.engine.begin() as connection:
        assert rate_limiter.take(connection, rate_limiter.PAYMENTS, 1) == 1
