"""Which status of the provider may follow which, what it means here, and when to read again."""

from libs.common.contracts.statuses import FINAL_PAYMENTS
from services.dispatcher.domain.protocol import Timing
from services.dispatcher.domain.statuses import (
    REACHABLE,
    may_apply,
    next_reading_s,
    our_status,
)

T = Timing()


def test_statuses_of_the_provider_only_move_along_its_graph() -> None:
    assert may_apply("pending", "sent")
    assert may_apply("posted", "failed")
    assert may_apply("reversal_required", "failed")
    assert may_apply("reversal_processing", "failed")
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
    assert {"completed", "failed", "cancelled", "reversed"} == FINAL_PAYMENTS


def test_what_is_paid_is_read_for_75_days_and_longer_while_a_return_is_open() -> None:
    assert next_reading_s("pending", "processing", 0, T) == T.poll_s
    assert next_reading_s("completed", "posted", 10_000, T) == 5_000
    assert next_reading_s("completed", "posted", T.watch_for_s + 1, T) is None
    assert next_reading_s("completed", "reversal_processing", T.watch_for_s + 1, T) == T.poll_s
    assert next_reading_s("completed", "settled", 0, T) is None
    assert next_reading_s("failed", "failed", 0, T) is None
