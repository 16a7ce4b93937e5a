"""The pay periods of today, and what is paid for everybody in a year."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from sqlalchemy import Connection

from services.ingest.domain.pay_period import PayPeriod
from services.ingest.domain.year_limit import limit_cents
from services.ingest.routes.context import Dependencies
from services.ingest.staging import business_day
from services.ingest.store import periods, year_sums

YEAR_MIN: Final = 2000
YEAR_MAX: Final = 2100
ONE_DAY: Final = timedelta(days=1)


def add_periods(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes."""
    engine = dependencies.engine

    @router.get("/pay-periods", dependencies=[caller])
    def pay_periods() -> dict[str, Any]:
        today = business_day(datetime.now(UTC))
        current = dependencies.calendar.period_of(today)
        following = dependencies.calendar.period_of(current.last + ONE_DAY)
        with engine.connect() as connection:
            return {
                "today": today,
                "calendar": dependencies.settings.pay_calendar,
                "periods": [_period(connection, period) for period in (current, following)],
            }

    @router.get("/years/{year}", dependencies=[caller])
    def read_year(year: Annotated[int, Path(ge=YEAR_MIN, le=YEAR_MAX)]) -> dict[str, Any]:
        # One snapshot, so that people and batches are of the same moment.
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            people = year_sums.list_people(connection, year)
            found = year_sums.list_batches(connection, year)
        return {
            "year": year,
            "limit_cents": limit_cents(dependencies.settings.yearly_limits, year),
            "batches": found,
            "people": people,
        }


def _period(connection: Connection, period: PayPeriod) -> dict[str, Any]:
    return {
        "first": period.first,
        "last": period.last,
        "batches": periods.list_batches_of(connection, period.first, period.last + ONE_DAY),
    }
