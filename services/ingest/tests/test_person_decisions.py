"""A person or a loan has the decisions about its rows, and the holds that these fall under."""

from typing import Any

import pytest

from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database


def first_person(ingest: IngestHarness, batch: Any) -> tuple[Any, list[Any]]:
    """A row with a person, and all rows of this person."""
    rows = ingest.rows(batch)
    first = next(one for one in rows if one["status"] == "payable")
    return first, [one for one in rows if one["person_id"] == first["person_id"]]


def decide(ingest: IngestHarness, batch: Any, **what: Any) -> Any:
    path = f"/batches/{batch['batch_id']}/decisions"
    answer = ingest.call("POST", path, "peter", json={"decisions": [{"act": "exclude", **what}]})
    assert answer.status_code == 200, answer.text
    return answer.json()["decisions"][0]


def hold(ingest: IngestHarness, **what: Any) -> Any:
    answer = ingest.call("POST", "/holds", "peter", json={"reason": "court order", **what})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_person_has_the_decisions_about_the_own_rows_and_no_others(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    row, own = first_person(ingest, ready)
    made = decide(ingest, ready, employee_id=row["employee_id"], reason="on leave")
    ingest.check(ready["batch_id"])
    other = next(one for one in ingest.rows(ready) if one["person_id"] != row["person_id"])
    decide(ingest, ready, row_id=other["row_id"], reason="another person")
    ingest.check(ready["batch_id"])
    person = ingest.get(f"/people/{row['person_id']}")
    (shown,) = person["decisions"]
    assert (shown["decision_id"], shown["act"], shown["reason"], shown["decided_by"]) == (
        *(made["decision_id"], "exclude", "on leave", "peter"),
    )
    assert shown["file_rows"] == [one["file_row"] for one in own]
    assert (shown["batch_id"], shown["filename"]) == (ready["batch_id"], ready["filename"])
    (of_loan,) = ingest.get(f"/loans/{row['loan_id']}")["decisions"]
    assert of_loan["decision_id"] == made["decision_id"]
    taken = f"/batches/{ready['batch_id']}/decisions/{made['decision_id']}"
    assert ingest.call("DELETE", taken, "adam").status_code == 200
    (withdrawn,) = ingest.get(f"/people/{row['person_id']}")["decisions"]
    assert withdrawn["withdrawn_by"] == "adam"


def test_a_person_has_the_holds_on_person_loan_branch_and_source_the_standing_ones_first(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    row, own = first_person(ingest, ready)
    stranger = next(one for one in ingest.rows(ready) if one["person_id"] != row["person_id"])
    made = [
        hold(ingest, kind="person", row_id=row["row_id"]),
        hold(ingest, kind="loan", row_id=row["row_id"]),
        hold(ingest, kind="branch", row_id=row["row_id"]),
    ]
    hold(ingest, kind="person", row_id=stranger["row_id"])
    lifted = ingest.call(
        "POST", f"/holds/{made[0]['hold_id']}/lift", "anna", json={"reason": "back"}
    )
    assert lifted.status_code == 200
    held = ingest.get(f"/people/{row['person_id']}")["holds"]
    assert [one["kind"] for one in held] == ["branch", "loan", "person"]
    assert [one["lifted_by"] for one in held] == [None, None, "anna"]
    (of_loan,) = ingest.get(f"/loans/{row['loan_id']}")["holds"]
    assert of_loan["hold_id"] == made[1]["hold_id"]
    assert len({one["hold_id"] for one in held}) == 3
    assert len(own) >= 1
