"""A payment whose source is refused again and again, and presence as evidence at any time."""

import json

import pytest

from services.dispatcher.domain.protocol import ATTEMPTS_MAX
from services.dispatcher.store import source_stops, sources
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import refusing
from services.dispatcher.tests.test_lookup import executed, in_doubt_for_good

pytestmark = pytest.mark.database


def refuse(dispatcher: ManualDispatcher, times: int) -> None:
    for _ in range(times):
        dispatcher.provider.script = [refusing(400, "INSUFFICIENT_FUNDS")]
        assert dispatcher.turn() == 1
        dispatcher.order("resume")
        dispatcher.pass_time(60)


def test_after_fifty_refusals_people_decide_and_the_worker_goes_on(
    dispatcher: ManualDispatcher,
) -> None:
    refuse(dispatcher, ATTEMPTS_MAX)
    assert dispatcher.turn() == 0
    assert dispatcher.lookup.sweep()
    assert (dispatcher.payment.status, dispatcher.payment.reason_code) == (
        "held",
        "held_refused_often",
    )
    assert not dispatcher.lookup.sweep()


def test_refusals_are_no_re_keys(dispatcher: ManualDispatcher) -> None:
    refuse(dispatcher, 5)
    for _ in range(dispatcher.timing.rekeys_max):
        in_doubt_for_good(dispatcher)
        dispatcher.look_up(3)
        assert dispatcher.payment.status == "unprocessed"
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "held"


def test_a_live_payment_in_any_list_ends_the_doubt_before_the_grace(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    line = executed(dispatcher, 1)
    dispatcher.pass_time(dispatcher.timing.duplicates_every_s)
    dispatcher.detector.search()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", line["id"])


def test_a_payment_that_has_ended_there_is_left_to_the_look_up(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    executed(dispatcher, 1)["status"] = "failed"
    dispatcher.pass_time(dispatcher.timing.duplicates_every_s)
    dispatcher.detector.search()
    assert dispatcher.payment.status == "in_doubt"


def test_an_incomplete_walk_that_shows_only_an_ended_one_says_nothing(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    executed(dispatcher, 1)["status"] = "failed"
    dispatcher.provider.counted = False
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "in_doubt"
    dispatcher.provider.counted = True
    dispatcher.look_up(1)
    assert dispatcher.payment.status == "failed"


def test_a_source_that_a_worker_uses_just_now_is_left_to_it(dispatcher: ManualDispatcher) -> None:
    (call,) = dispatcher.lease()
    dispatcher.provider.accept(json.loads(call.body))
    dispatcher.detector.searched_at -= dispatcher.timing.duplicates_every_s
    dispatcher.detector.search()
    assert dispatcher.payment.status == "sending"


def test_the_stopped_sources_of_a_batch_that_has_ended_are_not_shown(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [refusing(400, "INSUFFICIENT_FUNDS")]
    dispatcher.turn()
    for status, count in (("paying", 1), ("completed_with_failures", 0), ("archived", 0)):
        dispatcher.rows("UPDATE batch SET status = :status RETURNING 1", status=status)
        with dispatcher.engine.connect() as connection:
            stopped = sources.list_stopped_since(connection, dispatcher.batch_id)
            assert len(stopped) == count
            assert all(since for _, since in stopped)
            assert source_stops.count_stopped(connection) == count  # so its alert ends as well
