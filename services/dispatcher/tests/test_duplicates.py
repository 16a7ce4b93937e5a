"""Payments that are alive at the provider twice, or once though they have ended here."""

from typing import Any
from uuid import uuid4

import pytest

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_lookup import HOUR_S, executed, in_doubt_for_good

pytestmark = pytest.mark.database


@pytest.fixture
def twice(dispatcher: ManualDispatcher) -> tuple[ManualDispatcher, dict[str, Any], dict[str, Any]]:
    """Attempt 1 was absent three times, attempt 2 was accepted, and then attempt 1 turns up.

    (the dispatcher, the provider payment we are bound to, the late one)
    """
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    dispatcher.turn()
    return (
        dispatcher,
        dispatcher.provider.books[dispatcher.payment.provider_id],
        executed(dispatcher, 1),
    )


def search(dispatcher: ManualDispatcher) -> None:
    dispatcher.detector.searched_at = 0.0
    dispatcher.detector.search()


def test_the_one_we_are_not_bound_to_is_cancelled_while_it_is_pending(twice: Any) -> None:
    dispatcher, ours, late = twice
    search(dispatcher)
    assert (ours["status"], late["status"], dispatcher.payment.provider_id) == (
        "pending",
        "canceled",
        ours["id"],
    )
    assert "duplicate_cancel" in dispatcher.flags()


def test_what_has_gone_out_already_stays_and_ours_is_cancelled(twice: Any) -> None:
    dispatcher, ours, late = twice
    late["status"] = "processing"
    search(dispatcher)
    assert (ours["status"], late["status"]) == ("canceled", "processing")
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", late["id"])
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert dispatcher.payment.status == "pending"


def test_a_crash_between_binding_and_cancelling_is_mended_by_the_next_search(twice: Any) -> None:
    dispatcher, ours, late = twice
    late["status"] = "sent"
    dispatcher.detector.reader.call = lambda *_: (_ for _ in ()).throw(
        SystemExit
    )  # the power goes out
    with pytest.raises(SystemExit):
        search(dispatcher)
    del dispatcher.detector.reader.call
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("completed", late["id"])
    search(dispatcher)
    assert ours["status"] == "canceled"


def test_both_gone_out_is_an_alarm_and_nothing_is_touched(twice: Any) -> None:
    dispatcher, ours, late = twice
    ours["status"] = late["status"] = "sent"
    search(dispatcher)
    assert (dispatcher.payment.provider_id, dispatcher.flags()) == (ours["id"], ["duplicate"])


def test_where_the_bound_one_has_ended_the_payment_is_bound_to_the_other(twice: Any) -> None:
    dispatcher, ours, late = twice
    ours["status"] = "failed"
    search(dispatcher)
    assert (dispatcher.payment.status, dispatcher.payment.provider_id, late["status"]) == (
        "pending",
        late["id"],
        "pending",
    )


def test_it_is_noticed_days_after_the_first_attempt(twice: Any) -> None:
    dispatcher, _, late = twice
    with dispatcher.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE attempt SET provider_date = provider_date - interval '9 days' WHERE n = 1"
        )
    dispatcher.provider.listed.clear()
    search(dispatcher)
    first = dispatcher.rows(
        "SELECT CAST(min(provider_date) - interval '2 days' AS date) AS day FROM attempt"
    )[0].day
    assert [listed["from_date"] for listed in dispatcher.provider.listed] == [first.isoformat()]
    assert late["status"] == "canceled"


def test_before_it_is_sent_anew_the_one_that_turned_up_is_bound(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    late = executed(dispatcher, 1)
    assert dispatcher.payment.status == "unprocessed"
    search(dispatcher)
    assert (dispatcher.payment.status, dispatcher.payment.provider_id, dispatcher.turn()) == (
        "pending",
        late["id"],
        0,
    )


def test_a_cancelled_payment_that_turns_up_is_cancelled_there_as_well(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.order("cancel")
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "cancelled"
    late = executed(dispatcher, 1)
    search(dispatcher)
    assert late["status"] == "canceled"


def test_a_payment_of_other_money_is_never_bound(dispatcher: ManualDispatcher) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    executed(dispatcher, 1, amount=7)
    search(dispatcher)
    assert (dispatcher.payment.status, dispatcher.payment.provider_id, dispatcher.flags()) == (
        "unprocessed",
        None,
        ["duplicate"],
    )


def test_a_closed_batch_is_searched_every_night_and_a_late_one_is_found(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    dispatcher.provider.books[dispatcher.payment.provider_id]["status"] = "posted"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    dispatcher.rows("UPDATE batch SET status = 'completed' RETURNING 1")
    dispatcher.pass_time(60)
    assert dispatcher.taker.take()
    dispatcher.pass_time(HOUR_S)
    assert not dispatcher.taker.take()
    late = executed(dispatcher, 1)
    dispatcher.pass_time(24 * HOUR_S)
    assert dispatcher.taker.take()
    assert late["status"] == "canceled"
    assert len(dispatcher.published("statement-closed.v1")) == 2


def test_a_statement_that_is_cut_short_is_taken_again_also_of_a_closed_batch(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    dispatcher.provider.books[dispatcher.payment.provider_id]["status"] = "posted"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    dispatcher.rows(
        "UPDATE batch SET status = 'completed', statement_wanted_by = 'olga' RETURNING 1"
    )
    dispatcher.pass_time(60)
    dispatcher.provider.away = True
    assert not dispatcher.taker.take()
    dispatcher.provider.away = False
    dispatcher.pass_time(60)
    assert dispatcher.taker.take()
    (closed,) = dispatcher.published("statement-closed.v1")
    assert (closed["complete"], closed["lines"], closed["requested_by"]) == (True, 1, "olga")
    dispatcher.pass_time(60)
    assert not dispatcher.taker.take()


def test_a_statement_counts_dead_letters_and_survives_what_other_clients_write(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    line = dispatcher.provider.books[dispatcher.payment.provider_id]
    line["status"] = "posted"
    dispatcher.provider.accept({**line, "metadata": {"attempt": "first", "payment_id": 7}})
    dispatcher.provider.accept({"source": line["source"], "amount": "1.00"})
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    dispatcher.rows(
        """
        INSERT INTO dead_letter (
            consumer, topic, partition, message_offset, correlation, body, code, reason
        )
        VALUES ('c', 't', 0, 0, :b, '', 'event.unknown', 'r')
        RETURNING 1""",
        b=str(dispatcher.batch_id),
    )
    dispatcher.pass_time(60)
    assert dispatcher.taker.take()
    assert (
        dispatcher.published("statement-closed.v1")[0]["dead_letters"],
        len(dispatcher.published("statement-line.v1")),
    ) == (1, 3)


def test_where_neither_approval_nor_first_send_has_a_date_everything_is_read(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    dispatcher.rows("UPDATE attempt SET provider_date = NULL RETURNING 1")
    dispatcher.rows("UPDATE payment SET approved_at = NULL RETURNING 1")
    dispatcher.provider.listed.clear()
    search(dispatcher)
    assert [set(listed) for listed in dispatcher.provider.listed] == [{"source"}]


def test_lists_are_read_from_two_days_before_the_approval(dispatcher: ManualDispatcher) -> None:
    dispatcher.turn()
    dispatcher.rows("UPDATE payment SET approved_at = '2026-01-09T12:00Z' RETURNING 1")
    dispatcher.provider.listed.clear()
    search(dispatcher)
    assert [listed["from_date"] for listed in dispatcher.provider.listed] == ["2026-01-07"]


def test_a_list_that_is_refused_does_not_end_the_search_of_the_others(
    dispatcher: ManualDispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher.announce(uuid4(), 1, tag="b")
    while dispatcher.turn():
        pass
    reader, searched = dispatcher.detector.reader, list[str]()

    def refused(_path: str, params: dict[str, str]) -> tuple[list[Any], bool]:
        searched.append(params["source"])
        raise Unreachable(Answer(404))

    monkeypatch.setattr(reader, "all", refused)
    search(dispatcher)
    assert len(searched) == 2
