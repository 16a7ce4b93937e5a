"""Which later starts are offered to who approves a batch. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from services.gateway.domain.pay_day import (
    DAYS_TO_ARRIVE,
    business_days_after,
    pay_day,
)

#: A large roster takes more than one hour to send, so it begins this long before the cut-off.
BEFORE_CUT_OFF: Final = timedelta(hours=3)


@dataclass(frozen=True)
class StartChoice:
    """A start, and the day on which the money arrives if the provider keeps its usual times."""

    kind: Literal["next_business_day", "pay_day"]
    start_at: datetime
    arrives_on: date


def start_choices(last_day: date, now: datetime, zone: tzinfo, cut_off: time) -> list[StartChoice]:
    """The later starts that are offered, the earliest first; those in the past are not.

    Args:
        last_day: of the pay period.
        zone: the provider's.
        cut_off: until when the provider takes payments of a business day, in its zone.
    """
    next_day = business_days_after(now.astimezone(zone).date(), 1)
    dates = pay_day(last_day, zone)
    offered = (
        StartChoice(
            "next_business_day",
            _begin(next_day, zone, cut_off),
            business_days_after(next_day, DAYS_TO_ARRIVE),
        ),
        StartChoice("pay_day", _begin(dates.leaves_on, zone, cut_off), dates.arrives_on),
    )
    found = [choice for choice in offered if choice.start_at > now]
    return sorted(found, key=lambda choice: choice.start_at)


def _begin(day: date, zone: tzinfo, cut_off: time) -> datetime:
    return datetime.combine(day, cut_off, zone).astimezone(UTC) - BEFORE_CUT_OFF
