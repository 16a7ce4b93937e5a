"""Of a redirected loan and the one that took its place, at most one is paid on the same days.

Whichever batch is approved first, under which employee id, and whatever became of a payment.
"""

from typing import Any

import pytest

from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import run
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.harness import IngestHarness
from services.ingest.tests.people_and_loans import forget_keys, include_all, other_id, someone
from services.ingest.tests.test_decisions import decide, take_back
from services.ingest.tests.test_redirects import (
    holds_on_loans,
    new_loan,
    outcomes,
    ready,
    redirect,
    redirected,
)

pytestmark = pytest.mark.database
SAME_PERSON = ("excluded", "same_person_in_period")
ELSEWHERE = ("excluded", "already_in_period")
OTHER_SOURCE = {"Payor/DunkinId": "CORP-2", "Payor/AccountNumber": "00087654321"}


def approved(ingest: IngestHarness, batch: Any, **more: Any) -> Any:
    answer = ingest.approve(batch, **more)
    assert answer.status_code == 200, answer.text
    return batch


def codes(ingest: IngestHarness, batch: Any) -> list[tuple[str, str]]:
    return [kind[:2] for kind in outcomes(ingest, batch)]


def lift_all(ingest: IngestHarness) -> None:
    """Lift the holds on loans: then only claims keep a loan from being paid."""
    for one in holds_on_loans(ingest):
        if one["lifted_by"] is None:
            path = f"/holds/{one['hold_id']}/lift"
            assert ingest.call("POST", path, "anna", json={"reason": "x"}).status_code == 200


def warned(ingest: IngestHarness, batch: Any) -> dict[int, str]:
    found = ingest.get(f"/batches/{batch['batch_id']}/issues")["items"]
    return {one["file_row"]: one["value"] for one in found if one["code"] == "W_LOAN_OTHER_PERSON"}


def unpayable(ingest: IngestHarness, one: dict[str, str], number: str) -> Any:
    """An approved batch whose redirected row the provider could not pay; another row is paid."""
    batch = ready(ingest, one, someone())
    assert redirect(ingest, batch, loan_number=number).status_code == 200
    now = ingest.check(batch["batch_id"], inactive_people=(one["Employee/DunkinId"],))
    assert codes(ingest, now)[2] == ("unpayable", "inactive_person")
    return approved(ingest, now)


def paid_under_another_id(ingest: IngestHarness, one: dict[str, str], number: str = "") -> Any:
    """A redirected batch, checked again after another one paid the old loan under another id."""
    now = redirected(ingest, ready(ingest, one), loan_number=number or new_loan())
    approved(ingest, ready(ingest, other_id(one)))
    return ingest.check_again(now)


def child(ingest: IngestHarness, batch: Any, status: str = "failed") -> Any:
    answer = ingest.child(batch, filter={"status": status})
    assert answer.status_code < 300, answer.text
    return ingest.check(answer.json()["batch_id"])


def test_the_same_person_is_not_paid_again_under_another_id(ingest: IngestHarness) -> None:
    """The other id has the old loan; as the row that is not redirected, an approver includes it."""
    one, number = someone(), new_loan()
    now = paid_under_another_id(ingest, one, number)
    assert codes(ingest, now) == [("excluded", "redirected"), SAME_PERSON]
    _, new = ingest.rows(now)
    assert "under another employee id with the same name and birth date" in new["reason"]
    assert now["rows"]["payable"] == 0
    assert "the loan before its redirection" in warned(ingest, now)[2]
    assert "the loan before" not in warned(ingest, now)[1]
    include = {"row_id": new["row_id"], "reason": "two jobs, both pay"}
    answer = ingest.approve(now, include=[include])
    assert answer.status_code == 200, answer.text
    (paid,) = ingest.published(now["batch_id"], PaymentApproved)
    assert paid.loan_last4 == number[-4:]


def test_a_decision_before_the_approval_includes_it_as_well(ingest: IngestHarness) -> None:
    now = paid_under_another_id(ingest, someone())
    row_id = ingest.rows(now)[1]["row_id"]
    assert decide(ingest, now, "adam", act="include", row_id=row_id).status_code == 200
    again = ingest.check(now["batch_id"])
    assert codes(ingest, again)[1] == ("payable", "included")
    approved(ingest, again)


def test_an_approval_under_the_other_id_meanwhile_is_seen(ingest: IngestHarness) -> None:
    one = someone()
    now, there = redirected(ingest, ready(ingest, one)), ready(ingest, other_id(one))
    approved(ingest, there)
    assert ingest.approve(now).json()["code"] == "approval.claims-moved"
    assert codes(ingest, ingest.check(now["batch_id"]))[1] == SAME_PERSON


def test_another_person_with_the_old_loan_is_a_warning(ingest: IngestHarness) -> None:
    one = someone()
    approved(ingest, ready(ingest, other_id(one, **{"Employee/FirstName": "Bob"})))
    now = redirected(ingest, ready(ingest, one))
    assert codes(ingest, now)[1] == ("payable", "redirect")
    assert "(another name, same birth date, the loan before its" in warned(ingest, now)[2]


@pytest.mark.parametrize("name", ["Ida", "Bob"])
def test_the_new_loan_is_compared_with_what_other_people_are_paid_for(
    ingest: IngestHarness, name: str
) -> None:
    one, number = someone(), new_loan()
    other = other_id(one, **{"Payee/LoanAccountNumber": number, "Employee/FirstName": name})
    approved(ingest, ready(ingest, {**other, "Payee/PlaidId": "ins_116945"}))
    now = redirected(ingest, ready(ingest, one), loan_number=number)
    assert codes(ingest, now)[1] == (SAME_PERSON if name == "Ida" else ("payable", "redirect"))
    assert list(warned(ingest, now)) == [2]
    assert "the loan before" not in warned(ingest, now)[2]


def test_what_the_other_id_redirected_counts_as_paid(ingest: IngestHarness) -> None:
    """The other id is paid to a new loan in place of the same old one."""
    one = someone()
    approved(ingest, redirected(ingest, ready(ingest, other_id(one))))
    lift_all(ingest)
    assert codes(ingest, ready(ingest, one)) == [SAME_PERSON]


def test_what_was_taken_back_warns_of_nobody(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    other = other_id(one, **{"Payee/LoanAccountNumber": number, "Employee/FirstName": "Bob"})
    approved(ingest, ready(ingest, {**other, "Payee/PlaidId": "ins_116945"}))
    now = redirected(ingest, ready(ingest, one), loan_number=number)
    assert list(warned(ingest, now)) == [2]
    (made,) = ingest.get(f"/batches/{now['batch_id']}/decisions")["items"]
    assert take_back(ingest, now, made).status_code == 200
    assert warned(ingest, ingest.check(now["batch_id"])) == {}


def test_included_in_one_batch_the_old_loan_is_not_taken_in_by_another(
    ingest: IngestHarness,
) -> None:
    """One batch pays again what is paid elsewhere: to the new loan. No second one, to the old."""
    one = someone()
    now = paid_under_another_id(ingest, one)
    include = {"row_id": ingest.rows(now)[1]["row_id"], "reason": "two jobs, both pay"}
    approved(ingest, now, include=[include])
    lift_all(ingest)
    again = ready(ingest, one)
    assert codes(ingest, again) == [ELSEWHERE]
    answer = include_all(ingest, again)
    assert answer.json()["code"] == "approval.include-taken"
    ingest.end(now, ingest.payments(now))
    assert include_all(ingest, ingest.check_again(again)).status_code == 200


def test_the_new_loan_waits_when_the_old_one_was_paid_elsewhere(ingest: IngestHarness) -> None:
    """Nothing was claimed for a row that could not be paid; the hold was lifted meanwhile."""
    one, number = someone(), new_loan()
    parent = unpayable(ingest, one, number)
    lift_all(ingest)
    there = approved(ingest, ready(ingest, one))
    later = child(ingest, parent, "unpayable")
    assert codes(ingest, later) == [ELSEWHERE]
    (new,) = ingest.rows(later)
    assert new["reason"].startswith(
        f"the loan before its redirection is already in batch {there['batch_id']}"
    )


def test_an_approval_elsewhere_meanwhile_is_seen_by_the_child_batch(
    ingest: IngestHarness,
) -> None:
    one, number = someone(), new_loan()
    parent = unpayable(ingest, one, number)
    later = child(ingest, parent, "unpayable")
    assert later["rows"]["payable"] == 1
    lift_all(ingest)
    approved(ingest, ready(ingest, one))
    assert ingest.approve(later).json()["code"] == "approval.claims-moved"


def test_a_child_batch_that_pays_the_new_loan_claims_the_old_one(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    parent = unpayable(ingest, one, number)
    approved(ingest, child(ingest, parent, "unpayable"))
    lift_all(ingest)
    assert codes(ingest, ready(ingest, one)) == [ELSEWHERE]
    assert codes(ingest, ready(ingest, other_id(one))) == [SAME_PERSON]


def test_the_claim_of_the_old_loan_is_released_with_the_payment_of_the_new_one(
    ingest: IngestHarness,
) -> None:
    one = someone()
    here = approved(ingest, redirected(ingest, ready(ingest, one)))
    assert ingest.live_claims(here) == 2
    ingest.end(here, ingest.payments(here))
    assert ingest.live_claims(here) == 0
    lift_all(ingest)
    approved(ingest, ready(ingest, one))
    assert codes(ingest, child(ingest, here)) == [ELSEWHERE]


def test_another_payment_of_the_family_does_not_release_it(ingest: IngestHarness) -> None:
    """Two sources pay one loan: one payment failed and was redirected, then the other fails."""
    one = someone()
    parent = approved(ingest, ready(ingest, one, {**one, **OTHER_SOURCE}))
    first, second = ingest.payments(parent)
    ingest.end(parent, [first])
    approved(ingest, redirected(ingest, child(ingest, parent)))
    ingest.end(parent, [second])
    assert ingest.live_claims(parent) == 2
    lift_all(ingest)
    assert codes(ingest, ready(ingest, one)) == [ELSEWHERE]


def test_a_loan_redirected_twice_closes_both(ingest: IngestHarness) -> None:
    """In a batch, and the new loan again in its child: the payment stands for all three."""
    one, number = someone(), new_loan()
    here = approved(ingest, redirected(ingest, ready(ingest, one), loan_number=number))
    ingest.end(here, ingest.payments(here))
    last = approved(ingest, redirected(ingest, child(ingest, here)))
    ingest.end(last, ingest.payments(last))
    approved(ingest, child(ingest, last))
    lift_all(ingest)
    middle = {"Payee/LoanAccountNumber": number, "Payee/PlaidId": "ins_116945"}
    assert codes(ingest, ready(ingest, one, {**one, **middle})) == [ELSEWHERE, ELSEWHERE]


def test_a_restore_knows_that_the_payment_of_the_new_loan_had_ended(
    backed_up: BackedUpIngest,
) -> None:
    """The backup has it live; since then it failed, and another batch paid the old loan."""
    one = someone()
    here = approved(backed_up.ingest, redirected(backed_up.ingest, ready(backed_up.ingest, one)))
    backup = backed_up.back_up()
    backed_up.ingest.end(here, backed_up.ingest.payments(here))
    lift_all(backed_up.ingest)
    there = approved(backed_up.ingest, ready(backed_up.ingest, one))
    ingest = backed_up.restore(backup)
    assert ingest.batch(there["batch_id"])["approved_by"] == "anna"
    assert ingest.live_claims(here) == 0
    assert ingest.live_claims(there) == 1


def test_a_row_without_keys_is_not_redirected_with_others_like_it(ingest: IngestHarness) -> None:
    batch = ready(ingest, someone(), someone())
    forget_keys(ingest, batch)
    answer = redirect(ingest, batch)
    assert answer.json()["code"] == "decision.row"
    assert "row 1:" in answer.json()["message"], answer.text
    with ingest.engine.connect() as connection:
        found = run(
            connection,
            "SELECT count(*) FROM amendment WHERE batch_id = :id",
            id=batch["batch_id"],
        ).scalar_one()
    assert found == 0
