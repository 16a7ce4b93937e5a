"""What is paid for a person in a year, compared with the limit that is free of tax."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from libs.common.database.migrate import upgrade
from services.ingest.app import MIGRATIONS
from services.ingest.domain import year_limit as rules
from services.ingest.domain.year_limit import YearRow
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.people_and_loans import approved, include_all, other_id, someone

LIMITS = {2026: 5_250_00, 2028: 5_400_00}
TODAY = datetime.now(UTC).date()
#: The days of two pay periods of one year: no more than half a year ahead.
FIRST = next(
    day
    for day in (date(TODAY.year + n, month, 1) for n in (0, 1) for month in (2, 8))
    if day > TODAY
)
EARLY, LATER, YEAR = FIRST.isoformat(), (FIRST + timedelta(days=14)).isoformat(), FIRST.year


@pytest.mark.parametrize(
    ("year", "cents"),
    [(2020, 5_250_00), (2026, 5_250_00), (2027, 5_250_00), (2028, 5_400_00), (2040, 5_400_00)],
)
def test_a_year_has_the_limit_of_the_newest_year_that_is_named(year: int, cents: int) -> None:
    assert rules.limit_cents(LIMITS, year) == cents


def test_the_limit_is_passed_by_one_cent_and_counted_once_for_each_person() -> None:
    found = [
        YearRow(1, 10, "a", 5_250_00),
        YearRow(2, 20, "b", 5_250_01),
        YearRow(3, 30, "c", 5_300_00),
        YearRow(4, 40, "c", 5_300_00),  # a second loan of the same person
    ]
    over = rules.rows_over(found, 5_250_00)
    assert [one.file_row for one in over] == [2, 3, 4]
    ((value, sentence),) = rules.batch_warning(over, 2026, 5_250_00)
    assert value == "2: $50.01"
    assert "2 employees would be paid more in 2026 than $5,250.00" in sentence
    assert "$50.01 over it in all, in 3 rows" in sentence
    assert rules.batch_warning([], 2026, 5_250_00) == []


on_database = pytest.mark.database


@pytest.fixture(scope="module")
def blocking(
    make_database: Callable[[str], tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IngestHarness]:
    """An installation in which the limit blocks."""
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    made = IngestHarness.make(
        service_url, tmp_path_factory.mktemp("files"), yearly_limit_blocks=True
    )
    yield made
    made.engine.dispose()


def paid(amount: str, **changes: str) -> dict[str, str]:
    return someone(Amount=amount, **changes)


def with_amount(one: dict[str, str], amount: str) -> dict[str, str]:
    return {**one, "Amount": amount}


def warnings(ingest: IngestHarness, batch: Any) -> list[tuple[int, str, str]]:
    found = ingest.get(f"/batches/{batch['batch_id']}/issues", limit=1000)["items"]
    return [
        (one["file_row"] or 0, one["code"], one["value"])
        for one in found
        if one["code"].startswith("W_YEAR_LIMIT")
    ]


@on_database
def test_what_other_batches_pay_in_the_year_counts_until_it_fails(ingest: IngestHarness) -> None:
    one = paid("$4,000.00")
    first = approved(ingest, one, period=EARLY)
    second = ingest.ready(
        roster(row(with_amount(one, "$1,300.00")), row(paid("$9.00"))), period=LATER
    )
    assert warnings(ingest, second) == [
        (0, "W_YEAR_LIMIT", "1: $50.00"),
        (1, "W_YEAR_LIMIT", f"$5,300.00 of $5,250.00 in {YEAR}"),
    ]
    answer = ingest.approve(second, acknowledge=[])
    assert answer.json()["code"] == "approval.unacknowledged"
    ingest.end(first, ingest.payments(first), "failed")
    assert warnings(ingest, ingest.check_again(second)) == []


@on_database
def test_near_the_limit_is_another_warning(ingest: IngestHarness) -> None:
    below, near, at = paid("$4,724.99"), paid("$4,725.01"), paid("$5,250.00")
    batch = ingest.ready(roster(row(below), row(near), row(at)), period=EARLY)
    assert warnings(ingest, batch) == [
        (2, "W_YEAR_LIMIT_NEAR", f"$4,725.01 of $5,250.00 in {YEAR}"),
        (3, "W_YEAR_LIMIT_NEAR", f"$5,250.00 of $5,250.00 in {YEAR}"),
    ]


@on_database
def test_a_period_that_ends_in_the_next_year_counts_there(ingest: IngestHarness) -> None:
    one = paid("$5,000.00")
    approved(ingest, one, period=f"{TODAY.year}-12-10")
    batch = ingest.ready(roster(row(with_amount(one, "$500.00"))), period=f"{TODAY.year}-12-31")
    found = warnings(ingest, batch)
    if batch["period_end"] == f"{TODAY.year}-12-31":  # no period spans this new year
        assert (0, "W_YEAR_LIMIT", "1: $250.00") in found
    else:
        assert found == []


@on_database
def test_two_batches_that_pass_the_limit_together_are_warned_about(ingest: IngestHarness) -> None:
    one = paid("$3,000.00")
    first = ingest.ready(roster(row(one)), period=EARLY)
    second = ingest.ready(roster(row(one)) + b" ", period=LATER)
    assert warnings(ingest, second) == []
    assert ingest.approve(first).status_code == 200
    assert ingest.approve(second).json()["code"] == "approval.claims-moved"
    checked = ingest.check(second["batch_id"])
    assert (0, "W_YEAR_LIMIT", "1: $750.00") in warnings(ingest, checked)
    again = ingest.approve(checked)
    assert again.status_code == 200, again.text
    assert ingest.approve(checked).json() == again.json()  # the same answer, not a new check


@on_database
def test_a_row_that_an_approver_includes_by_name_needs_no_new_check(
    ingest: IngestHarness,
) -> None:
    one = paid("$3,000.00")
    approved(ingest, one, period=EARLY)
    again = ingest.ready(roster(row(one), row(other_id(someone()))) + b"\n", period=EARLY)
    assert warnings(ingest, again) == []
    answer = include_all(ingest, again)
    assert answer.status_code == 200, answer.text


@on_database
def test_a_row_that_somebody_included_before_is_warned_about_all_the_same(
    ingest: IngestHarness,
) -> None:
    one = paid("$1,000.00")
    approved(ingest, one, period=EARLY)
    batch = ingest.ready(roster(row(one), row(someone())) + b"\n", period=EARLY)
    (excluded,) = ingest.rows(batch, status="excluded")
    include = {"act": "include", "row_id": excluded["row_id"], "reason": "agreed"}
    path = f"/batches/{batch['batch_id']}/decisions"
    assert ingest.call("POST", path, "adam", json={"decisions": [include]}).status_code == 200
    batch = ingest.check(batch["batch_id"])
    assert warnings(ingest, batch) == []
    other_loan = {**one, "Payee/LoanAccountNumber": someone()["Payee/LoanAccountNumber"]}
    approved(ingest, with_amount(other_loan, "$4,000.00"), period=LATER)
    assert ingest.approve(batch).json()["code"] == "approval.claims-moved"
    checked = ingest.check(batch["batch_id"])
    assert (0, "W_YEAR_LIMIT", "1: $750.00") in warnings(ingest, checked)


@on_database
def test_where_the_limit_blocks_the_rows_are_marked_first(blocking: IngestHarness) -> None:
    one = paid("$3,000.00")
    first = blocking.ready(roster(row(one)), period=EARLY)
    second = blocking.ready(roster(row(one)) + b" ", period=LATER)
    assert blocking.approve(first).status_code == 200
    assert blocking.approve(second).json()["code"] == "approval.claims-moved"
    checked = blocking.check(second["batch_id"])
    assert (0, "W_YEAR_LIMIT", "1: $750.00") in warnings(blocking, checked)
    assert blocking.approve(checked).json()["code"] == "approval.year-limit"


@on_database
def test_where_the_limit_blocks_nothing_over_it_is_approved(blocking: IngestHarness) -> None:
    one = paid("$3,000.00")
    approved(blocking, one, period=EARLY)
    second = blocking.ready(roster(row(one)) + b"\n", period=LATER)
    answer = blocking.approve(second)
    assert (answer.status_code, answer.json()["code"]) == (409, "approval.year-limit")
    assert "$750.00 over it" in answer.json()["detail"]
    assert blocking.batch(second["batch_id"])["status"] == "ready"
    assert blocking.payments(second) == []
