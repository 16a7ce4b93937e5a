"""Look-ups with the waits of production: the provider's list alone decides, never too early."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from services.dispatcher import commands
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import lost, refusing

pytestmark = pytest.mark.database
HOUR_S = 3_600.0


def in_doubt_for_good(dispatcher: ManualDispatcher) -> None:
    """Attempt 1 was answered with a 500 that is stored, and its grace is over."""
    dispatcher.provider.script = [refusing(500)]
    assert dispatcher.turn() == 1
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")
    dispatcher.pass_time(dispatcher.timing.grace_s)


def executed(dispatcher: ManualDispatcher, attempt: int, **changed: Any) -> dict[str, Any]:
    """The provider carries an attempt's frozen request out now, whatever was answered before."""
    body = dispatcher.rows("SELECT body FROM attempt WHERE n = :n", n=attempt)[0].body
    answer = dispatcher.provider.accept({**json.loads(body), **changed})
    assert answer.data is not None
    return dispatcher.provider.books[str(answer.data["id"])]


def test_absent_three_times_a_minute_apart_after_the_grace_and_only_then_sent_again(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    for _ in range(5):
        dispatcher.pass_time(60)
        dispatcher.lookup.look_up()
        assert dispatcher.payment.looks == 0
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.lookup.look_up()
    dispatcher.lookup.look_up()  # not a minute later
    assert (dispatcher.payment.status, dispatcher.payment.looks) == ("in_doubt", 1)
    dispatcher.look_up(2)
    assert (dispatcher.payment.status, dispatcher.payment.attempts) == ("unprocessed", 1)
    assert dispatcher.turn() == 1
    assert (dispatcher.payment.status, dispatcher.payment.attempts, len(dispatcher.alive())) == (
        "pending",
        2,
        1,
    )


def test_a_person_who_orders_a_look_up_does_not_shorten_the_grace(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    dispatcher.rows("UPDATE payment SET due_at = now() RETURNING 1")
    dispatcher.lookup.look_up()
    assert (dispatcher.payment.status, dispatcher.payment.looks) == ("in_doubt", 0)


def test_a_walk_without_the_providers_total_says_nothing_of_absence(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.provider.counted = False
    dispatcher.look_up(5)
    assert (dispatcher.payment.status, dispatcher.payment.looks) == ("in_doubt", 0)


def test_an_earlier_attempt_that_turns_up_while_the_next_is_in_doubt_is_the_payment(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    dispatcher.provider.script = [refusing(500)]
    dispatcher.turn()
    assert dispatcher.payment.attempts == 2
    late = executed(dispatcher, 1)
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.look_up(4)
    assert (
        dispatcher.payment.status,
        dispatcher.payment.provider_id,
        dispatcher.payment.attempts,
    ) == (
        "pending",
        late["id"],
        2,
    )
    assert dispatcher.turn() == 0
    assert [r.outcome for r in dispatcher.rows("SELECT outcome FROM attempt ORDER BY n")] == [
        "accepted",
        "open",
    ]


def test_of_two_of_one_attempt_the_one_that_is_alive_is_adopted(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    alive = executed(dispatcher, 1)
    executed(dispatcher, 1)["status"] = "failed"
    dispatcher.look_up()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", alive["id"])


def test_what_ends_at_the_provider_is_not_failed_while_an_earlier_attempt_is_alive(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    dispatcher.turn()
    bound, late = dispatcher.provider.books[dispatcher.payment.provider_id], executed(dispatcher, 1)
    bound["status"] = "failed"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert dispatcher.payment.status == "in_doubt"
    dispatcher.look_up()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", late["id"])
    assert "failed" not in {e["status"] for e in dispatcher.published("payment-changed.v1")}


def test_what_ends_at_the_provider_without_another_is_failed_with_its_reason(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(3)
    dispatcher.turn()
    dispatcher.provider.books[dispatcher.payment.provider_id] |= {
        "status": "failed",
        "error": {"sub_type": "PAYMENT_INVALID_ACCOUNT", "message": "closed"},
    }
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    dispatcher.look_up()
    assert (
        dispatcher.payment.status,
        dispatcher.payment.reason_code,
        dispatcher.payment.reason,
    ) == (
        "failed",
        "payment_invalid_account",
        "closed",
    )


def test_other_money_is_held_and_cannot_be_closed_as_not_sent_until_it_has_ended_there(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    other = executed(dispatcher, 1, amount=99_999)
    dispatcher.look_up()
    assert (dispatcher.payment.status, dispatcher.payment.reason_code) == (
        "held",
        "held_other_money",
    )
    other["status"] = "canceled"
    for person in ("anna", "adam"):
        with dispatcher.engine.begin() as connection:
            commands.order_held(
                connection,
                dispatcher.payment.payment_id,
                "look-up",
                "",
                commands.Order(person, "ended there", approver=True),
            )
    dispatcher.look_up()
    assert (dispatcher.payment.status, dispatcher.payment.provider_status) == ("failed", "canceled")


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_that_was_stored_and_is_replayed_leads_to_a_look_up_and_a_new_key(
    dispatcher: ManualDispatcher, status: int
) -> None:
    code = "IDEMPOTENCY_UNAVAILABLE" if status == 503 else "TOO_MANY_REQUESTS"
    answers = [Answer(status, None, code), Answer(status, None, code, replayed=True)]
    for answer in answers:
        dispatcher.pass_time(HOUR_S)
        dispatcher.record([(call, answer) for call in dispatcher.lease()])
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.look_up(3)
    dispatcher.pass_time(HOUR_S)
    assert dispatcher.turn() == 1
    keys = [
        str(r.idempotency_key)
        for r in dispatcher.rows("SELECT idempotency_key FROM attempt ORDER BY n")
    ]
    assert (dispatcher.payment.status, len(set(keys)), len(dispatcher.alive())) == ("pending", 2, 1)


def test_a_lost_answer_is_asked_for_again_not_before_five_minutes_nor_after_twenty_hours(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.provider.script = [lost]
    dispatcher.turn()
    dispatcher.pass_time(200)
    assert dispatcher.turn() == 0
    dispatcher.provider.script = [lost]
    dispatcher.pass_time(200)
    assert dispatcher.turn() == 1
    dispatcher.pass_time(21 * HOUR_S)
    assert dispatcher.turn() == 0
    dispatcher.lookup.sweep()
    assert (
        dispatcher.payment.status,
        dispatcher.payment.step,
        len({key for _, _, key in dispatcher.provider.calls}),
    ) == ("in_doubt", "lookup", 1)


def test_an_answer_under_a_lapsed_lease_is_dropped_and_the_newer_owner_gets_the_same(
    dispatcher: ManualDispatcher,
) -> None:
    (frozen,) = dispatcher.lease()
    dispatcher.pass_time(dispatcher.timing.timeout_s + 10 + dispatcher.timing.resend_after_s)
    (call,) = dispatcher.lease()
    assert (call.idempotency_key, call.body, call.fence) == (
        frozen.idempotency_key,
        frozen.body,
        frozen.fence + 1,
    )
    dispatcher.record([(frozen, Answer(400, None, "INVALID_AMOUNT"))])
    assert dispatcher.payment.status == "sending"
    dispatcher.record(
        [
            (
                call,
                dispatcher.provider.send(
                    "POST", call.path, call.body.encode(), str(call.idempotency_key)
                )[0],
            )
        ]
    )
    assert (dispatcher.payment.status, len(dispatcher.alive())) == ("pending", 1)


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": 1},
        {"source": "acc_other"},
        {"destination": "acc_other"},
        {"metadata": None},
        {"metadata": {"payment_id": "x"}},
        {"id": "acc_1"},
        {"id": None},
    ],
)
def test_a_200_that_is_not_what_was_sent_stops_the_source_and_is_never_sent_anew(
    dispatcher: ManualDispatcher, broken: dict[str, Any]
) -> None:
    dispatcher.provider.script = [
        lambda body: replace(
            good := dispatcher.provider.accept({**body, "amount": 5}),
            data={**(good.data or {}), **body, **broken},
        )
    ]
    dispatcher.turn()
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")
    assert len(dispatcher.rows("SELECT 1 FROM source_stop")) == 1
    dispatcher.provider.books = {}
    dispatcher.pass_time(dispatcher.timing.grace_s)
    dispatcher.look_up(4)
    assert dispatcher.payment.status == "held"
    assert len(dispatcher.rows("SELECT 1 FROM attempt")) == 1


def test_a_provider_that_is_away_is_asked_by_one_call_at_a_time(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = ManualDispatcher(*engines, count=60)
    dispatcher.provider.script = [lost] * 1_000
    sent = sum(dispatcher.turn(4) for _ in range(20))
    assert sent <= 12
    dispatcher.pass_time(dispatcher.timing.later_s)
    assert dispatcher.turn(4) == 1
    dispatcher.provider.script = []
    dispatcher.pass_time(dispatcher.timing.later_s)
    assert dispatcher.turn(4) == 1  # it is back
    assert dispatcher.turn(4) == 4


def test_a_payment_without_a_linked_account_is_looked_up_all_the_same(
    dispatcher: ManualDispatcher,
) -> None:
    """As after a restore. Else twenty of them would keep everybody's look-ups waiting."""
    in_doubt_for_good(dispatcher)
    dispatcher.rows("UPDATE payment SET destination_object = NULL RETURNING 1")
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "unprocessed"


def test_what_the_provider_accepted_once_is_never_believed_absent(
    dispatcher: ManualDispatcher,
) -> None:
    """An attempt that was found by a look-up is accepted, though its answer was a 500."""
    in_doubt_for_good(dispatcher)
    line = executed(dispatcher, 1)
    dispatcher.look_up()
    assert dispatcher.payment.status == "pending"
    del dispatcher.provider.books[line["id"]]  # its list no longer shows it
    dispatcher.rows(
        "UPDATE payment SET status = 'in_doubt', step = 'lookup', looks = 0 RETURNING 1"
    )
    dispatcher.look_up(3)
    assert dispatcher.payment.status == "held"


def test_after_walks_were_cut_short_the_waits_between_look_ups_count_anew(
    dispatcher: ManualDispatcher,
) -> None:
    in_doubt_for_good(dispatcher)
    dispatcher.look_up(2)
    dispatcher.provider.counted = False
    dispatcher.look_up()
    dispatcher.provider.counted = True
    dispatcher.look_up()
    assert dispatcher.payment.looks == 1
    dispatcher.age_rows(HOUR_S)  # the database's clock alone
    dispatcher.lookup.look_up()
    assert dispatcher.payment.looks == 1
