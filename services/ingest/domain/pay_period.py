"""The 14-day pay periods."""

from datetime import date, timedelta
from typing import Final

from services.ingest.domain.errors import RequestError

PERIOD_DAYS: Final = 14
PERIOD_AHEAD_DAYS: Final = 366


def period_of(day: date, anchor: date) -> date:
    """The first day of the pay period that contains `day`.

    Args:
        anchor: the first day of any one pay period.
    """
    return day - timedelta(days=(day - anchor).days % PERIOD_DAYS)


def parse_period(text: str, today: date, anchor: date) -> date:
    """The first day of the pay period that a person names by any date in it.

    Args:
        text: YYYY-MM-DD; empty for the period of today.

    Raises:
        RequestError: not a date, or more than a year ahead.
    """
    if not text:
        return period_of(today, anchor)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise RequestError(
            "invalid",
            "period.invalid",
            "The pay period is not a date.",
            "Name it by any date in it, as YYYY-MM-DD.",
        ) from None
    if day > today + timedelta(days=PERIOD_AHEAD_DAYS):
        raise RequestError(
            "invalid",
            "period.too-far",
            "The pay period is more than a year ahead.",
            "Name a period within a year from today.",
        )
    try:
        return period_of(day, anchor)
    except OverflowError:
        raise RequestError(
            "invalid",
            "period.invalid",
            "The pay period is not a date of this calendar.",
            "Give a date within a year.",
        ) from None
