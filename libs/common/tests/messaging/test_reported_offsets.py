from libs.common.contracts.message import Message
from libs.common.messaging.reported_offsets import REPORT_EVERY_S, ReportedOffsets


def message(partition: int, offset: int) -> Message:
    return Message("t", partition, offset, "k", "type", "e", b"")


def test_progress_is_reported_once_a_second_and_at_the_end() -> None:
    at_s = 100.0
    reported = ReportedOffsets(lambda: at_s)
    assert reported.take_due(is_last=True) == {}
    reported.note([message(0, 4), message(3, 7), message(0, 5)])
    assert reported.take_due() == {0: 6, 3: 8}, "the first at once"
    reported.note([message(0, 6)])
    assert reported.take_due() == {}, "the second waits"
    reported.note([message(0, 7), message(1, 0)])
    at_s += REPORT_EVERY_S
    assert reported.take_due() == {0: 8, 1: 1}, "the newest of each partition"
    reported.note([message(1, 1)])
    assert reported.take_due(is_last=True) == {1: 2}, "who ends waits for nothing"
    assert reported.take_due(is_last=True) == {}
