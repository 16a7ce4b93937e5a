"""What the provider refused is not payable in the preview; what was paid by other means never."""

from typing import Any

import pytest

from libs.common.contracts.events.preparation import RefusedLoan, RefusedPerson, SourceProblem
from libs.common.contracts.statuses import PAID_ELSEWHERE
from libs.common.database.engine import run
from services.ingest.tests.harness import IngestHarness

pytestmark = pytest.mark.database


def indexes(ingest: IngestHarness, batch: Any, number: int) -> Any:
    """A payable row of the employee of this number, with person index and loan index."""
    with ingest.engine.connect() as connection:
        return run(
            connection,
            """
            SELECT DISTINCT ON (employee_id) row_id::text, employee_id, person_index, loan_index
            FROM batch_row
            WHERE batch_id = :id AND status = 'payable'
            ORDER BY employee_id, file_row
            OFFSET :number LIMIT 1""",
            id=batch["batch_id"],
            number=number,
        ).one()


@pytest.mark.parametrize("checked", [True, False])
def test_rows_of_refused_people_and_loans_are_not_payable_and_are_again_once_they_are_mended(
    ingest: IngestHarness, xml: bytes, checked: bool
) -> None:
    ready = ingest.ready(xml)
    person, loan = indexes(ingest, ready, 0), indexes(ingest, ready, 1)
    of_person = {"employee_id": person.employee_id, "person_index": person.person_index}
    of_loan = {"employee_id": loan.employee_id, "person_index": loan.person_index}
    answer = ingest.call("POST", f"/batches/{ready['batch_id']}/check-again", "paula")
    assert answer.json()["status"] == "checking"
    refused = ingest.check(
        ready["batch_id"],
        checked=checked,
        refused_people=(RefusedPerson(**of_person, code="x", message="no such phone"),),
        refused_loans=(RefusedLoan(**of_loan, loan_index=loan.loan_index, code="y", message="no"),),
    )
    rows = {row["row_id"]: row for row in ingest.rows(ready)}
    assert [rows[one.row_id]["reason_code"] for one in (person, loan)] == [
        "refused_person",
        "refused_loan",
    ]
    assert rows[person.row_id]["reason"] == "The provider refused this person: no such phone"
    assert refused["digest"] != ready["digest"]
    ingest.call("POST", f"/batches/{ready['batch_id']}/check-again", "anna")
    assert ingest.check(ready["batch_id"])["digest"] == ready["digest"]


def test_a_mended_person_is_not_stopped_by_the_refusal_of_the_old_one(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    person = indexes(ingest, ready, 0)
    old = RefusedPerson(
        employee_id=person.employee_id, person_index="of the old phone", code="x", message=""
    )
    ingest.call("POST", f"/batches/{ready['batch_id']}/check-again", "paula")
    again = ingest.check(ready["batch_id"], refused_people=(old,))
    assert again["rows"]["payable"] == ready["rows"]["payable"]


def test_a_source_known_as_refused_is_not_payable_though_nobody_could_be_asked(
    ingest: IngestHarness, xml: bytes
) -> None:
    ready = ingest.ready(xml)
    source = ready["sources"][0]["source_account_id"]
    problem = SourceProblem(source_account_id=source, code="refused", message="no")
    ingest.call("POST", f"/batches/{ready['batch_id']}/check-again", "paula")
    ingest.check(ready["batch_id"], checked=False, problems=[problem])
    of_source = [row for row in ingest.rows(ready) if row["source_account_id"] == source]
    assert "payable" not in {row["status"] for row in of_source}
    assert "refused" in {row["reason_code"] for row in of_source}


def test_only_a_ready_batch_is_checked_again(ingest: IngestHarness, xml: bytes) -> None:
    ready = ingest.ready(xml)
    assert ingest.approve(ready).status_code == 200
    path = f"/batches/{ready['batch_id']}/check-again"
    assert ingest.call("POST", path, "paula").json()["status"] == "approved"
    assert ingest.call("POST", path, "otto").status_code == 403


def test_what_was_paid_by_other_means_is_never_payable_again(
    ingest: IngestHarness, xml: bytes
) -> None:
    first = ingest.ready(xml)
    assert ingest.approve(first).status_code == 200
    payments, claims = ingest.payments(first), ingest.live_claims(first)
    ingest.end(first, payments, "cancelled", reason_code=PAID_ELSEWHERE)
    ingest.certify(first, "cancelled")
    assert ingest.live_claims(first) == claims
    assert ingest.child(first, filter={"status": "cancelled"}).json()["code"] == "child.no-rows"
    assert ingest.ready(xml)["rows"]["payable"] == 0
