"""The table of answers row by row, and what follows an answer and a look-up."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.protocol import (
    Answer,
    Found,
    Step,
    Timing,
    Verdict,
    after_call,
    after_lookup,
    classify,
)

EXPECTED: Mapping[str, Any] = {"amount": 938, "metadata": {"payment_id": "p", "attempt": "1"}}
GOOD = {"id": "pmt_1", **EXPECTED}
T = Timing()


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, GOOD), Verdict.ACCEPTED),
        (Answer(200, {**GOOD, "amount": 939}), Verdict.MISMATCH),
        (Answer(200, {**GOOD, "metadata": None}), Verdict.MISMATCH),
        (Answer(200, None), Verdict.MISMATCH),
        (Answer(200, {"id": "acc_1"}), Verdict.MISMATCH),
        (Answer(400, None, "INVALID_AMOUNT"), Verdict.REFUSED),
        (Answer(422, None, "INVALID_DESTINATION_HOLDER"), Verdict.REFUSED),
        (Answer(400, None, "INVALID_SOURCE"), Verdict.SOURCE_REFUSED),
        (Answer(400, None, "INVALID_SOURCE_HOLDER_CAPABILITIES"), Verdict.SOURCE_REFUSED),
        (Answer(400, None, "INSUFFICIENT_FUNDS"), Verdict.SOURCE_REFUSED),
        (Answer(400, None, "MAX_DAILY_VOLUME_EXCEEDED"), Verdict.SOURCE_REFUSED),
        (Answer(400, None, "MAX_PAYMENT_METADATA_SIZE_EXCEEDED"), Verdict.REFUSED),
        (Answer(400, None, "SOMETHING_NEW"), Verdict.UNKNOWN),
        (Answer(401), Verdict.KEY_REFUSED),
        (Answer(403), Verdict.KEY_REFUSED),
        (Answer(404), Verdict.NOT_FOUND),
        (Answer(409), Verdict.UNKNOWN),
        (Answer(429), Verdict.RATE_LIMITED),
        (Answer(429, replayed=True), Verdict.UNKNOWN),
        (Answer(500), Verdict.UNKNOWN),
        (Answer(502), Verdict.UNKNOWN),
        (Answer(503, None, "IDEMPOTENCY_UNAVAILABLE"), Verdict.TRY_LATER),
        (Answer(503, None, "IDEMPOTENCY_UNAVAILABLE", replayed=True), Verdict.UNKNOWN),
        (Answer(503), Verdict.UNKNOWN),
        (Answer(504), Verdict.UNKNOWN),
        (Answer(None), Verdict.NO_ANSWER),
    ],
)
def test_each_row_of_the_class_table(answer: Answer, verdict: Verdict) -> None:
    assert classify(answer, EXPECTED, "pmt_") is verdict


def test_of_every_status_there_is_only_one_accepts_and_four_refuse() -> None:
    """With every sub_type that is known to us: none of them makes another answer an end."""
    known = (
        "",
        "IDEMPOTENCY_UNAVAILABLE",
        "INVALID_SOURCE",
        "INVALID_AMOUNT",
        "INSUFFICIENT_FUNDS",
        "TOO_MANY_REQUESTS",
        "NOT_FOUND",
        "SOMETHING_NEW",
    )
    for status in range(100, 600):
        for sub_type in known:
            for replayed in (False, True):
                following = after_call(
                    classify(Answer(status, GOOD, sub_type, replayed=replayed), EXPECTED, "pmt_"),
                    Answer(status),
                    T,
                )
                assert (following.attempt == "accepted") == (status == 200)
                if following.attempt == "refused":
                    assert status in (400, 404, 422)
                    assert following.status in ("failed", "unprocessed", "held")
                    assert following.status != "failed" or sub_type == "INVALID_AMOUNT"


KNOWN = {200, 400, 401, 403, 404, 422, 429}


@given(
    st.integers(100, 599).filter(lambda s: s not in KNOWN),
    st.text(max_size=20).filter(lambda t: t != "IDEMPOTENCY_UNAVAILABLE"),
)
def test_every_other_answer_is_unknown(status: int, sub_type: str) -> None:
    assert classify(Answer(status, None, sub_type), EXPECTED, "pmt_") is Verdict.UNKNOWN


@given(st.sampled_from(list(Verdict)))
def test_no_answer_but_an_acceptance_or_a_refusal_ends_anything(verdict: Verdict) -> None:
    following = after_call(verdict, Answer(429, retry_after_s=90), T)
    if following.attempt == "open":
        assert following.status in ("sending", "in_doubt")
        assert following.step in (Step.RESEND, Step.LOOK_UP)
        assert following.wait_s > 0
    if verdict is Verdict.RATE_LIMITED:
        assert following.wait_s == 90


def test_only_a_refused_key_stops_everything() -> None:
    stopping = {v for v in Verdict if after_call(v, Answer(401), Timing()).stop_all}
    assert stopping == {Verdict.KEY_REFUSED}


def test_a_refused_source_fails_no_row() -> None:
    following = after_call(Verdict.SOURCE_REFUSED, Answer(400), T)
    assert (following.status, following.stop_source, following.attempt) == (
        "unprocessed",
        True,
        "refused",
    )


def test_absent_counts_only_three_times_running_and_never_after_a_200() -> None:
    for looks in (1, 2):
        assert after_lookup(None, looks, 1, False, False, T).status == "in_doubt"
    assert after_lookup(None, 3, 1, False, False, T) == after_lookup(None, 3, 3, False, False, T)
    assert after_lookup(None, 3, 1, False, False, T).attempt == "absent"
    assert after_lookup(None, 3, 1, False, True, T).status == "cancelled"
    assert after_lookup(None, 3, 4, False, False, T).status == "held"
    assert after_lookup(None, 9, 1, True, False, T).status == "held"
    assert after_lookup(Found("pmt_1", True), 1, 1, True, True, T).attempt == "accepted"
    assert after_lookup(Found("pmt_1", False), 1, 1, False, False, T).status == "held"
