"""When the money of a pay period must be approved, so that it arrives by the pay day. Pure.

The pay day is the last day of the period, or the last business day before it. The payment provider
takes two business days from the employer's account to the loan, and takes payments at 10:30, 13:30
and 16:30 US Central time of business days; loans at 13:30 only (the provider's examples, read in
November 2026; it promises no times). So the dates are the latest sensible ones, not a promise: a
payment to a servicer that wants a cheque takes longer.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

#: Three hours before the provider takes loans: a large roster takes more than one to send.
APPROVE_AT: Final = time(10, 30)
UPLOAD_AT: Final = time(10, 30)
DAYS_TO_ARRIVE: Final = 2
DAYS_TO_CHECK: Final = 1
#: A batch in one of these has been approved for its period.
APPROVED_STATUSES: Final = frozenset(
    {"approved", "paying", "paused", "completed", "completed_with_failures", "archived"}
)
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
ONE_DAY: Final = timedelta(days=1)
#: (month, weekday, which one of the month; 0: the last).
MOVING_HOLIDAYS: Final = (
    (1, MONDAY, 3),
    (2, MONDAY, 3),
    (5, MONDAY, 0),
    (9, MONDAY, 1),
    (10, MONDAY, 2),
    (11, THURSDAY, 4),
)
#: (month, day); on a Sunday the Monday after it is kept, on a Saturday no other day.
FIXED_HOLIDAYS: Final = frozenset({(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)})


@dataclass(frozen=True)
class PayDay:
    """The dates of one pay period."""

    upload_by: datetime
    approve_by: datetime
    leaves_on: date
    arrives_on: date


def pay_day(last_day: date, zone: tzinfo) -> PayDay:
    """The dates of the period that ends on this day.

    Args:
        zone: the provider's, which is US Central.
    """
    arrives = last_day if is_business_day(last_day) else business_days_before(last_day, 1)
    leaves = business_days_before(arrives, DAYS_TO_ARRIVE)
    checked = business_days_before(leaves, DAYS_TO_CHECK)
    return PayDay(
        upload_by=datetime.combine(checked, UPLOAD_AT, zone).astimezone(UTC),
        approve_by=datetime.combine(leaves, APPROVE_AT, zone).astimezone(UTC),
        leaves_on=leaves,
        arrives_on=arrives,
    )


def business_days_before(day: date, count: int) -> date:
    """The day so many business days before another one."""
    while count > 0:
        day -= ONE_DAY
        count -= is_business_day(day)
    return day


def business_days_after(day: date, count: int) -> date:
    """The day so many business days after another one."""
    while count > 0:
        day += ONE_DAY
        count -= is_business_day(day)
    return day


def is_business_day(day: date) -> bool:
    """Whether US banks settle on this day (the holidays of the Federal Reserve Banks)."""
    if day.weekday() in (SATURDAY, SUNDAY) or (day.month, day.day) in FIXED_HOLIDAYS:
        return False
    before = day - ONE_DAY
    if day.weekday() == MONDAY and (before.month, before.day) in FIXED_HOLIDAYS:
        return False
    return not any(
        (day.month, day.weekday()) == (month, weekday) and _is_nth(day, nth)
        for month, weekday, nth in MOVING_HOLIDAYS
    )


def _is_nth(day: date, nth: int) -> bool:
    """Whether a day is this one among those of its weekday in its month; 0: the last."""
    if nth == 0:
        return (day + timedelta(days=7)).month != day.month
    return (day.day - 1) // 7 + 1 == nth
