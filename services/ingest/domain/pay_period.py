"""Pay periods by a calendar, and which one a roster is for."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from services.ingest.domain.errors import RequestError

CalendarKind = Literal["weekly", "every-two-weeks", "twice-a-month", "monthly"]
_WEEKS: Final = {"weekly": 7, "every-two-weeks": 14}
PERIOD_AHEAD_DAYS: Final = 366
PERIOD_BACK_DAYS: Final = 184
#: On so many first days of a period, a roster may be the late one of the period before.
LATE_DAYS: Final = 3

PERIOD_AMBIGUOUS: Final = "W_PERIOD_AMBIGUOUS"


@dataclass(frozen=True)
class PayCalendar:
    """How an employer divides the year into pay periods.

    `anchor` is the first day of any one period; only calendars of weeks need it. Twice a month
    is from the 1st to the 15th and from the 16th to the end of the month.
    """

    kind: CalendarKind
    anchor: date

    def period_of(self, day: date) -> "PayPeriod":
        """The period that contains a day.

        Raises:
            OverflowError: it is outside of the calendar that Python knows.
        """
        if self.kind in _WEEKS:
            length = _WEEKS[self.kind]
            first = day - timedelta(days=(day - self.anchor).days % length)
            return PayPeriod(first, first + timedelta(days=length - 1))
        if self.kind == "twice-a-month" and day.day <= 15:
            return PayPeriod(day.replace(day=1), day.replace(day=15))
        first = day.replace(day=16 if self.kind == "twice-a-month" else 1)
        next_month = day.replace(day=28) + timedelta(days=4)
        return PayPeriod(first, next_month - timedelta(days=next_month.day))

    def before(self, period: "PayPeriod") -> "PayPeriod":
        """The period before another one of this calendar."""
        return self.period_of(period.first - timedelta(days=1))


@dataclass(frozen=True)
class PayPeriod:
    """The days from the first to the last, both included."""

    first: date
    last: date


def parse_period(text: str, today: date, calendar: PayCalendar) -> PayPeriod:
    """The pay period that a person names by any date in it.

    Args:
        text: YYYY-MM-DD; empty for the period of today.

    Raises:
        RequestError: not a date, more than a year ahead, or more than six months back.
    """
    if not text:
        return calendar.period_of(today)
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
        raise _too_far("The pay period is more than a year ahead.")
    if day < today - timedelta(days=PERIOD_BACK_DAYS):
        raise _too_far("The pay period is more than six months back.")
    return calendar.period_of(day)


def _too_far(message: str) -> RequestError:
    return RequestError(
        "invalid",
        "period.too-far",
        message,
        "Look at the year, which is usually mistyped; name a period from six months back to a "
        "year ahead.",
    )


def may_be_late(today: date, period: PayPeriod) -> bool:
    """Whether a roster that arrives today may be the late one of the period before `period`."""
    return period.first <= today < period.first + timedelta(days=LATE_DAYS)


def ambiguous_sentence(period: date, other: date) -> str:
    """What an approver must know of a roster whose period nobody has named."""
    return (
        f"Nobody named the pay period of this roster, and nothing is approved for the one before. "
        f"It counts for the period that begins on {period}. If it is the late roster of the one "
        f"that begins on {other}, let a preparer choose that one before you approve (or discard "
        "this batch and upload the roster again with its period); otherwise the next roster finds "
        "its people paid."
    )
