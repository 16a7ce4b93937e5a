"""A restored database has the redirections that were published, and pays neither loan twice."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.events.holds import HoldChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import run
from services.ingest.domain.redirect import choose_published
from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import IngestHarness, next_period
from services.ingest.tests.people_and_loans import someone
from services.ingest.tests.test_decisions import listed, take_back
from services.ingest.tests.test_redirects import (
    holds_on_loans,
    new_loan,
    outcomes,
    ready,
    redirect,
    redirected,
)

pytestmark = pytest.mark.database
PAID = [("excluded", "redirected"), ("payable", "redirect")]


def test_an_approved_redirection_is_as_it_was_after_a_restore(backed_up: BackedUpIngest) -> None:
    one = someone()
    batch = ready(backed_up.ingest, one)
    backup = backed_up.back_up()
    now = redirected(backed_up.ingest, batch)
    assert backed_up.ingest.approve(now).status_code == 200
    paid = backed_up.ingest.payments(now)
    ingest = backed_up.restore(backup)
    assert ingest.payments(now) == paid
    assert [kind[:2] for kind in outcomes(ingest, now)] == [
        ("excluded", "redirected"),
        ("payable", "redirect"),
    ]
    (held,) = ingest.rows(ready(ingest, one, period=next_period(now)))
    assert held["reason_code"] == "on_hold"


def test_an_open_redirection_is_as_it_was_after_a_restore(backed_up: BackedUpIngest) -> None:
    batch = ready(backed_up.ingest, someone())
    backup = backed_up.back_up()
    number = new_loan()
    redirected(backed_up.ingest, batch, loan_number=number)
    ingest = backed_up.restore(backup)
    again = ingest.check(batch["batch_id"])
    assert [kind[:2] for kind in outcomes(ingest, again)] == [
        ("excluded", "redirected"),
        ("payable", "redirect"),
    ]
    assert ingest.approve(again).status_code == 200
    (paid,) = ingest.published(batch["batch_id"], PaymentApproved)
    assert paid.loan_last4 == number[-4:]


def test_a_redirection_whose_row_is_lost_pays_neither_loan(backed_up: BackedUpIngest) -> None:
    """The new row is published by the check, which did not come to its end."""
    batch = ready(backed_up.ingest, someone())
    backup = backed_up.back_up()
    assert redirect(backed_up.ingest, batch).status_code == 200
    ingest = backed_up.restore(backup)
    again = ingest.check(batch["batch_id"])
    assert [kind[:2] for kind in outcomes(ingest, again)] == [("excluded", "redirected")]
    assert take_back(ingest, again, listed(ingest, again)[0]).status_code == 200
    assert ingest.check(batch["batch_id"])["rows"]["payable"] == 1


def numbers(ingest: IngestHarness, batch: Any) -> list[tuple[int, str]]:
    return [(one["file_row"], one["loan_last4"]) for one in ingest.rows(batch)]


def warned(ingest: IngestHarness, batch: Any) -> list[tuple[int, str]]:
    found = ingest.get(f"/batches/{batch['batch_id']}/issues")["items"]
    return sorted((one["file_row"], one["code"]) for one in found)


def test_the_number_of_a_lost_row_is_not_given_again(backed_up: BackedUpIngest) -> None:
    batch, number = ready(backed_up.ingest, someone()), new_loan()
    backup = backed_up.back_up()
    assert redirect(backed_up.ingest, batch).status_code == 200
    ingest = backed_up.restore(backup)
    again = ingest.check(batch["batch_id"])
    assert take_back(ingest, again, listed(ingest, again)[0]).status_code == 200
    now = redirected(ingest, ingest.check(batch["batch_id"]), loan_number=number)
    assert numbers(ingest, now)[1] == (3, number[-4:])
    assert [kind[:2] for kind in outcomes(ingest, now)] == PAID


def test_warnings_about_a_new_row_are_there_again(backed_up: BackedUpIngest) -> None:
    """It is short, and somebody else has it."""
    batch = ready(backed_up.ingest, someone(), someone(**{"Payee/LoanAccountNumber": "7712"}))
    backup = backed_up.back_up()
    there: dict[str, Any] = {"loan_number": "77-12", "institution_id": "ins_116944"}
    now = redirected(backed_up.ingest, batch, **there)
    before = warned(backed_up.ingest, now)
    codes = {code for file_row, code in before if file_row == 3}
    assert codes == {"W_LOAN_SHORT", "W_LOAN_SPELLING", "W_LOAN_TWO_EMPLOYEES"}
    ingest = backed_up.restore(backup)
    again = ingest.check(batch["batch_id"])
    assert warned(ingest, again) == before
    assert again["to_acknowledge"] == now["to_acknowledge"]


@pytest.mark.parametrize("is_approved", [False, True])
def test_a_file_that_is_read_again_keeps_its_redirection(
    backed_up: BackedUpIngest, is_approved: bool
) -> None:
    """The backup has the batch before its file was read."""
    answer = backed_up.ingest.upload(roster(row(someone())))
    backup = backed_up.back_up()
    backed_up.ingest.read_all()
    batch, number = backed_up.ingest.check(answer.json()["batch_id"]), new_loan()
    now = redirected(backed_up.ingest, batch, loan_number=number)
    if is_approved:
        assert backed_up.ingest.approve(now).status_code == 200
    ingest = backed_up.restore(backup)
    if not is_approved:
        ingest.read_all()
        now = ingest.check(batch["batch_id"])
    assert [kind[:2] for kind in outcomes(ingest, now)] == PAID
    assert numbers(ingest, now)[1] == (2, number[-4:])
    if not is_approved:
        assert ingest.approve(now).status_code == 200
    (paid,) = ingest.published(batch["batch_id"], PaymentApproved)
    assert paid.loan_last4 == number[-4:]


@pytest.mark.parametrize("is_approved", [False, True])
def test_a_row_that_was_never_published_makes_room(
    backed_up: BackedUpIngest, is_approved: bool
) -> None:
    """It has the number of the row that was published, in a backup of work that was lost."""
    batch, number = ready(backed_up.ingest, someone()), new_loan()
    before = backed_up.back_up()
    assert redirect(backed_up.ingest, batch).status_code == 200
    lost = backed_up.back_up()
    ingest = backed_up.restore(before, lost=1)
    assert listed(ingest, batch) == []
    now = redirected(ingest, ingest.batch(batch["batch_id"]), loan_number=number)
    if is_approved:
        assert ingest.approve(now).status_code == 200
    ingest = backed_up.restore(lost)
    if not is_approved:
        now = ingest.check(batch["batch_id"])
        assert ingest.approve(now).status_code == 200
    assert [kind[:2] for kind in outcomes(ingest, now)] == PAID
    assert numbers(ingest, now)[1] == (2, number[-4:])
    (paid,) = ingest.published(batch["batch_id"], PaymentApproved)
    assert paid.loan_last4 == number[-4:]
    assert ingest.live_claims(now) == 2
    assert [one["withdrawn_by"] for one in listed(ingest, now)] == ["paydown", None]


def test_a_row_is_not_paid_under_a_redirection_that_names_another_one(
    backed_up: BackedUpIngest,
) -> None:
    """The row that was named is lost; one of lost work has its number, and leads elsewhere."""
    batch = ready(backed_up.ingest, someone())
    before = backed_up.back_up()
    assert redirect(backed_up.ingest, batch).status_code == 200
    lost = backed_up.back_up()
    ingest = backed_up.restore(before, lost=1)
    assert redirect(ingest, ingest.check_again(batch)).status_code == 200
    ingest = backed_up.restore(lost)
    again = ingest.check(batch["batch_id"])
    assert [kind[:2] for kind in outcomes(ingest, again)] == [
        ("excluded", "redirected"),
        ("excluded", "redirect_taken_back"),
    ]
    (standing,) = [one for one in listed(ingest, again) if one["withdrawn_by"] is None]
    assert take_back(ingest, again, standing).status_code == 200
    assert ingest.check(batch["batch_id"])["rows"]["payable"] == 1


def test_a_redirection_that_was_never_published_does_not_stand(backed_up: BackedUpIngest) -> None:
    """Meanwhile another one with the same number was published, and taken back."""
    batch = ready(backed_up.ingest, someone())
    before = backed_up.back_up()
    assert redirect(backed_up.ingest, batch).status_code == 200
    lost = backed_up.back_up()
    ingest = backed_up.restore(before, lost=1)
    now = redirected(ingest, ingest.batch(batch["batch_id"]))
    assert take_back(ingest, now, listed(ingest, now)[0]).status_code == 200
    ingest.check(batch["batch_id"])
    ingest = backed_up.restore(lost)
    again = ingest.check(batch["batch_id"])
    assert [kind[:2] for kind in outcomes(ingest, again)] == [
        ("payable", ""),
        ("excluded", "redirect_taken_back"),
    ]


def test_a_loan_is_closed_again_when_its_hold_was_lifted_and_the_approval_lost(
    backed_up: BackedUpIngest,
) -> None:
    """The hold was published, the approval was not."""
    one = someone()
    now = redirected(backed_up.ingest, ready(backed_up.ingest, one))
    backup = backed_up.back_up()
    assert backed_up.ingest.approve(now).status_code == 200
    ingest = backed_up.restore(backup, lost=2)  # the batch, and its payment
    assert ingest.batch(now["batch_id"])["approved_by"] is None
    (held,) = holds_on_loans(ingest)
    path = f"/holds/{held['hold_id']}/lift"
    assert ingest.call("POST", path, "anna", json={"reason": "x"}).status_code == 200
    again = ingest.batch(now["batch_id"])
    if again["status"] == "checking":
        again = ingest.check(now["batch_id"])
    assert ingest.approve(again).status_code == 200
    new, old = holds_on_loans(ingest)
    assert (new["lifted_by"], old["lifted_by"]) == (None, "anna")
    with ingest.engine.connect() as connection:
        published = run(
            connection,
            "SELECT body FROM outbox WHERE message_type = :type ORDER BY id DESC LIMIT 1",
            type=HoldChanged.name(),
        ).scalar_one()
    newest = HoldChanged.model_validate_json(published)
    assert (str(newest.hold_id), newest.lifted_by) == (new["hold_id"], None)
    (later,) = ingest.rows(ready(ingest, one, period=next_period(now)))
    assert later["reason_code"] == "on_hold"


def test_of_published_rows_of_one_number_the_named_one_counts() -> None:
    def published(row: int, number: int, revision: int) -> Any:
        return SimpleNamespace(row_id=UUID(int=row), file_row=number, revision=revision)

    rows = [published(1, 3, 2), published(2, 3, 7), published(3, 4, 1)]
    assert [one.row_id.int for one in choose_published(rows, [])] == [2, 3]
    assert [one.row_id.int for one in choose_published(rows, [str(UUID(int=1))])] == [1, 3]
