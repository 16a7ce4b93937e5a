"""Loans are redirected to one that is paid already: servicers merge them."""

from typing import Any

import pytest

from libs.common.contracts.events.payments import PaymentApproved
from services.ingest.tests.harness import NO_MERCHANT, IngestHarness
from services.ingest.tests.people_and_loans import other_id, someone
from services.ingest.tests.test_decisions import listed, take_back
from services.ingest.tests.test_holds import hold
from services.ingest.tests.test_redirected_claims import (
    ELSEWHERE,
    approved,
    codes,
    lift_all,
)
from services.ingest.tests.test_redirects import (
    holds_on_loans,
    new_loan,
    ready,
    redirect,
    redirected,
    to,
)

pytestmark = pytest.mark.database


def second_of(one: dict[str, str], **changes: str) -> dict[str, str]:
    """Another loan of the person."""
    number = "9" + one["Payee/LoanAccountNumber"]
    return {**one, "Payee/LoanAccountNumber": number, "Amount": "$8.00", **changes}


def issues(ingest: IngestHarness, batch: Any, file_row: int) -> set[str]:
    found = ingest.get(f"/batches/{batch['batch_id']}/issues")["items"]
    return {one["code"] for one in found if one["file_row"] == file_row}


def test_two_loans_become_one_payment_and_both_are_closed(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    batch = ready(ingest, one, second_of(one))
    before = len(holds_on_loans(ingest))
    now = redirected(ingest, redirected(ingest, batch, loan_number=number), 1, loan_number=number)
    assert (now["rows"]["payable"], now["amount_cents"]["payable"]) == (2, 1503)
    assert listed(ingest, now)[1]["change"].endswith(", which row 3 of this person has as well")
    approved(ingest, now)
    (paid,) = ingest.published(now["batch_id"], PaymentApproved)
    assert (paid.amount_cents, paid.loan_last4) == (1503, number[-4:])
    assert len(holds_on_loans(ingest)) == before + 2
    lift_all(ingest)
    assert codes(ingest, ready(ingest, one, second_of(one))) == [ELSEWHERE, ELSEWHERE]
    ingest.end(now, ingest.payments(now))
    assert ingest.live_claims(now) == 0


def test_a_loan_is_merged_into_one_that_the_roster_names(ingest: IngestHarness) -> None:
    one = someone()
    there: dict[str, Any] = {
        **to(second_of(one)["Payee/LoanAccountNumber"]),
        "institution_id": "ins_116944",
    }
    now = redirected(ingest, ready(ingest, one, second_of(one)), **there)
    assert codes(ingest, now) == [
        ("excluded", "redirected"),
        ("payable", ""),
        ("payable", "redirect"),
    ]
    assert issues(ingest, now, 3) == set()
    approved(ingest, now)
    (paid,) = ingest.published(now["batch_id"], PaymentApproved)
    assert paid.amount_cents == 1503


def test_the_same_amount_to_the_same_loan_is_a_warning(ingest: IngestHarness) -> None:
    """A roster that was updated by a second row names both: the old row should be excluded."""
    one, number = someone(), new_loan()
    twice = second_of(one, Amount="$7.03")
    now = redirected(ingest, ready(ingest, one, twice), loan_number=number)
    assert issues(ingest, now, 3) == set()
    now = redirected(ingest, now, 1, loan_number=number)
    assert issues(ingest, now, 4) == {"W_POSSIBLE_DUPLICATE"}
    assert "W_POSSIBLE_DUPLICATE" in now["to_acknowledge"]


def test_another_spelling_of_the_loan_is_a_warning(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    now = redirected(ingest, ready(ingest, one, second_of(one)), loan_number=number)
    now = redirected(ingest, now, 1, loan_number=number.replace("-", ""))
    assert issues(ingest, now, 4) == {"W_LOAN_SPELLING"}


def test_the_loan_of_somebody_else_in_the_batch_is_a_warning_until_taken_back(
    ingest: IngestHarness,
) -> None:
    one, other = someone(), someone()
    there: dict[str, Any] = {**to(other["Payee/LoanAccountNumber"]), "institution_id": "ins_116944"}
    now = redirected(ingest, ready(ingest, one, other), **there)
    assert issues(ingest, now, 3) == {"W_LOAN_TWO_EMPLOYEES"}
    assert "W_LOAN_TWO_EMPLOYEES" in now["to_acknowledge"]
    assert take_back(ingest, now, listed(ingest, now)[0]).status_code == 200
    assert ingest.check(now["batch_id"])["to_acknowledge"] == []


def test_a_loan_that_is_redirected_itself_is_refused_with_what_to_do(
    ingest: IngestHarness,
) -> None:
    one = someone()
    now = redirected(ingest, ready(ingest, one, second_of(one)), 1)
    there: dict[str, Any] = {
        **to(second_of(one)["Payee/LoanAccountNumber"]),
        "institution_id": "ins_116944",
    }
    answer = redirect(ingest, now, 0, **there)
    assert (answer.status_code, answer.json()["code"]) == (409, "decision.loan-there")
    assert "row 2, and is redirected" in answer.json()["message"]
    assert "Enter the loan that is paid there instead" in answer.json()["action"]
    assert ingest.batch(now["batch_id"]) == now


def previewed(ingest: IngestHarness, batch: Any, number: int = 0, **more: Any) -> tuple[int, int]:
    """What a dry run says; what is decided then says the same, and the check agrees with it."""
    dry = redirect(ingest, batch, number, **more, dry_run=True).json()
    assert ingest.batch(batch["batch_id"]) == batch
    done = redirect(ingest, batch, number, **more).json()
    assert done["payable_after"] == dry["payable_after"]
    now = ingest.check(batch["batch_id"])
    after: dict[str, int] = dry["payable_after"]
    assert (now["rows"]["payable"], now["amount_cents"]["payable"]) == tuple(after.values())
    (effect,) = dry["decisions"]
    return effect["payable_rows_change"], effect["payable_cents_change"]


def test_a_dry_run_counts_a_new_row_that_is_paid(ingest: IngestHarness) -> None:
    held = someone()
    target = {"id": held["Payee/LoanAccountNumber"], "institution_id": "ins_116944"}
    assert hold(ingest, kind="loan", **target).status_code == 200
    batch = ready(ingest, held, someone())
    assert previewed(ingest, batch) == (1, 703)
    assert previewed(ingest, ingest.batch(batch["batch_id"]), 1) == (0, 0)


def test_a_dry_run_knows_that_the_institution_has_no_merchant(ingest: IngestHarness) -> None:
    batch = ready(ingest, someone(), someone(**{"Payee/PlaidId": NO_MERCHANT}))
    assert previewed(ingest, batch, institution_id=NO_MERCHANT) == (-1, -703)


def test_a_dry_run_knows_what_is_held_and_what_is_paid_elsewhere(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    assert hold(ingest, kind="loan", id=number, institution_id="ins_116945").status_code == 200
    assert previewed(ingest, ready(ingest, one), loan_number=number) == (-1, -703)
    two, number = someone(), new_loan()
    named = {"Payee/LoanAccountNumber": number, "Payee/PlaidId": "ins_116945"}
    approved(ingest, ready(ingest, {**two, **named}))
    assert previewed(ingest, ready(ingest, two), loan_number=number) == (-1, -703)
    three, number = someone(), new_loan()
    named["Payee/LoanAccountNumber"] = number
    approved(ingest, ready(ingest, other_id(three, **named)))
    assert previewed(ingest, ready(ingest, three), loan_number=number) == (-1, -703)
