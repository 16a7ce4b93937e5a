"""What people need to end a held payment: all evidence is kept, and no binding is a dead end."""

import json

import pytest

from services.dispatcher import commands
from services.dispatcher.commands import Order
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_lookup import HOUR_S, in_doubt_for_good

pytestmark = pytest.mark.database


def test_what_a_200_showed_that_was_not_what_was_sent_is_kept(dispatcher: ManualDispatcher) -> None:
    (call,) = dispatcher.lease()
    shown = {"id": "pmt_77", "amount": 5, "metadata": None}
    dispatcher.record([(call, Answer(200, shown, request_id="req_9"))])
    (flag,) = dispatcher.rows("SELECT kind, detail FROM flag")
    assert flag.kind == "mismatch"
    assert "req_9" in flag.detail
    kept = json.loads(flag.detail.partition(": ")[2])
    assert (kept["id"], kept["amount"], kept["metadata"]) == ("pmt_77", 5, None)


def test_a_payment_bound_to_a_mistyped_id_is_held_again(dispatcher: ManualDispatcher) -> None:
    for _ in range(dispatcher.timing.rekeys_max + 1):
        in_doubt_for_good(dispatcher)
        dispatcher.look_up(3)
    assert dispatcher.payment.status == "held"
    for person in ("anna", "adam"):
        with dispatcher.engine.begin() as connection:
            commands.order_held(
                connection,
                dispatcher.payment.payment_id,
                "bind",
                "pmt_typo",
                Order(person, "found by phone", approver=True),
            )
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", "pmt_typo")
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("held", None)
    assert dispatcher.payment.reason_code == "held_other_payment"


def test_a_payment_that_was_read_before_stays_bound_while_the_provider_does_not_find_it(
    dispatcher: ManualDispatcher,
) -> None:
    dispatcher.turn()
    bound = dispatcher.payment.provider_id
    dispatcher.provider.books = {}
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", bound)
