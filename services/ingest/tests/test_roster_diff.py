"""The differences from the previously approved roster, on a database of its own for each test."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.database.engine import run
from libs.common.database.migrate import upgrade
from services.ingest.app import MIGRATIONS
from services.ingest.tests.factories import roster as roster_of
from services.ingest.tests.factories import row
from services.ingest.tests.harness import IngestHarness, next_period

pytestmark = pytest.mark.database


@pytest.fixture
def ingest(
    make_database: Callable[[str], tuple[str, str]], tmp_path: Path
) -> Iterator[IngestHarness]:
    service_url, owner_url = make_database("ingest")
    upgrade(owner_url, MIGRATIONS)
    made = IngestHarness.make(service_url, tmp_path)
    yield made
    made.engine.dispose()


def person(number: int, loan: str = "1111", amount: str = "$5.00", **more: str) -> str:
    fields = {
        "Employee/DunkinId": f"EMP-{number}",
        "Employee/PhoneNumber": f"+1512555{number:04d}",
        "Employee/LastName": f"Name{number}",
        "Payee/LoanAccountNumber": f"{loan}{number:04d}",
        "Amount": amount,
    }
    return row(fields | {name.replace("_", "/"): value for name, value in more.items()})


FIRST = (
    person(1),
    person(2),
    person(2, "2222"),
    person(3),
    person(4),
    person(5),
    person(6),
    person(7),
)
SECOND = (
    person(1),
    person(2, amount="$7.25"),
    person(2, "3333"),
    person(3, Payor_DunkinId="CORP-2", Payor_AccountNumber="777788889999"),
    person(4, Employee_DunkinBranch="BRC-2"),
    person(6, amount="$0.10"),
    person(7, "4444"),
    person(7),
    person(8),
    person(9, amount="$0.10"),
)


def approved(ingest: IngestHarness, *rows: str, **query: str) -> Any:
    ready = ingest.ready(roster_of(*rows), **query)
    assert ingest.approve(ready).status_code == 200
    return ready


def changed(ingest: IngestHarness, batch: Any, **asked: Any) -> Any:
    return ingest.get(f"/batches/{batch['batch_id']}/changes", **asked)


def listed(found: Any) -> list[tuple[str, str]]:
    return [(one["kind"], one["employee_id"]) for one in found["items"]]


@pytest.fixture
def second(ingest: IngestHarness) -> Any:
    first = approved(ingest, *FIRST)
    return ingest.ready(roster_of(*SECOND), period=next_period(first)) | {"first": first}


def test_every_kind_of_change_is_listed_with_before_and_after(
    ingest: IngestHarness, second: Any
) -> None:
    found = changed(ingest, second)
    assert (found["against"], found["total"], found["next"]) == (
        second["first"]["batch_id"],
        7,
        None,
    )
    assert found["counts"] == {
        "new_person": 1,
        "gone_person": 1,
        "amount": 1,
        "loan": 2,
        "source": 1,
        "branch": 1,
    }
    assert listed(found) == [
        ("new_person", "EMP-8"),
        ("loan", "EMP-2"),
        ("loan", "EMP-7"),
        ("source", "EMP-3"),
        ("amount", "EMP-2"),
        ("branch", "EMP-4"),
        ("gone_person", "EMP-5"),
    ]
    by = {(one["kind"], one["employee_id"]): one for one in found["items"]}
    amount = by["amount", "EMP-2"]
    assert (
        amount["before"]["amount_cents"],
        amount["after"]["amount_cents"],
        amount["after"]["amount"],
        amount["swing_cents"],
    ) == (500, 725, "7.25", 225)
    assert (
        amount["before"]["loan_last4"],
        amount["before"]["institution_id"],
        amount["last_name"],
    ) == ("0002", "ins_116944", "Name2")
    new, gone = by["new_person", "EMP-8"], by["gone_person", "EMP-5"]
    assert (
        new["before"],
        new["after"]["amount_cents"],
        new["last_name"],
        gone["after"],
        gone["before"]["amount_cents"],
    ) == (None, 500, "Name8", None, 500)
    assert gone["last_name"] == "Name5"
    loan = by["loan", "EMP-2"]
    assert (loan["before"]["amount_cents"], loan["after"]["amount_cents"]) == (500, 500)
    assert (by["loan", "EMP-7"]["before"], by["loan", "EMP-7"]["after"]["rows"]) == (None, 1)
    source = by["source", "EMP-3"]
    assert (source["before"]["sources"], source["after"]["sources"]) == (
        ["CORP-1 …5678"],
        ["CORP-2 …9999"],
    )
    assert (
        by["branch", "EMP-4"]["before"]["branch_ids"],
        by["branch", "EMP-4"]["after"]["branch_ids"],
    ) == (["BRC-1"], ["BRC-2"])


def test_no_number_is_shown_in_clear(ingest: IngestHarness, second: Any) -> None:
    shown = json.dumps(changed(ingest, second))
    assert not [
        number
        for number in ("11110002", "33330002", "777788889999", "00012345678", "+1512555", "1988")
        if number in shown
    ]


def test_changes_are_paged_filtered_searched_and_sorted(ingest: IngestHarness, second: Any) -> None:
    whole, cursor = changed(ingest, second), ""
    items: list[Any] = []
    while cursor is not None:
        page = changed(ingest, second, limit=2, cursor=cursor)
        assert (page["total"], page["counts"], len(page["items"]) <= 2) == (
            7,
            whole["counts"],
            True,
        )
        items, cursor = items + page["items"], page["next"]
    assert items == whole["items"]
    for kind, number in whole["counts"].items():
        found = changed(ingest, second, kind=kind)
        assert (found["total"], {one["kind"] for one in found["items"]}, found["counts"]) == (
            number,
            {kind},
            whole["counts"],
        )
    assert listed(changed(ingest, second, q="Ida NAME4")) == [("branch", "EMP-4")]
    assert listed(changed(ingest, second, q="emp-2")) == [("loan", "EMP-2"), ("amount", "EMP-2")]
    assert changed(ingest, second, q="%")["total"] == 0
    swings = [one["swing_cents"] for one in changed(ingest, second, sort="-swing_cents")["items"]]
    assert swings == sorted(swings, reverse=True) != sorted(swings)
    for wrong, code in (
        ({"kind": "colour"}, "changes.kind"),
        ({"sort": "loan_index"}, "page.sort"),
        ({"cursor": "!!"}, "cursor.invalid"),
    ):
        path = f"/batches/{second['batch_id']}/changes"
        answer = ingest.call("GET", path, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_same_roster_in_the_next_period_has_no_change(ingest: IngestHarness) -> None:
    first = approved(ingest, *FIRST)
    found = changed(ingest, ingest.ready(roster_of(*reversed(FIRST)), period=next_period(first)))
    assert (found["items"], found["against"], set(found["counts"].values())) == (
        [],
        first["batch_id"],
        {0},
    )


def test_another_account_under_the_same_payor_id_is_a_changed_source(ingest: IngestHarness) -> None:
    first = approved(ingest, person(1))
    moved = ingest.ready(
        roster_of(person(1, Payor_AccountNumber="00099995678")), period=next_period(first)
    )
    assert listed(changed(ingest, moved)) == [("source", "EMP-1")]


def test_what_is_compared_is_the_roster_approved_last_before_it(
    ingest: IngestHarness, second: Any
) -> None:
    first = second["first"]
    assert changed(ingest, first)["against"] is None
    assert (changed(ingest, first)["items"], changed(ingest, first)["counts"]["new_person"]) == (
        [],
        0,
    )
    later = ingest.ready(roster_of(*SECOND) + b"\n", period=next_period(second))
    assert changed(ingest, later)["against"] == first["batch_id"], "the second one is not approved"
    assert ingest.approve(second).status_code == 200
    assert changed(ingest, later)["against"] == second["batch_id"]
    assert changed(ingest, second)["against"] == first["batch_id"]
    failed = ingest.payments(second)[:1]
    ingest.end(second, failed)
    child = ingest.check(ingest.child(second, filter={"status": "failed"}).json()["batch_id"])
    assert changed(ingest, child)["against"] is None
    assert ingest.approve(child).status_code == 200
    last = ingest.ready(roster_of(*SECOND) + b"\n\n", period=next_period(later))
    assert changed(ingest, last)["against"] == second["batch_id"], "a child batch is no roster"
    ingest.certify(second, "cancelled")
    assert changed(ingest, last)["against"] == first["batch_id"]
    with ingest.engine.begin() as connection:
        run(
            connection,
            "UPDATE batch SET status = 'archived' WHERE batch_id = :id",
            id=first["batch_id"],
        )
    assert changed(ingest, last)["against"] == first["batch_id"]
    assert ingest.approve(last).status_code == 200
    assert changed(ingest, second)["against"] == first["batch_id"], "what came later is not before"


def test_a_batch_that_was_not_read_has_nothing_to_compare(ingest: IngestHarness) -> None:
    approved(ingest, *FIRST)
    batch_id = ingest.upload(b"hello").json()["batch_id"]
    for _ in range(2):
        assert changed(ingest, {"batch_id": batch_id})["against"] is None
        ingest.read_all()
    assert (
        ingest.call("GET", "/batches/00000000-0000-0000-0000-000000000000/changes").status_code
        == 404
    )


def steps_of(ingest: IngestHarness, batch: Any) -> dict[str, tuple[int, int]]:
    found = ingest.get(f"/batches/{batch['batch_id']}/compared")
    parts = (found["before"], *found["steps"], found["after"])
    return {one["kind"]: (one["rows"], one["amount_cents"]) for one in parts}


def test_the_steps_lead_from_the_roster_before_to_this_one_to_the_cent(
    ingest: IngestHarness,
) -> None:
    refused = person(11, amount="$4.00", Payee_LoanAccountNumber="N/A")
    first = approved(ingest, *FIRST, refused)
    second = ingest.ready(roster_of(*SECOND), period=next_period(first))
    assert steps_of(ingest, second) == {
        "before": (9, 4400),
        "new_person": (1, 500),
        "gone_person": (-1, -500),
        "loan": (1, 500),
        "amount": (0, 225),
        "other": (0, -500 - 400),  # one of $0.10 is refused; so was that of EMP-11
        "after": (10, 4225),
    }
    assert ingest.get(f"/batches/{first['batch_id']}/compared")["against"] is None
    assert ingest.get(f"/batches/{second['batch_id']}/compared")["against"] == first["batch_id"]


def test_equal_rosters_have_no_steps(ingest: IngestHarness) -> None:
    first = approved(ingest, *FIRST)
    again = ingest.ready(roster_of(*FIRST) + b" ", period=next_period(first))
    found = steps_of(ingest, again)
    assert found.pop("before") == found.pop("after") == (8, 4000)
    assert set(found.values()) == {(0, 0)}
