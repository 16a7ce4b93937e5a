"""What the provider says of a payment later, and in which order: returns, second debits, hints that are too early, missed steps."""

from typing import Any
from uuid import uuid4

import pytest

from libs.common.contracts.events.provider import ProviderEventReceived
from services.dispatcher import consumers
from services.dispatcher.tests.factories import AT
from services.dispatcher.tests.harness import Desk
from services.dispatcher.tests.test_lookup import HOUR_S

pytestmark = pytest.mark.database
DAY_S = 24 * HOUR_S
RETURNED = {"sub_type": "PAYMENT_REJECTED_BY_DESTINATION_INSTITUTION", "message": "no such loan"}


def goes(desk: Desk, *statuses: str, error: dict[str, Any] | None = None) -> list[tuple[str, bool]]:
    """The provider's payment goes through these, each of them read; (our status, whether a return is under way) after each."""
    found = []
    for status in statuses:
        desk.provider.books[desk.payment.provider_id] |= {"status": status, "error": error}
        desk.later(DAY_S)
        desk.follower.poll()
        found.append((desk.payment.status, desk.payment.return_under_way))
    return found


@pytest.fixture
def sent(desk: Desk) -> Desk:
    assert desk.turn() == 1
    return desk


def test_failed_after_sent_is_reversed_with_the_providers_reason(sent: Desk) -> None:
    assert goes(sent, "processing", "sent") == [("pending", False), ("completed", False)]
    assert goes(sent, "failed", error=RETURNED) == [("reversed", False)]
    assert (sent.payment.reason_code, sent.payment.reason) == (
        "payment_rejected_by_destination_institution",
        "no such loan",
    )
    last = sent.said("payment-changed.v1")[-1]
    assert (last["status"], last["provider_status"], last["version"]) == (
        "reversed",
        "failed",
        sent.payment.version,
    )


def test_a_second_debit_leaves_it_completed_and_it_is_never_payable_again(sent: Desk) -> None:
    assert goes(sent, "sent", "reversal_required", "reversal_processing", "settled") == [
        ("completed", False),
        ("completed", True),
        ("completed", True),
        ("completed", False),
    ]
    assert [r.live for r in sent.rows("SELECT live FROM payment_row")] == [True]
    assert sent.turn() == 0


def test_a_reversal_that_goes_through_is_reversed(sent: Desk) -> None:
    assert goes(sent, "posted", "reversal_processing", "reversed")[-1] == ("reversed", False)


def test_a_return_after_seventy_days_is_seen(sent: Desk) -> None:
    goes(sent, "posted")
    for _ in range(70):
        sent.later(DAY_S)
        sent.follower.poll()
    assert goes(sent, "failed", error=RETURNED) == [("reversed", False)]


def test_failed_frees_the_rows_for_a_child_and_reversed_does_not(sent: Desk) -> None:
    goes(sent, "failed", error=RETURNED)
    assert (sent.payment.status, [r.live for r in sent.rows("SELECT live FROM payment_row")]) == (
        "failed",
        [False],
    )


@pytest.mark.parametrize(
    ("before", "then"), [("sent", "pending"), ("failed", "sent"), ("settled", "reversed")]
)
def test_what_cannot_follow_is_flagged_and_changes_nothing(
    sent: Desk, before: str, then: str
) -> None:
    ((status, _),) = goes(sent, before, error=RETURNED)
    version = sent.payment.version
    sent.rows("UPDATE payment SET poll_due_at = now() RETURNING 1")
    assert goes(sent, then) == [(status, False)]
    assert (sent.payment.version, sent.payment.provider_status, sent.flags()) == (
        version,
        before,
        ["impossible_status"],
    )


def test_other_money_at_the_provider_is_never_shown_as_paid(sent: Desk) -> None:
    goes(sent, "processing")
    sent.provider.books[sent.payment.provider_id]["amount"] += 1
    assert goes(sent, "sent") == [("pending", False)]
    assert sent.flags() == ["impossible_status"]


def test_a_webhook_quicker_than_the_answer_is_not_lost(desk: Desk) -> None:
    (call,) = desk.claim()
    answer, _ = desk.provider.send("POST", call.path, call.body.encode(), str(call.idempotency_key))
    provider_id = str((answer.data or {})["id"])
    with desk.engine.begin() as connection:
        consumers.hints(
            connection,
            [
                ProviderEventReceived(
                    event_id=uuid4(),
                    occurred_at=AT,
                    provider_id=provider_id,
                    provider_event="evt_1",
                    webhook_type="payment.update",
                    received_at=AT,
                )
            ],
        )
    desk.settle([(call, answer)])
    desk.provider.books[provider_id]["status"] = "sent"
    desk.follower.poll()  # at once, not in five minutes
    assert desk.payment.status == "completed"
    assert desk.said("payment-changed.v1")[-1]["evidence_id"].startswith("evt_1/")
