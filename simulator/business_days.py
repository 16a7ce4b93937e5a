"""When the provider moves money: cut-offs on bank days. Pure. CST is UTC-6 all year."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache

CST = timezone(timedelta(hours=-6))
SOURCE_CUTOFFS = (time(10, 30), time(13, 30), time(16, 30))
DESTINATION_CUTOFFS = (time(13, 30),)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th Monday (0) … Sunday (6) of a month; n = -1 is the last one."""
    if n > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


@lru_cache(maxsize=64)
def bank_holidays(year: int) -> frozenset[date]:
    """The Federal Reserve's holidays. One on a Sunday moves to Monday."""
    fixed = [
        date(year, 1, 1),
        date(year, 6, 19),
        date(year, 7, 4),
        date(year, 11, 11),
        date(year, 12, 25),
    ]
    observed = {d + timedelta(days=1) if d.weekday() == 6 else d for d in fixed}
    floating = {
        nth_weekday(year, *rule)
        for rule in ((1, 0, 3), (2, 0, 3), (5, 0, -1), (9, 0, 1), (10, 0, 2), (11, 3, 4))
    }
    return frozenset(observed | floating)


def is_bank_day(day: date) -> bool:
    """Monday to Friday and no bank holiday."""
    return day.weekday() < 5 and day not in bank_holidays(day.year)


def add_bank_days(day: date, count: int) -> date:
    """The `count`-th bank day after `day`."""
    while count:
        day += timedelta(days=1)
        count -= is_bank_day(day)
    return day


def next_cutoff(ms: int, cutoffs: tuple[time, ...]) -> int:
    """Milliseconds of the first cut-off strictly after `ms`."""
    moment = datetime.fromtimestamp(ms / 1000, CST)
    day = moment.date()
    while True:
        if is_bank_day(day):
            for cutoff in cutoffs:
                at = datetime.combine(day, cutoff, CST)
                if at > moment:
                    return int(at.timestamp() * 1000)
        day += timedelta(days=1)


def cutoff_on(day: date) -> int:
    """Milliseconds of the destination cut-off of that day."""
    return int(datetime.combine(day, DESTINATION_CUTOFFS[0], CST).timestamp() * 1000)


@lru_cache(maxsize=64)
def settlement_dates(created_hour: int) -> tuple[str, str]:
    """(source, destination) settlement dates of a payment: the next bank day, and the one after.

    Args:
        created_hour: when it was created, in hours since 1970.
    """
    created = datetime.fromtimestamp(created_hour * 3600, UTC).astimezone(CST).date()
    return add_bank_days(created, 1).isoformat(), add_bank_days(created, 2).isoformat()
