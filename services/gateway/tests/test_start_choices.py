"""Which later starts are offered to who approves a batch."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from services.gateway.domain.pay_day import business_days_after
from services.gateway.domain.start_choices import StartChoice, start_choices

ZONE = ZoneInfo("America/Chicago")
CUT_OFF = time(13, 30)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_the_next_business_day_and_the_pay_day_are_offered() -> None:
    found = start_choices(date(2026, 11, 20), at(13, 20), ZONE, CUT_OFF)  # Fridays
    assert found == [
        StartChoice("next_business_day", at(16, 16, 30), date(2026, 11, 18)),
        StartChoice("pay_day", at(18, 16, 30), date(2026, 11, 20)),
    ]


def test_holidays_of_the_banks_are_no_business_days() -> None:
    (found, *_) = start_choices(date(2026, 11, 13), at(25, 20), ZONE, CUT_OFF)
    assert found.start_at == at(27, 16, 30), "the 26th is Thanksgiving"
    assert found.arrives_on == date(2026, 12, 1)
    assert business_days_after(date(2026, 12, 24), 1) == date(2026, 12, 28)


def test_a_start_in_the_past_is_not_offered() -> None:
    found = start_choices(date(2026, 11, 20), at(18, 16, 31), ZONE, CUT_OFF)
    assert [choice.kind for choice in found] == ["next_business_day"]


def test_the_day_is_that_of_the_provider_and_the_cut_off_is_a_setting() -> None:
    # 03:00 UTC on Tuesday is Monday evening in Chicago: Tuesday is the next business day.
    (found, *_) = start_choices(date(2026, 11, 1), at(17, 3), ZONE, time(16, 30))
    assert found.start_at == at(17, 19, 30)


@pytest.mark.parametrize(("month", "hour"), [(7, 15), (12, 16)])
def test_the_cut_off_follows_summer_time(month: int, hour: int) -> None:
    now = datetime(2026, month, 8, 20, tzinfo=UTC)
    (found, *_) = start_choices(date(2026, 1, 1), now, ZONE, CUT_OFF)
    assert found.start_at == datetime(2026, month, 9, hour, 30, tzinfo=UTC)
