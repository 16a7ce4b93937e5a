"""The same answers recorded again: the reply to a commit may be lost, and nothing goes back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.claims import Claim, may_record
from services.dispatcher.domain.protocol import Answer
from services.dispatcher.handlers import Evidence
from services.dispatcher.store import payments
from services.dispatcher.store.payment_changes import ChangedMeanwhile, apply_changes
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import refusing
from services.dispatcher.tests.test_lookup import HOUR_S
from services.dispatcher.tracking.lookup import adopt


@given(st.integers(0, 3), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_an_answer_is_recorded_only_under_its_own_attempt_and_fence(
    fence: int, attempt: int, call_fence: int, call_attempt: int
) -> None:
    for status in ("sending", "in_doubt"):
        assert may_record(Claim(status, attempt, fence), call_attempt, call_fence) == (
            (fence, attempt) == (call_fence, call_attempt)
        )
    for status in ("unprocessed", "pending", "completed", "failed", "held", "cancelled"):
        assert not may_record(Claim(status, attempt, fence), attempt, fence)


@pytest.mark.database
def test_a_completed_payment_stays_completed(dispatcher: ManualDispatcher) -> None:
    answers = [(call, dispatcher.send(call)) for call in dispatcher.lease()]
    dispatcher.record(answers)
    dispatcher.provider.books[dispatcher.payment.provider_id]["status"] = "posted"
    dispatcher.pass_time(HOUR_S)
    dispatcher.poller.poll()
    completed = dispatcher.payment
    assert completed.status == "completed"
    dispatcher.record(answers)
    assert dispatcher.payment == completed


@pytest.mark.database
@pytest.mark.parametrize("status", [None, 400, 404, 429, 500, 503])
def test_a_second_recording_changes_nothing(
    dispatcher: ManualDispatcher, status: int | None
) -> None:
    code = "IDEMPOTENCY_UNAVAILABLE" if status == 503 else "INVALID_SOURCE"
    answers = [(call, Answer(status, None, code)) for call in dispatcher.lease()]
    dispatcher.record(answers)
    payment, attempts = dispatcher.payment, dispatcher.rows("SELECT * FROM attempt")
    dispatcher.record(answers)
    assert (dispatcher.payment, dispatcher.rows("SELECT * FROM attempt")) == (payment, attempts)


@pytest.mark.database
def test_a_late_answer_does_not_end_a_look_up(dispatcher: ManualDispatcher) -> None:
    (call,) = dispatcher.lease()
    dispatcher.pass_time(21 * HOUR_S)
    dispatcher.lookup.sweep()
    dispatcher.record([(call, refusing(400, "INVALID_AMOUNT")({}))])
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")


@pytest.mark.database
def test_a_write_from_a_row_that_has_changed_is_refused(dispatcher: ManualDispatcher) -> None:
    (call,) = dispatcher.lease()
    with dispatcher.engine.begin() as connection:
        old = payments.lock_payments(connection, [call.subject_id])[call.subject_id]
    line = (dispatcher.provider.accept(json.loads(call.body))).data or {}
    dispatcher.record([(call, Answer(500))])
    with pytest.raises(ChangedMeanwhile), dispatcher.engine.begin() as connection:
        apply_changes(connection, [adopt(connection, old, line, Evidence("lookup", "late"))])
