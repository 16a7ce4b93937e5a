"""What is unusual in a roster is a warning that an approver must acknowledge."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libs.common.database.migrate import upgrade
from services.ingest.app import MIGRATIONS
from services.ingest.domain import roster_warnings as rules
from services.ingest.domain.roster_warnings import RosterComparison, RosterFigures, Thresholds
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period

SAME = RosterFigures(100, 1_000_00, {"a": 600_00, "b": 400_00}, {"B1": 60, "B2": 40})
NAMES = {"a": "CORP-1 …1111", "b": "CORP-2 …2222", "c": "CORP-3 …3333"}


def codes(**changes: Any) -> list[tuple[str, str]]:
    """The warnings about a roster that differs from `SAME` in this."""
    new, gone = changes.pop("new", 0), changes.pop("gone", 0)
    found = RosterComparison(SAME, replace(SAME, **changes), new, gone, NAMES)
    return [(code, value) for code, value, _ in rules.batch_warnings(found, Thresholds())]


def test_a_roster_like_the_one_before_has_no_warning() -> None:
    assert codes() == []
    assert codes(cents=1_249_99, new=19, gone=19) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cents": 1_250_00}, (rules.TOTAL_MOVED, "+25 %")),
        ({"cents": 700_00}, (rules.TOTAL_MOVED, "-30 %")),
        ({"new": 20}, (rules.MANY_NEW_PEOPLE, "20/100")),
        ({"gone": 20}, (rules.MANY_GONE_PEOPLE, "20/100")),
        ({"branches": {"B1": 100}}, (rules.BRANCH_GONE, "B2: 40 rows")),
        (
            {"sources": {"a": 600_00, "b": 800_00}},
            (rules.SOURCE_GREW, "CORP-2 …2222: $400.00 -> $800.00"),
        ),
        (
            {"sources": {"a": 600_00, "b": 400_00, "c": 1_00}},
            (rules.SOURCE_NEW, "CORP-3 …3333: $1.00"),
        ),
    ],
)
def test_what_reaches_a_threshold_is_a_warning(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert codes(**changes) == [expected]


def test_small_rosters_are_not_measured_in_shares() -> None:
    small = RosterFigures(4, 20_00, {"a": 20_00}, {"B1": 4})
    found = RosterComparison(small, replace(small, cents=80_00, sources={"a": 80_00}), 4, 4)
    assert list(rules.batch_warnings(found, Thresholds())) == []


@pytest.fixture
def ingest(
    make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[IngestHarness]:
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    made = IngestHarness.make(service_url, tmp_path)
    yield made
    made.engine.dispose()


def person(number: int, amount: str, loan: str = "1111", branch: str = "BRC-1") -> str:
    return row(
        {
            "Employee/DunkinId": f"EMP-{number}",
            "Employee/DunkinBranch": branch,
            "Employee/PhoneNumber": f"+1512555{number:04d}",
            "Payee/LoanAccountNumber": f"{loan}{number:04d}",
            "Amount": amount,
        }
    )


@pytest.mark.database
def test_a_hundredfold_amount_and_a_file_of_strangers_must_be_acknowledged(
    ingest: IngestHarness,
) -> None:
    usual = ["$9.18", "$8.00", "$7.00", "$6.00", "$5.00"]
    first = ingest.ready(roster(*(person(n, amount) for n, amount in enumerate(usual))))
    unusual = {rules.AMOUNT_JUMP, *rules.BATCH_CODES}
    assert not unusual & set(first["to_acknowledge"])  # nothing to compare with
    assert ingest.approve(first).status_code == 200

    amounts = ["$918.00", "$8.00", "$7.00", "$59.99", "$5.00"]
    wrong = ingest.ready(
        roster(*(person(n, amount) for n, amount in enumerate(amounts))),
        period=next_period(first),
    )
    assert unusual & set(wrong["to_acknowledge"]) == {
        rules.AMOUNT_JUMP,
        rules.TOTAL_MOVED,
        rules.SOURCE_GREW,
    }
    places = ingest.get(f"/batches/{wrong['batch_id']}/issues", code=rules.AMOUNT_JUMP)["items"]
    assert [(one["file_row"], one["field"], one["value"]) for one in places] == [
        (1, "Amount", "$9.18 -> $918.00")
    ]
    rest = [code for code in wrong["to_acknowledge"] if code != rules.AMOUNT_JUMP]
    refused = ingest.approve(wrong, acknowledge=rest)
    assert (refused.status_code, refused.json()["missing"]) == (409, [rules.AMOUNT_JUMP])

    strangers = ingest.ready(
        roster(*(person(n, "$7.00", branch="BRC-2") for n in range(50, 55))),
        period=next_period(first),
    )
    assert unusual & set(strangers["to_acknowledge"]) == {
        rules.MANY_NEW_PEOPLE,
        rules.MANY_GONE_PEOPLE,
        rules.BRANCH_GONE,
    }


@pytest.mark.database
def test_a_person_who_moves_a_loan_is_compared_with_the_person(ingest: IngestHarness) -> None:
    first = ingest.ready(roster(person(1, "$5.00"), person(2, "$5.00")))
    assert ingest.approve(first).status_code == 200
    second = ingest.ready(
        roster(person(1, "$5.00", "9999"), person(2, "$50.00", "9999")), period=next_period(first)
    )
    places = ingest.get(f"/batches/{second['batch_id']}/issues", code=rules.AMOUNT_JUMP)["items"]
    assert [(one["file_row"], one["value"]) for one in places] == [(2, "$5.00 -> $50.00")]
