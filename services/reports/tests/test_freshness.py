"""A report says as of when it is, and what had not been applied when it was made."""

from datetime import UTC, datetime

import pytest

from services.reports.domain.freshness import Freshness, freshness_lines

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "behind"),
    [
        (Freshness({"reports.batches": 0}, 3, 0), ""),
        (Freshness({}, 3, 3), "It is not known whether messages were still to be applied."),
        (
            Freshness({"reports.batches": 0, "reports.status-events": 7}, 3, 4),
            "Not applied yet: 7 messages of status-events.",
        ),
        (
            Freshness({"reports.batches": 2, "reports.status-events": 7}, 3, 600),
            (
                "Not applied yet: 2 messages of batches, 7 messages of status-events. "
                "Nothing has been applied since 2026-11-28T11:50:00.000Z."
            ),
        ),
        (
            Freshness({"reports.batches": 0}, 120, 120),
            "How much was to be applied was last known at 2026-11-28T11:58:00.000Z.",
        ),
    ],
)
def test_what_stands_behind_is_said_with_since_when(found: Freshness, behind: str) -> None:
    assert freshness_lines(found, NOW)["behind"] == behind


def test_a_report_is_as_of_the_moment_until_which_all_is_applied() -> None:
    found = Freshness({"reports.batches": 2}, 3, 600, applied_age_s=605)
    assert freshness_lines(found, NOW)["as_of"] == "2026-11-28T11:49:55.000Z"
    unknown = Freshness({"reports.batches": 2}, 3, 600)
    assert freshness_lines(unknown, NOW)["as_of"] == ""
