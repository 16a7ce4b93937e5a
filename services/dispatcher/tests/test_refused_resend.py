"""A refusal of a second send is no evidence while the first one is unanswered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.protocol import Answer, Step, Timing, Verdict, after_call
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.memory_provider import lost, refusing

REFUSALS = [
    (400, "INVALID_AMOUNT"),
    (400, "INVALID_SOURCE"),
    (401, ""),
    (404, "NOT_FOUND"),
    (422, "INVALID_DESTINATION"),
    (429, "TOO_MANY_REQUESTS"),
    (503, "IDEMPOTENCY_UNAVAILABLE"),
]


@given(st.sampled_from(list(Verdict)), st.integers(1, 9))
def test_nothing_but_an_acceptance_ends_an_attempt_with_an_unanswered_send(
    verdict: Verdict, unanswered_sends: int
) -> None:
    following = after_call(verdict, Answer(400), Timing(), unanswered_sends)
    if verdict is not Verdict.ACCEPTED:
        assert (following.status, following.attempt) == ("in_doubt", "open")
        assert following.step in (Step.RESEND, Step.LOOK_UP)
    assert following.stop_all == (verdict is Verdict.KEY_REFUSED)


def lose_first_send(dispatcher: ManualDispatcher) -> dict[str, object]:
    """The first request runs at the provider late; its answer is lost. Returns its payment."""
    (call,) = dispatcher.lease()
    dispatcher.record([(call, Answer(None))])
    answer = dispatcher.provider.accept(json.loads(call.body))
    dispatcher.pass_time(dispatcher.timing.resend_after_s + dispatcher.timing.lease_s)
    return dict(answer.data or {})


@pytest.mark.database
@pytest.mark.parametrize(("status", "sub_type"), REFUSALS)
def test_a_refused_resend_is_looked_up_and_the_first_send_is_found(
    dispatcher: ManualDispatcher, status: int, sub_type: str
) -> None:
    first = lose_first_send(dispatcher)
    dispatcher.provider.script = [refusing(status, sub_type)]
    assert dispatcher.turn() == 1
    assert dispatcher.payment.status == "in_doubt"
    dispatcher.pass_time(21 * 3_600)
    dispatcher.lookup.sweep()
    dispatcher.look_up(3)
    assert (dispatcher.payment.status, dispatcher.payment.provider_id) == ("pending", first["id"])
    assert len(dispatcher.alive()) == 1


@pytest.mark.database
def test_a_refusal_after_an_answered_send_is_evidence(dispatcher: ManualDispatcher) -> None:
    dispatcher.provider.script = [refusing(429), refusing(400, "INVALID_AMOUNT")]
    dispatcher.turn()
    dispatcher.pass_time(3_600)
    assert dispatcher.turn() == 1
    assert dispatcher.payment.status == "failed"


@pytest.mark.database
def test_an_answer_after_a_lost_one_does_not_clear_the_doubt(dispatcher: ManualDispatcher) -> None:
    dispatcher.provider.script = [lost, refusing(429), refusing(400, "INVALID_AMOUNT")]
    for _ in range(3):
        assert dispatcher.turn() == 1
        dispatcher.pass_time(3_600)
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")


@pytest.mark.database
def test_a_send_whose_worker_died_counts_as_unanswered(dispatcher: ManualDispatcher) -> None:
    dispatcher.lease()
    dispatcher.pass_time(3_600)
    dispatcher.provider.script = [refusing(400, "INVALID_AMOUNT")]
    assert dispatcher.turn() == 1
    assert (dispatcher.payment.status, dispatcher.payment.step) == ("in_doubt", "lookup")
