"""The class table row by row, the look-up, the provider's statuses and the limiter: pure decisions, seen from outside."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain import (
    FINAL,
    REACHABLE,
    Answer,
    Bucket,
    Found,
    PaymentSnapshot,
    Step,
    Timing,
    Verdict,
    after_call,
    after_look,
    choose_line,
    choose_merchant,
    classify,
    find_duplicates,
    grant,
    may_apply,
    next_reading_s,
    our_status,
    spend,
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
        (Answer(400, None, "SOMETHING_NEW"), Verdict.LOOK_UP),
        (Answer(401), Verdict.LOCKED_OUT),
        (Answer(403), Verdict.LOCKED_OUT),
        (Answer(404), Verdict.NOT_FOUND),
        (Answer(409), Verdict.LOOK_UP),
        (Answer(429), Verdict.CLOSED),
        (Answer(429, replayed=True), Verdict.LOOK_UP),
        (Answer(500), Verdict.LOOK_UP),
        (Answer(502), Verdict.LOOK_UP),
        (Answer(503, None, "IDEMPOTENCY_UNAVAILABLE"), Verdict.LATER),
        (Answer(503, None, "IDEMPOTENCY_UNAVAILABLE", replayed=True), Verdict.LOOK_UP),
        (Answer(503), Verdict.LOOK_UP),
        (Answer(504), Verdict.LOOK_UP),
        (Answer(None), Verdict.RESEND),
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
    assert classify(Answer(status, None, sub_type), EXPECTED, "pmt_") is Verdict.LOOK_UP


@given(st.sampled_from(list(Verdict)))
def test_no_answer_but_an_acceptance_or_a_refusal_ends_anything(verdict: Verdict) -> None:
    following = after_call(verdict, Answer(429, retry_after_s=90), T)
    if following.attempt == "open":
        assert following.status in ("sending", "in_doubt")
        assert following.step in (Step.RESEND, Step.LOOK_UP)
        assert following.wait_s > 0
    if verdict is Verdict.CLOSED:
        assert following.wait_s == 90


def test_a_refused_source_fails_no_row() -> None:
    following = after_call(Verdict.SOURCE_REFUSED, Answer(400), T)
    assert (following.status, following.stop_source, following.attempt) == (
        "unprocessed",
        True,
        "refused",
    )


def test_absent_counts_only_three_times_running_and_never_after_a_200() -> None:
    for looks in (1, 2):
        assert after_look(None, looks, 1, False, False, T).status == "in_doubt"
    assert after_look(None, 3, 1, False, False, T) == after_look(None, 3, 3, False, False, T)
    assert after_look(None, 3, 1, False, False, T).attempt == "absent"
    assert after_look(None, 3, 1, False, True, T).status == "cancelled"
    assert after_look(None, 3, 4, False, False, T).status == "held"
    assert after_look(None, 9, 1, True, False, T).status == "held"
    assert after_look(Found("pmt_1", True), 1, 1, True, True, T).attempt == "accepted"
    assert after_look(Found("pmt_1", False), 1, 1, False, False, T).status == "held"


def test_statuses_of_the_provider_only_move_along_its_graph() -> None:
    assert may_apply("pending", "sent")
    assert may_apply("posted", "failed")
    assert not may_apply("failed", "sent")
    assert not may_apply("sent", "pending")
    assert not may_apply("pending", "a_new_one")
    assert may_apply("a_new_one", "sent")
    assert not any(
        may_apply(ended, other)
        for ended in ("failed", "canceled", "reversed", "settled")
        for other in REACHABLE
    )


def test_what_was_completed_and_comes_back_is_reversed() -> None:
    assert our_status("pending", "failed") == "failed"
    assert our_status("completed", "failed") == our_status("completed", "reversed") == "reversed"
    assert (
        our_status("completed", "reversal_required")
        == our_status("pending", "settled")
        == "completed"
    )
    assert {"completed", "failed", "cancelled", "reversed"} == FINAL


def test_what_is_paid_is_read_for_75_days_and_longer_while_a_return_is_open() -> None:
    assert next_reading_s("pending", "processing", 0, T) == T.poll_s
    assert next_reading_s("completed", "posted", 10_000, T) == 5_000
    assert next_reading_s("completed", "posted", T.watch_for_s + 1, T) is None
    assert next_reading_s("completed", "reversal_processing", T.watch_for_s + 1, T) == T.poll_s
    assert next_reading_s("completed", "settled", 0, T) is None
    assert next_reading_s("failed", "failed", 0, T) is None


def line(pmt: str, status: str = "pending", attempt: int = 1) -> dict[str, Any]:
    return {"id": pmt, "status": status, "metadata": {"payment_id": "p", "attempt": str(attempt)}}


@pytest.mark.parametrize(
    ("ours", "lines", "bind", "cancel"),
    [
        (
            PaymentSnapshot("pending", "pmt_2"),
            [line("pmt_1"), line("pmt_2"), line("pmt_3")],
            "",
            ("pmt_1", "pmt_3"),
        ),
        (
            PaymentSnapshot("pending", "pmt_1"),
            [line("pmt_1"), line("pmt_2", "sent")],
            "pmt_2",
            ("pmt_1",),
        ),
        (
            PaymentSnapshot("pending", "pmt_1"),
            [line("pmt_1", "processing"), line("pmt_2", "sent")],
            "",
            (),
        ),
        (
            PaymentSnapshot("pending", "pmt_1"),
            [line("pmt_1", "canceled"), line("pmt_2")],
            "pmt_2",
            (),
        ),
        (PaymentSnapshot("pending", "pmt_9"), [line("pmt_1"), line("pmt_2")], "", ()),
        (
            PaymentSnapshot("completed", "pmt_1"),
            [line("pmt_1", "posted"), line("pmt_2")],
            "",
            ("pmt_2",),
        ),
        (PaymentSnapshot("unprocessed"), [line("pmt_1")], "pmt_1", ()),
        (
            PaymentSnapshot("unprocessed"),
            [line("pmt_1"), line("pmt_2", "processing")],
            "pmt_2",
            ("pmt_1",),
        ),
        (PaymentSnapshot("cancelled"), [line("pmt_1")], "", ("pmt_1",)),
        (
            PaymentSnapshot("failed", "pmt_1"),
            [line("pmt_1", "failed"), line("pmt_2")],
            "",
            ("pmt_2",),
        ),
        (
            PaymentSnapshot("failed", "pmt_1"),
            [line("pmt_1", "failed"), line("pmt_2", "sent")],
            "",
            (),
        ),
        (PaymentSnapshot("in_doubt"), [line("pmt_1"), line("pmt_2")], "", ()),
    ],
)
def test_what_is_alive_where_it_should_not_be(
    ours: PaymentSnapshot, lines: list[dict[str, Any]], bind: str, cancel: tuple[str, ...]
) -> None:
    (double,) = find_duplicates(lines, {"p": ours})
    assert (double.bind, double.cancel) == (bind, cancel)


@pytest.mark.parametrize(
    ("ours", "lines"),
    [
        (PaymentSnapshot("pending", "pmt_1"), [line("pmt_1"), line("pmt_2", "failed")]),
        (PaymentSnapshot("completed", "pmt_1"), [line("pmt_1", "sent")]),
        (PaymentSnapshot("in_doubt"), [line("pmt_1")]),
        (PaymentSnapshot("failed", "pmt_1"), [line("pmt_1", "failed")]),
        (PaymentSnapshot("unprocessed"), [line("pmt_1", "canceled")]),
        (PaymentSnapshot("cancelled"), [{"id": "pmt_1", "status": "sent", "metadata": ["p"]}]),
    ],
)
def test_what_is_alive_once_is_nothing_to_speak_of(
    ours: PaymentSnapshot, lines: list[dict[str, Any]]
) -> None:
    assert find_duplicates(lines, {"p": ours}) == []


def test_a_payment_stands_on_what_is_alive_then_on_what_became_of_this_attempt() -> None:
    dead, other, early = (
        line("pmt_1", "failed", 2),
        line("pmt_2", "sent", 1),
        line("pmt_3", "failed", 1),
    )
    assert choose_line([dead, other, early], "p", 2, "") is other
    assert choose_line([early, dead], "p", 2, "") is dead
    assert choose_line([early], "p", 2, "") is None
    assert choose_line([early], "p", 2, "pmt_3") is early
    assert choose_line([other], "q", 1, "") is None


def test_the_student_loan_merchant_is_chosen_and_never_the_first() -> None:
    card, loan = {"id": "mch_1", "type": "credit_card"}, {"id": "mch_2", "type": "student_loans"}
    temp = {"id": "mch_3", "type": "student_loan", "is_temp": True}
    assert choose_merchant([card, temp, loan]) == ("mch_2", "")
    assert choose_merchant([card]) == ("", "no_merchant")
    assert choose_merchant([loan, {**loan, "id": "mch_9"}]) == ("", "several_merchants")


@given(
    st.integers(1, 6_000), st.lists(st.tuples(st.floats(0, 20), st.integers(1, 40)), max_size=60)
)
def test_no_minute_ever_holds_more_calls_than_the_limit(
    per_min: int, asks: list[tuple[float, int]]
) -> None:
    bucket, now, calls = Bucket(per_min, 0.0), 1_000.0, list[tuple[float, int]]()
    for wait_s, wanted in asks:
        now += wait_s
        room = grant([bucket], wanted, now)
        bucket = Bucket(per_min, spend(bucket, room, now) if room else bucket.free_at_s)
        calls.append((now, room))
    for start, _ in calls:
        assert sum(n for at, n in calls if start <= at < start + 60) <= max(per_min, 2)


def test_a_closed_tier_grants_nothing() -> None:
    assert grant([Bucket(600, 0.0), Bucket(600, 0.0, closed_until_s=200.0)], 5, 199.0) == 0
