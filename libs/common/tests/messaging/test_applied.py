"""The age of what is applied: the newest moment whose messages are all in the database."""

from libs.common.messaging.applied import ENDS_MAX, AppliedUntil


def test_all_that_was_in_the_topic_at_a_moment_is_applied() -> None:
    applied = AppliedUntil()
    applied.note(10, {0: 5, 1: 5}, {0: 4, 1: 5})
    assert applied.until is None  # never caught up
    applied.note(15, {0: 9, 1: 5}, {0: 5, 1: 5})
    assert applied.until == 10  # as far as the ends of then, and not as those of now
    applied.note(20, {0: 12, 1: 6}, {0: 9, 1: 5})
    assert applied.until == 15
    applied.note(25, {0: 12, 1: 6}, {0: 12, 1: 5})
    assert applied.until == 15  # one partition stands, however far the others are
    applied.note(30, {0: 12, 1: 6}, {0: 12, 1: 6})
    assert applied.until == 30


def test_a_busy_topic_is_as_old_as_it_is_behind_and_no_older() -> None:
    applied = AppliedUntil()
    for at in range(0, 1_000, 5):  # a hundred messages a second, always five seconds behind
        applied.note(at, {0: at * 100}, {0: max(0, at - 5) * 100})
    assert applied.until == 990  # the lag was never 0


def test_the_memory_of_a_consumer_that_stands_is_bounded_and_keeps_its_beginning() -> None:
    applied = AppliedUntil()
    applied.note(0, {0: 1}, {0: 1})
    for at in range(1, 20 * ENDS_MAX):
        applied.note(at, {0: 1 + at}, {0: 1})
    assert len(applied._ends) <= ENDS_MAX  # the bound is not to be seen from outside
    assert applied.until == 0
    applied.note(20 * ENDS_MAX, {0: 10**9}, {0: 2})
    assert applied.until == 1
