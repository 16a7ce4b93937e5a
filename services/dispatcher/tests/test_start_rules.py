"""When a batch with an approved start may begin: the rule alone, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from services.dispatcher.domain.clocks import Moment, ProviderTime
from services.dispatcher.domain.start import has_begun

START = datetime(2026, 12, 1, 16, 30, tzinfo=UTC)
BEFORE, AFTER = START - timedelta(seconds=1), START + timedelta(days=2)


def moment(earliest: datetime | None, latest: datetime | None = None) -> Moment:
    if earliest is None:
        return Moment(0.0, 0.0, None)
    return Moment(0.0, 0.0, ProviderTime(earliest, latest or earliest))


@pytest.mark.parametrize(
    ("ours", "provider", "begun"),
    [
        (START, moment(START), True),
        (AFTER, moment(AFTER), True),
        (AFTER, moment(BEFORE), False),  # our clock was set forward
        (BEFORE, moment(AFTER), False),  # the provider's was
        (AFTER, moment(None), False),  # nothing is known of the provider's
        (AFTER, moment(BEFORE, AFTER), False),  # one answer contradicts the others
    ],
)
def test_a_start_has_passed_only_if_both_clocks_say_so(
    ours: datetime, provider: Moment, begun: bool
) -> None:
    assert has_begun(START, ours, provider) is begun


def test_a_batch_without_a_start_begins_at_once() -> None:
    assert has_begun(None, BEFORE, moment(None))
