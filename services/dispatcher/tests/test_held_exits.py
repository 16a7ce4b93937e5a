"""Every held payment has an exit by two people, whatever has become of its money."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.statuses import PAID_ELSEWHERE
from services.dispatcher import commands, published_states
from services.dispatcher.commands import HeldAct, Order, Refused
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import lost
from services.dispatcher.tests.test_commands import decide, hold
from services.dispatcher.tests.test_lookup import HOUR_S, executed, in_doubt_for_good

pytestmark = pytest.mark.database


def propose(dispatcher: ManualDispatcher, act: HeldAct, person: str) -> str:
    with dispatcher.engine.begin() as connection:
        order = Order(person, "check 4711", approver=person == "appy")
        return commands.order_held(connection, dispatcher.payment.payment_id, act, "", order)


def test_a_payment_whose_money_went_another_way_is_closed_by_two_people_and_never_sent_again(
    dispatcher: ManualDispatcher,
) -> None:
    hold(dispatcher)
    assert propose(dispatcher, "paid-elsewhere", "prea") == "proposed"
    assert propose(dispatcher, "paid-elsewhere", "appy") == "done"
    payment = dispatcher.payment
    assert (payment.status, payment.reason_code) == ("cancelled", PAID_ELSEWHERE)
    event = dispatcher.published("payment-changed.v1")[-1]
    assert (event["reason"], event["by"], event["evidence_kind"]) == (
        "check 4711",
        "prea, appy",
        "person",
    )
    (decision,) = dispatcher.rows("SELECT * FROM held_decision")
    assert (decision.act, decision.money) == ("close", PAID_ELSEWHERE)
    (row,) = dispatcher.rows("SELECT live FROM payment_row")
    assert row.live  # no child batch may pay it
    dispatcher.pass_time(HOUR_S)
    sent = len(dispatcher.provider.calls)
    assert dispatcher.turn() == 0
    assert len(dispatcher.provider.calls) == sent


def test_the_database_keeps_the_rows_of_what_was_paid_by_other_means(
    dispatcher: ManualDispatcher,
) -> None:
    hold(dispatcher)
    decide(dispatcher, "paid-elsewhere")
    with (
        pytest.raises(DBAPIError, match="paid by other means"),
        dispatcher.engine.begin() as connection,
    ):
        connection.execute(text("UPDATE payment_row SET live = false"))


def test_the_provider_has_it_with_other_money_that_went_out_and_it_still_has_an_exit(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    other = executed(dispatcher, 1, amount=99_999)
    other["status"] = "posted"
    dispatcher.look_up()
    assert dispatcher.payment.reason_code == "held_other_money"
    decide(dispatcher, "bind", other["id"])
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.reason_code) == (
        "held",
        "held_other_money",
    )
    with pytest.raises(Refused):  # a failed binding does not open the way to a second payment
        decide(dispatcher, "close")
    decide(dispatcher, "paid-elsewhere")
    assert dispatcher.payment.reason_code == PAID_ELSEWHERE


def without_metadata(dispatcher: ManualDispatcher, **more: Any) -> dict[str, Any]:
    """Send a payment that the provider accepts without keeping its metadata, until it is held."""
    shown: dict[str, Any] = {}

    def forgetful(body: dict[str, Any]) -> Answer:
        answer = dispatcher.provider.accept({**body, "metadata": None, **more})
        shown.update(answer.data or {})
        return answer

    dispatcher.provider.script = [forgetful]
    dispatcher.turn()
    dispatcher.pass_time(HOUR_S)
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "held"
    return dispatcher.provider.books[shown["id"]]


def test_a_payment_whose_metadata_the_provider_lost_is_bound_by_its_id_and_ends_as_paid(
    dispatcher: ManualDispatcher,
) -> None:
    line = without_metadata(dispatcher)
    (attempt,) = dispatcher.rows("SELECT message, http_status FROM attempt")
    assert (attempt.http_status, line["id"] in attempt.message) == (200, True)
    line["status"] = "posted"
    decide(dispatcher, "bind", line["id"])
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("completed", line["id"])
    dispatcher.pass_time(HOUR_S)
    assert dispatcher.taker.take()
    (listed,) = dispatcher.published("statement-line.v1")
    assert listed["payment_id"] == str(dispatcher.payment.payment_id)


def test_a_line_without_metadata_and_with_other_money_is_not_this_payment(
    dispatcher: ManualDispatcher,
) -> None:
    line = without_metadata(dispatcher, amount=5)
    decide(dispatcher, "bind", line["id"])
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.reason_code) == (
        "held",
        "held_other_payment",
    )


def test_two_people_take_back_a_binding_that_the_provider_never_answers_about(
    dispatcher: ManualDispatcher,
) -> None:
    hold(dispatcher)
    decide(dispatcher, "bind", "pmt_typo")
    assert propose(dispatcher, "unbind", "prea") == "proposed"
    assert dispatcher.payment.status == "pending"
    assert propose(dispatcher, "unbind", "appy") == "done"
    payment = dispatcher.payment
    assert (payment.status, payment.provider_id, payment.reason_code) == (
        "held",
        None,
        "held_unbound",
    )
    assert "pmt_typo" in payment.reason
    (kept,) = dispatcher.rows("SELECT * FROM unbinding")
    assert (kept.provider_id, kept.proposed_by, kept.confirmed_by) == ("pmt_typo", "prea", "appy")
    right = executed(dispatcher, 1)
    decide(dispatcher, "bind", right["id"])
    dispatcher.poller.poll()
    assert dispatcher.payment.provider_id == right["id"]


def test_a_payment_that_the_provider_has_lost_can_be_taken_back(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    dispatcher.provider.books = {}
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    decide(dispatcher, "unbind")
    assert dispatcher.payment.status == "held"
    decide(dispatcher, "look-up")
    dispatcher.pass_time(HOUR_S)
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "held"  # it was accepted once, so it is never sent again


def test_a_payment_that_we_sent_and_that_is_there_is_not_unbound(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    with pytest.raises(Refused):
        decide(dispatcher, "unbind")
    assert dispatcher.payment.status == "pending"


def test_an_answer_that_came_too_late_is_shown_to_who_decides(
    dispatcher: ManualDispatcher,
) -> None:
    (call,) = dispatcher.lease()
    dispatcher.record([(call, lost({}))])
    for late in (call, call):
        dispatcher.record([(late, Answer(200, {"id": "pmt_late"}, request_id="req_7"))])
    (flag,) = dispatcher.rows("SELECT kind, detail FROM flag")
    assert flag.kind == "late_answer"
    assert "pmt_late" in flag.detail
    assert "req_7" in flag.detail


def test_an_answer_that_is_recorded_twice_is_no_finding(dispatcher: ManualDispatcher) -> None:
    (call,) = dispatcher.lease()
    answer = dispatcher.send(call)
    for _ in range(2):
        dispatcher.record([(call, answer)])
    assert dispatcher.flags() == []


def test_after_a_restore_it_is_known_that_it_was_paid_by_other_means(
    dispatcher: ManualDispatcher,
) -> None:
    hold(dispatcher)
    held = dispatcher.payment
    decide(dispatcher, "paid-elsewhere")
    event = dispatcher.published("payment-changed.v1")[-1]
    state = PaymentChanged.model_validate(event)
    assert published_states.decision_before(held, state).money == PAID_ELSEWHERE
