"""The limiter's arithmetic, and the choice of a merchant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain.merchants import choose_merchant
from services.dispatcher.domain.pacing import Bucket, grant, spend


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


@pytest.mark.parametrize("per_min", [20, 120, 600, 6_000])
def test_who_asks_all_the_time_gets_the_limit_and_not_more(per_min: int) -> None:
    """After a quiet minute, so that the burst is full."""
    bucket, calls = Bucket(per_min, 0.0), list[tuple[float, int]]()
    for tenth in range(1_800):
        now = 1_000.0 + tenth / 10
        room = grant([bucket], 40, now)
        bucket = Bucket(per_min, spend(bucket, room, now))
        calls.append((now, room))
    worst = max(sum(n for _, n in calls[first : first + 600]) for first in range(1_200))
    assert 0.85 * per_min <= worst <= per_min


def test_a_closed_tier_grants_nothing() -> None:
    assert grant([Bucket(600, 0.0), Bucket(600, 0.0, closed_until_s=200.0)], 5, 199.0) == 0
