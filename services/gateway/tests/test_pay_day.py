"""The dates of a pay day, against the calendar of the Federal Reserve Banks."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.gateway.domain.pay_day import business_days_before, is_business_day, pay_day

ZONE = ZoneInfo("America/Chicago")
#: Published by the Federal Reserve Banks for 2026 (4 July is a Saturday: no day is kept for it).
HOLIDAYS_2026 = (
    *("01-01", "01-19", "02-16", "05-25", "06-19", "09-07", "10-12", "11-11", "11-26", "12-25"),
)


@pytest.mark.parametrize("day", HOLIDAYS_2026)
def test_a_holiday_of_the_banks_is_no_business_day(day: str) -> None:
    assert not is_business_day(date.fromisoformat(f"2026-{day}"))


def test_a_year_has_as_many_business_days_as_the_banks_say() -> None:
    days = [
        date.fromordinal(n)
        for n in range(date(2026, 1, 1).toordinal(), date(2027, 1, 1).toordinal())
    ]
    assert days[-1] == date(2026, 12, 31)
    assert sum(is_business_day(day) for day in days) == 261 - len(HOLIDAYS_2026)


def test_a_holiday_on_a_sunday_is_kept_on_the_monday_and_on_a_saturday_not() -> None:
    assert not is_business_day(date(2027, 7, 5)), "4 July 2027 is a Sunday"
    assert is_business_day(date(2026, 7, 3)), "4 July 2026 is a Saturday"


def test_money_leaves_two_business_days_before_it_arrives_and_is_checked_the_day_before() -> None:
    found = pay_day(date(2026, 11, 20), ZONE)  # a Friday
    assert (found.arrives_on, found.leaves_on) == (date(2026, 11, 20), date(2026, 11, 18))
    assert found.approve_by == datetime(2026, 11, 18, 16, 30, tzinfo=UTC)
    assert found.upload_by == datetime(2026, 11, 17, 16, 30, tzinfo=UTC)


def test_a_period_that_ends_on_a_weekend_behind_a_holiday_is_paid_before_both() -> None:
    found = pay_day(date(2026, 11, 29), ZONE)  # the Sunday after Thanksgiving
    assert found.arrives_on == date(2026, 11, 27)
    assert found.leaves_on == date(2026, 11, 24), "Thursday is no business day"


def test_the_hour_is_that_of_the_provider_in_summer_too() -> None:
    assert pay_day(date(2026, 7, 31), ZONE).approve_by == datetime(2026, 7, 29, 15, 30, tzinfo=UTC)


def test_no_business_days_before_a_day_is_the_day() -> None:
    assert business_days_before(date(2026, 11, 29), 0) == date(2026, 11, 29)
