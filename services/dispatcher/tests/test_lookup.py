"""Doubts and how they end, with the waits of production: the provider's list alone decides, and never too early."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from services.dispatcher import commands
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.tests.harness import Desk, lost, refusing

pytestmark = pytest.mark.database
HOUR_S = 3_600.0


def in_doubt_for_good(desk: Desk) -> None:
    """Attempt 1 was answered with a 500 that is stored, and its grace is over."""
    desk.provider.script = [refusing(500)]
    assert desk.turn() == 1
    assert (desk.payment.status, desk.payment.step) == ("in_doubt", "lookup")
    desk.later(desk.timing.grace_s)


def executed(desk: Desk, attempt: int, **changed: Any) -> dict[str, Any]:
    """The provider carries an attempt's frozen request out now, whatever was answered before."""
    body = desk.rows("SELECT body FROM attempt WHERE n = :n", n=attempt)[0].body
    answer = desk.provider.accept({**json.loads(body), **changed})
    assert answer.data is not None
    return desk.provider.books[str(answer.data["id"])]


def test_absent_three_times_a_minute_apart_after_the_grace_and_only_then_again(desk: Desk) -> None:
    desk.provider.script = [refusing(500)]
    desk.turn()
    for _ in range(5):
        desk.later(60)
        desk.follower.look_up()
        assert desk.payment.looks == 0
    desk.later(desk.timing.grace_s)
    desk.follower.look_up()
    desk.follower.look_up()  # not a minute later
    assert (desk.payment.status, desk.payment.looks) == ("in_doubt", 1)
    desk.look(2)
    assert (desk.payment.status, desk.payment.attempts) == ("unprocessed", 1)
    assert desk.turn() == 1
    assert (desk.payment.status, desk.payment.attempts, len(desk.alive())) == ("pending", 2, 1)


def test_a_person_who_orders_a_look_up_does_not_shorten_the_grace(desk: Desk) -> None:
    desk.provider.script = [refusing(500)]
    desk.turn()
    desk.rows("UPDATE payment SET due_at = now() RETURNING 1")
    desk.follower.look_up()
    assert (desk.payment.status, desk.payment.looks) == ("in_doubt", 0)


def test_a_walk_without_the_providers_total_says_nothing_of_absence(desk: Desk) -> None:
    in_doubt_for_good(desk)
    desk.provider.counted = False
    desk.look(5)
    assert (desk.payment.status, desk.payment.looks) == ("in_doubt", 0)


def test_an_earlier_attempt_that_turns_up_while_the_next_is_in_doubt_is_the_payment(
    desk: Desk,
) -> None:
    in_doubt_for_good(desk)
    desk.look(3)
    desk.provider.script = [refusing(500)]
    desk.turn()
    assert desk.payment.attempts == 2
    late = executed(desk, 1)
    desk.later(desk.timing.grace_s)
    desk.look(4)
    assert (desk.payment.status, desk.payment.provider_id, desk.payment.attempts) == (
        "pending",
        late["id"],
        2,
    )
    assert desk.turn() == 0
    assert [r.outcome for r in desk.rows("SELECT outcome FROM attempt ORDER BY n")] == [
        "accepted",
        "open",
    ]


def test_of_two_of_one_attempt_the_one_that_is_alive_is_adopted(desk: Desk) -> None:
    in_doubt_for_good(desk)
    alive = executed(desk, 1)
    executed(desk, 1)["status"] = "failed"
    desk.look()
    assert (desk.payment.status, desk.payment.provider_id) == ("pending", alive["id"])


def test_what_ends_at_the_provider_is_not_failed_while_an_earlier_attempt_is_alive(
    desk: Desk,
) -> None:
    in_doubt_for_good(desk)
    desk.look(3)
    desk.turn()
    bound, late = desk.provider.books[desk.payment.provider_id], executed(desk, 1)
    bound["status"] = "failed"
    desk.later(HOUR_S)
    desk.follower.poll()
    assert desk.payment.status == "in_doubt"
    desk.look()
    assert (desk.payment.status, desk.payment.provider_id) == ("pending", late["id"])
    assert "failed" not in {e["status"] for e in desk.said("payment-changed.v1")}


def test_what_ends_at_the_provider_without_another_is_failed_with_its_reason(desk: Desk) -> None:
    in_doubt_for_good(desk)
    desk.look(3)
    desk.turn()
    desk.provider.books[desk.payment.provider_id] |= {
        "status": "failed",
        "error": {"sub_type": "PAYMENT_INVALID_ACCOUNT", "message": "closed"},
    }
    desk.later(HOUR_S)
    desk.follower.poll()
    desk.look()
    assert (desk.payment.status, desk.payment.reason_code, desk.payment.reason) == (
        "failed",
        "payment_invalid_account",
        "closed",
    )


def test_other_money_is_held_and_cannot_be_closed_as_not_sent_until_it_has_ended_there(
    desk: Desk,
) -> None:
    in_doubt_for_good(desk)
    other = executed(desk, 1, amount=99_999)
    desk.look()
    assert (desk.payment.status, desk.payment.reason_code) == ("held", "held_other_money")
    other["status"] = "canceled"
    for person in ("anna", "adam"):
        with desk.engine.begin() as connection:
            commands.held(
                connection,
                desk.payment.payment_id,
                "look-up",
                "",
                commands.Order(person, "ended there", approver=True),
            )
    desk.look()
    assert (desk.payment.status, desk.payment.provider_status) == ("failed", "canceled")


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_that_was_stored_and_is_replayed_leads_to_a_look_up_and_a_new_key(
    desk: Desk, status: int
) -> None:
    code = "IDEMPOTENCY_UNAVAILABLE" if status == 503 else "TOO_MANY_REQUESTS"
    answers = [Answer(status, None, code), Answer(status, None, code, replayed=True)]
    for answer in answers:
        desk.later(HOUR_S)
        desk.settle([(call, answer) for call in desk.claim()])
    assert (desk.payment.status, desk.payment.step) == ("in_doubt", "lookup")
    desk.later(desk.timing.grace_s)
    desk.look(3)
    desk.later(HOUR_S)
    assert desk.turn() == 1
    keys = [
        str(r.idempotency_key) for r in desk.rows("SELECT idempotency_key FROM attempt ORDER BY n")
    ]
    assert (desk.payment.status, len(set(keys)), len(desk.alive())) == ("pending", 2, 1)


def test_a_lost_answer_is_asked_for_with_the_same_key_not_before_five_minutes_and_not_after_twenty_hours(
    desk: Desk,
) -> None:
    desk.provider.script = [lost]
    desk.turn()
    desk.later(200)
    assert desk.turn() == 0
    desk.provider.script = [lost]
    desk.later(200)
    assert desk.turn() == 1
    desk.later(21 * HOUR_S)
    assert desk.turn() == 0
    desk.follower.sweep()
    assert (
        desk.payment.status,
        desk.payment.step,
        len({key for _, _, key in desk.provider.calls}),
    ) == ("in_doubt", "lookup", 1)


def test_an_answer_under_a_lapsed_lease_is_dropped_and_the_newer_owner_gets_the_same(
    desk: Desk,
) -> None:
    (frozen,) = desk.claim()
    desk.later(desk.timing.timeout_s + 10 + desk.timing.resend_after_s)
    (call,) = desk.claim()
    assert (call.idempotency_key, call.body, call.fence) == (
        frozen.idempotency_key,
        frozen.body,
        frozen.fence + 1,
    )
    desk.settle([(frozen, Answer(400, None, "INVALID_AMOUNT"))])
    assert desk.payment.status == "sending"
    desk.settle(
        [
            (
                call,
                desk.provider.send(
                    "POST", call.path, call.body.encode(), str(call.idempotency_key)
                )[0],
            )
        ]
    )
    assert (desk.payment.status, len(desk.alive())) == ("pending", 1)


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
    desk: Desk, broken: dict[str, Any]
) -> None:
    desk.provider.script = [
        lambda body: replace(
            good := desk.provider.accept({**body, "amount": 5}),
            data={**(good.data or {}), **body, **broken},
        )
    ]
    desk.turn()
    assert (desk.payment.status, desk.payment.step) == ("in_doubt", "lookup")
    assert len(desk.rows("SELECT 1 FROM source_stop")) == 1
    desk.provider.books = {}
    desk.later(desk.timing.grace_s)
    desk.look(4)
    assert desk.payment.status == "held"
    assert len(desk.rows("SELECT 1 FROM attempt")) == 1


def test_a_provider_that_is_away_is_asked_by_one_call_at_a_time(
    engines: tuple[Engine, Engine],
) -> None:
    desk = Desk(*engines, count=60)
    desk.provider.script = [lost] * 1_000
    sent = sum(desk.turn(4) for _ in range(20))
    assert sent <= 12
    desk.later(desk.timing.later_s)
    assert desk.turn(4) == 1
    desk.provider.script = []
    desk.later(desk.timing.later_s)
    assert desk.turn(4) == 1  # it is back
    assert desk.turn(4) == 4
