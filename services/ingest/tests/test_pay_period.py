"""Pay periods: every day is in one, and employers of every calendar are paid once in each."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.database.engine import run
from services.ingest.domain.pay_period import (
    CalendarKind,
    PayCalendar,
    PayPeriod,
    ambiguous_sentence,
    may_be_late,
)
from services.ingest.store import periods
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness

KINDS: tuple[CalendarKind, ...] = ("weekly", "every-two-weeks", "twice-a-month", "monthly")
ANCHOR = date(2026, 1, 5)
days = st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1))


def test_the_sentence_about_an_ambiguous_period_names_both_ways_to_settle_it() -> None:
    sentence = ambiguous_sentence(date(2026, 11, 23), date(2026, 11, 9))
    assert "begins on 2026-11-23" in sentence
    assert "begins on 2026-11-09, let a preparer choose that one" in sentence
    assert "discard this batch and upload the roster again with its period" in sentence


@given(st.sampled_from(KINDS), days, days)
def test_periods_follow_each_other_without_a_gap(
    kind: CalendarKind, day: date, anchor: date
) -> None:
    calendar = PayCalendar(kind, anchor)
    period = calendar.period_of(day)
    assert period.first <= day <= period.last
    assert calendar.period_of(period.first) == calendar.period_of(period.last) == period
    before = calendar.before(period)
    assert before.last + timedelta(days=1) == period.first


@pytest.mark.parametrize(
    ("kind", "day", "first", "last"),
    [
        ("weekly", "2028-02-29", "2028-02-28", "2028-03-05"),
        ("weekly", "2026-12-31", "2026-12-28", "2027-01-03"),
        ("every-two-weeks", "2027-01-01", "2026-12-21", "2027-01-03"),
        ("twice-a-month", "2028-02-29", "2028-02-16", "2028-02-29"),
        ("twice-a-month", "2027-02-28", "2027-02-16", "2027-02-28"),
        ("twice-a-month", "2026-12-31", "2026-12-16", "2026-12-31"),
        ("twice-a-month", "2027-01-15", "2027-01-01", "2027-01-15"),
        ("monthly", "2028-02-10", "2028-02-01", "2028-02-29"),
        ("monthly", "2026-12-01", "2026-12-01", "2026-12-31"),
    ],
)
def test_periods_at_leap_days_and_year_ends(
    kind: CalendarKind, day: str, first: str, last: str
) -> None:
    found = PayCalendar(kind, ANCHOR).period_of(date.fromisoformat(day))
    assert (found.first.isoformat(), found.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("kind", "number"), [("weekly", 105), ("every-two-weeks", 53), ("twice-a-month", 48)]
)
def test_two_years_of_pay_days_have_one_period_each(kind: CalendarKind, number: int) -> None:
    calendar = PayCalendar(kind, ANCHOR)
    day, found = date(2027, 1, 1), set()
    while day <= date(2028, 12, 31):  # with a leap day
        found.add(calendar.period_of(day))
        day += timedelta(days=1)
    assert len(found) == number


def test_a_roster_of_the_first_days_may_be_late() -> None:
    period = PayPeriod(date(2026, 11, 23), date(2026, 12, 6))
    late = [may_be_late(date(2026, 11, day), period) for day in range(22, 28)]
    assert late == [False, True, True, True, False, False]


@pytest.fixture
def make(ingest: IngestHarness, tmp_path: Path) -> Any:
    """An ingest on the shared database with other settings."""

    def made(**settings: Any) -> IngestHarness:
        url = ingest.engine.url.render_as_string(hide_password=False)
        return IngestHarness.make(url, tmp_path, **settings)

    return made


@pytest.mark.database
@pytest.mark.parametrize("kind", KINDS)
def test_a_person_is_paid_once_in_each_period_of_a_calendar(make: Any, kind: str) -> None:
    ingest, person = make(pay_calendar=kind), f"EMP-{kind}"
    calendar = PayCalendar(kind, ANCHOR)  # type: ignore[arg-type] # one of KINDS
    period = calendar.period_of(date(2027, 1, 1))
    for _ in range(5):  # backwards over the end of the year
        xml = roster(row({"Employee/DunkinId": person, "Payee/LoanAccountNumber": person}))
        batch = ingest.ready(xml, period=str(period.last), repeat_reason="a period of its own")
        assert (batch["period"], batch["period_end"]) == (str(period.first), str(period.last))
        assert (batch["rows"]["payable"], ingest.approve(batch).status_code) == (1, 200)
        again = ingest.ready(xml, period=str(period.first), repeat_reason="again")
        assert (again["rows"]["payable"], again["rows"]["excluded"]) == (0, 1)
        ingest.discard(again)
        period = calendar.before(period)


@pytest.mark.database
def test_another_calendar_or_anchor_does_not_open_days_again(make: Any) -> None:
    person = "EMP-moved"
    xml = roster(row({"Employee/DunkinId": person, "Payee/LoanAccountNumber": person}))
    first = make(pay_calendar="every-two-weeks")
    batch = first.ready(xml, period="2027-02-10")
    assert first.approve(batch).status_code == 200
    paid = date.fromisoformat(batch["period"])
    for settings in (
        {"period_anchor": ANCHOR + timedelta(days=7)},
        {"pay_calendar": "weekly"},
        {"pay_calendar": "twice-a-month"},
        {"pay_calendar": "monthly"},
    ):
        for day in (paid, paid + timedelta(days=13)):
            again = make(**settings).ready(xml, period=str(day), repeat_reason=str(settings))
            assert again["rows"]["excluded"] == 1, (settings, day)
    free = make(pay_calendar="weekly").ready(
        xml, period=str(paid + timedelta(days=14)), repeat_reason="free"
    )
    assert free["rows"]["payable"] == 1


@pytest.mark.database
def test_every_calendar_is_kept_with_its_time(ingest: IngestHarness) -> None:
    calendars = [PayCalendar("weekly", ANCHOR), PayCalendar("monthly", ANCHOR)]
    for calendar in (calendars[0], calendars[0], calendars[1], calendars[0]):
        periods.record_calendar(ingest.engine, calendar, datetime.now(UTC))
    with ingest.engine.connect() as connection:
        found = run(connection, "SELECT kind FROM pay_calendar ORDER BY calendar_id").scalars()
        assert list(found) == ["weekly", "monthly", "weekly"]
