"""Statuses of the provider over time: returns, second debits, early webhooks, missed steps."""

from typing import Any
from uuid import uuid4

import pytest

from libs.common.contracts.events.provider import ProviderEventReceived
from services.dispatcher import consumers, metrics
from services.dispatcher.store import hints
from services.dispatcher.tests.factories import AT
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_lookup import HOUR_S
from services.dispatcher.tracking.unknown_payments import check_hints

pytestmark = pytest.mark.database
DAY_S = 24 * HOUR_S
RETURNED = {"sub_type": "PAYMENT_REJECTED_BY_DESTINATION_INSTITUTION", "message": "no such loan"}


def read_statuses(
    dispatcher: ManualDispatcher, *statuses: str, error: dict[str, Any] | None = None
) -> list[tuple[str, bool]]:
    """Read the provider's payment in each of these statuses.

    Returns our status, and whether a return is under way, after each reading.
    """
    found = []
    for status in statuses:
        dispatcher.provider.books[dispatcher.payment.provider_id] |= {
            "status": status,
            "error": error,
        }
        dispatcher.pass_time(DAY_S)
        dispatcher.poller.poll()
        found.append((dispatcher.payment.status, dispatcher.payment.return_under_way))
    return found


@pytest.fixture
def sent(dispatcher: ManualDispatcher) -> ManualDispatcher:
    assert dispatcher.turn() == 1
    return dispatcher


def test_failed_after_sent_is_reversed_with_the_providers_reason(sent: ManualDispatcher) -> None:
    assert read_statuses(sent, "processing", "sent") == [("pending", False), ("completed", False)]
    assert read_statuses(sent, "failed", error=RETURNED) == [("reversed", False)]
    assert (sent.payment.reason_code, sent.payment.reason) == (
        "payment_rejected_by_destination_institution",
        "no such loan",
    )
    last = sent.published("payment-changed.v1")[-1]
    assert (last["status"], last["provider_status"], last["version"]) == (
        "reversed",
        "failed",
        sent.payment.version,
    )


def test_a_second_debit_leaves_it_completed_and_it_is_never_payable_again(
    sent: ManualDispatcher,
) -> None:
    assert read_statuses(sent, "sent", "reversal_required", "reversal_processing", "settled") == [
        ("completed", False),
        ("completed", True),
        ("completed", True),
        ("completed", False),
    ]
    assert [r.live for r in sent.rows("SELECT live FROM payment_row")] == [True]
    assert sent.turn() == 0


def test_a_reversal_that_goes_through_is_reversed(sent: ManualDispatcher) -> None:
    assert read_statuses(sent, "posted", "reversal_processing", "reversed")[-1] == (
        "reversed",
        False,
    )


@pytest.mark.parametrize("reversal", ["reversal_required", "reversal_processing"])
def test_what_failed_while_it_was_to_be_reversed_came_back(
    sent: ManualDispatcher, reversal: str
) -> None:
    """The provider gives up the reversal: the payment failed after all, and is shown as that."""
    assert read_statuses(sent, "sent", reversal)[-1] == ("completed", True)
    assert read_statuses(sent, "failed", error=RETURNED) == [("reversed", False)]
    last = sent.published("payment-changed.v1")[-1]
    assert (last["status"], last["provider_status"], last["return_under_way"]) == (
        "reversed",
        "failed",
        False,
    )
    assert last["reason"] == "no such loan"
    assert sent.flags() == []  # nothing about it is unbelievable


def test_a_webhook_about_a_payment_that_is_not_ours_is_told_to_people(
    sent: ManualDispatcher,
) -> None:
    with sent.engine.begin() as connection:
        hints.record_hints(connection, {"pmt_stranger": "evt_1"})
    assert check_hints(sent.engine) == {"payments that webhooks name": ""}  # it may be early
    sent.rows("UPDATE hint SET at = at - interval '20 minutes' RETURNING 1")
    assert "pmt_stranger" in check_hints(sent.engine)["payments that webhooks name"]
    sent.rows("UPDATE hint SET at = at - interval '8 days' RETURNING 1")
    assert check_hints(sent.engine) == {"payments that webhooks name": ""}


def test_a_return_after_seventy_days_is_seen(sent: ManualDispatcher) -> None:
    read_statuses(sent, "posted")
    for _ in range(70):
        sent.pass_time(DAY_S)
        sent.poller.poll()
    assert read_statuses(sent, "failed", error=RETURNED) == [("reversed", False)]


def test_failed_frees_the_rows_for_a_child_and_reversed_does_not(sent: ManualDispatcher) -> None:
    read_statuses(sent, "failed", error=RETURNED)
    assert (sent.payment.status, [r.live for r in sent.rows("SELECT live FROM payment_row")]) == (
        "failed",
        [False],
    )


@pytest.mark.parametrize(
    ("before", "then"), [("sent", "pending"), ("failed", "sent"), ("settled", "reversed")]
)
def test_what_cannot_follow_is_flagged_and_changes_nothing(
    sent: ManualDispatcher, before: str, then: str
) -> None:
    ((status, _),) = read_statuses(sent, before, error=RETURNED)
    version = sent.payment.version
    sent.rows("UPDATE payment SET poll_due_at = now() RETURNING 1")
    assert read_statuses(sent, then) == [(status, False)]
    assert (sent.payment.version, sent.payment.provider_status, sent.flags()) == (
        version,
        before,
        ["impossible_status"],
    )


def test_other_money_at_the_provider_is_never_shown_as_paid(sent: ManualDispatcher) -> None:
    read_statuses(sent, "processing")
    sent.provider.books[sent.payment.provider_id]["amount"] += 1
    assert read_statuses(sent, "sent") == [("pending", False)]
    assert sent.flags() == ["impossible_status"]
    assert metrics.gauges(sent.engine)["payments_not_believed"]() == 1


def test_a_webhook_quicker_than_the_answer_is_not_lost(dispatcher: ManualDispatcher) -> None:
    (call,) = dispatcher.lease()
    answer, _ = dispatcher.provider.send(
        "POST", call.path, call.body.encode(), str(call.idempotency_key)
    )
    provider_id = str((answer.data or {})["id"])
    with dispatcher.engine.begin() as connection:
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
    dispatcher.record([(call, answer)])
    dispatcher.provider.books[provider_id]["status"] = "sent"
    dispatcher.poller.poll()  # at once, not in five minutes
    assert dispatcher.payment.status == "completed"
    assert dispatcher.published("payment-changed.v1")[-1]["evidence_id"].startswith("evt_1/")
