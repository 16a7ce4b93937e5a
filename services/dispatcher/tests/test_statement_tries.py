"""A statement that was begun and not completed is taken again soon, also by night."""

import pytest

from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_lookup import HOUR_S

pytestmark = pytest.mark.database
MINUTE_S = 60.0


@pytest.fixture
def closed(dispatcher: ManualDispatcher) -> ManualDispatcher:
    """A closed batch with one statement; the next one is due by night, which has come."""
    dispatcher.turn()
    dispatcher.provider.books[dispatcher.payment.provider_id]["status"] = "posted"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    dispatcher.rows("UPDATE batch SET status = 'completed' RETURNING 1")
    dispatcher.pass_time(MINUTE_S)
    assert dispatcher.taker.take()
    dispatcher.pass_time(24 * HOUR_S)
    return dispatcher


def tries(dispatcher: ManualDispatcher) -> int:
    return int(dispatcher.rows("SELECT statement_tries FROM batch")[0].statement_tries)


def test_a_nightly_statement_that_is_cut_short_is_taken_again_after_ten_minutes(
    closed: ManualDispatcher,
) -> None:
    closed.provider.away = True
    assert not closed.taker.take()
    closed.provider.away = False
    closed.pass_time(9 * MINUTE_S)
    assert not closed.taker.take()
    closed.pass_time(2 * MINUTE_S)
    assert closed.taker.take()
    assert [one["complete"] for one in closed.published("statement-closed.v1")] == [True, True]
    closed.pass_time(6 * HOUR_S)
    assert (tries(closed), closed.taker.take()) == (0, False)


def test_one_whose_lists_are_not_complete_is_taken_again_as_well(closed: ManualDispatcher) -> None:
    closed.provider.counted = False
    assert closed.taker.take()
    closed.provider.counted = True
    closed.pass_time(11 * MINUTE_S)
    assert closed.taker.take()
    complete = [one["complete"] for one in closed.published("statement-closed.v1")]
    assert complete == [True, False, True]


def test_the_wait_doubles_while_the_provider_is_away_and_stays_below_six_hours(
    closed: ManualDispatcher,
) -> None:
    closed.provider.away = True
    waits, waited_m = [], 0
    for _ in range(1_500):
        begun = tries(closed)
        closed.taker.take()
        if tries(closed) > begun:
            waits.append(waited_m)
            waited_m = 0
        closed.pass_time(MINUTE_S)
        waited_m += 1
    assert waits == [0, 10, 20, 40, 80, 160, 320, 320, 320]
