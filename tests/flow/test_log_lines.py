"""The rule that the flow test uses for the logs of a day."""

import json

from tests.flow.log_lines import LINES_A_DAY_MAX, lines_a_day

START = json.dumps({"event": "serving", "port": 1})
OF_BATCH = json.dumps({"event": "batch_ready", "batch_id": "b"})
POLLED = json.dumps({"event": "polled"})


def test_lines_of_a_start_count_once_and_those_of_a_batch_for_each_batch() -> None:
    assert lines_a_day([START, OF_BATCH, OF_BATCH], 100) == 1 + 20 * 2
    assert lines_a_day([OF_BATCH] * 50, 100) >= LINES_A_DAY_MAX


def test_a_line_a_minute_is_too_many() -> None:
    assert lines_a_day([START, *[POLLED] * 3], 180) > LINES_A_DAY_MAX


def test_what_is_no_log_line_counts_for_each_batch() -> None:
    assert lines_a_day(["Traceback (most recent call last):"], 100) == 20
