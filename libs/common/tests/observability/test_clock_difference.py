"""Another clock is compared with ours; slow, coarse and single answers are no difference."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.observability.clock_difference import (
    ClockComparison,
    clock_sentence,
    seconds_ahead,
)

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, ""), (1.9, ""), (-1.9, ""), (5, "5 s ahead of"), (-7, "7 s behind")]
)
def test_clocks_may_differ_by_two_seconds(seconds: float, words: str) -> None:
    found = clock_sentence("the database", seconds_ahead(later(seconds), NOW, NOW))
    assert (words in found) if words else found == ""


def test_a_slow_answer_is_no_difference_of_clocks() -> None:
    assert seconds_ahead(later(4), NOW, later(8)) == 0
    assert seconds_ahead(later(0), NOW, later(8)) == 0


def test_a_clock_that_is_cut_to_seconds_is_not_behind_by_them() -> None:
    assert seconds_ahead(later(-0.9), NOW, NOW, precision_s=1.0) == 0
    assert seconds_ahead(later(-4), NOW, NOW, precision_s=1.0) == -3


def comparison(*seconds: float) -> dict[str, str]:
    clock = ClockComparison("the provider")
    for ahead_s in seconds:
        clock.note(later(ahead_s), NOW, NOW)
    return dict(clock.check())


def test_three_answers_must_agree_and_the_newest_count() -> None:
    assert comparison(9, 9) == {}
    assert comparison(9, 9, 0) == {"clock of the provider": ""}
    assert comparison(9, -9, 9) == {"clock of the provider": ""}
    assert "is 5 s ahead of" in comparison(0, 9, 5, 7)["clock of the provider"]
    assert "is 3 s behind" in comparison(-3, -4, -5)["clock of the provider"]
    assert comparison(9, 9, 9, 0, 0, 0) == {"clock of the provider": ""}
