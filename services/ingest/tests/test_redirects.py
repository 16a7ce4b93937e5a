"""People redirect a loan before the approval: another one is paid, and the old one is closed."""

from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.holds import HoldChanged
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import NO_MERCHANT, IngestHarness, next_period
from services.ingest.tests.people_and_loans import someone
from services.ingest.tests.test_decisions import decide, listed, take_back
from services.ingest.tests.test_holds import hold

pytestmark = pytest.mark.database
_numbers = count(4001)


def new_loan() -> str:
    """A loan number that nobody had before; it ends in `01-a` and so on."""
    return f"77-{next(_numbers)}-a"


def to(number: str = "") -> dict[str, str]:
    return {
        "act": "redirect",
        "institution_id": "ins_116945",
        "loan_number": number or new_loan(),
        "reason": "the servicer changed",
    }


def ready(ingest: IngestHarness, *rows: dict[str, str], **query: str) -> Any:
    """A ready batch of a file with bytes of its own."""
    return ingest.ready(roster(*(row(one) for one in rows)) + b" " * next(_numbers), **query)


def redirect(ingest: IngestHarness, batch: Any, number: int = 0, **more: Any) -> Any:
    row_id = ingest.rows(batch)[number]["row_id"]
    return decide(ingest, batch, **{**to(), "row_id": row_id, **more})


def redirected(ingest: IngestHarness, batch: Any, number: int = 0, **more: Any) -> Any:
    """The batch, checked again after a redirection."""
    answer = redirect(ingest, batch, number, **more)
    assert answer.status_code == 200, answer.text
    return ingest.check(batch["batch_id"])


def outcomes(ingest: IngestHarness, batch: Any) -> list[tuple[str, str, str]]:
    return [(one["status"], one["reason_code"], one["loan_last4"]) for one in ingest.rows(batch)]


def holds_on_loans(ingest: IngestHarness) -> list[Any]:
    found = ingest.get("/holds", lifted="true")["items"]
    return [one for one in found if one["kind"] == "loan"]


def test_the_new_loan_is_paid_and_the_old_one_is_closed(ingest: IngestHarness) -> None:
    one, other, number = someone(), someone(), new_loan()
    batch = ready(ingest, one, other)
    dry = redirect(ingest, batch, dry_run=True).json()
    assert dry["payable_before"] == dry["payable_after"] == {"rows": 2, "amount_cents": 1406}
    assert ingest.batch(batch["batch_id"]) == batch
    now = redirected(ingest, batch, loan_number=number)
    assert now["digest"] != batch["digest"]
    assert (now["rows"]["payable"], now["rows"]["excluded"]) == (2, 1)
    old, _, new = ingest.rows(now)
    assert (old["status"], old["reason"]) == (
        "excluded",
        "redirected by peter: the servicer changed",
    )
    assert (new["status"], new["institution_id"]) == ("payable", "ins_116945")
    assert new["reason"] == "instead of row 1, redirected by peter: the servicer changed"
    (made,) = listed(ingest, now)
    assert (made["act"], made["target"], made["rows"], made["amount_cents"]) == (
        *("redirect", "row 1", 1, 703),
    )
    assert made["change"].endswith(f"is redirected to ins_116945, ending in {number[-4:]}")
    assert "ins_116945" in ingest.published(batch["batch_id"], BatchChanged)[-1].institutions
    held_before = len(holds_on_loans(ingest))
    assert ingest.approve(now, "peter").status_code == 403
    assert len(holds_on_loans(ingest)) == held_before
    assert ingest.approve(now).status_code == 200
    paid = ingest.published(batch["batch_id"], PaymentApproved)
    assert sorted(p.loan_last4 for p in paid) == sorted(
        [number[-4:], other["Payee/LoanAccountNumber"][-4:]]
    )
    assert {new["row_id"]} == {
        str(r.row_id) for p in paid for r in p.rows if p.loan_last4 == number[-4:]
    }
    closed = holds_on_loans(ingest)[0]
    assert (closed["set_by"], closed["last_day"]) == ("peter", None)
    later = ready(ingest, one, period=next_period(now))
    (held,) = ingest.rows(later)
    assert (held["status"], held["reason_code"]) == ("excluded", "on_hold")
    assert "is redirected to ins_116945" in held["reason"]


def test_the_new_number_is_nowhere_in_clear(ingest: IngestHarness) -> None:
    batch, number = ready(ingest, someone()), new_loan()
    now = redirected(ingest, batch, loan_number=number)
    assert ingest.approve(now).status_code == 200
    for kind in (BatchChanged, RowRead, PaymentApproved, HoldChanged):
        for event in ingest.published(batch["batch_id"], kind):
            assert number not in event.model_dump_json()
    with ingest.engine.connect() as connection:
        found = run(
            connection,
            """
            SELECT r::text || s::text
            FROM batch_row r
            JOIN row_seal s USING (row_id)
            WHERE batch_id = :id""",
            id=batch["batch_id"],
        )
        assert not [text for text in found.scalars() if number in text]


def test_all_rows_of_the_person_and_loan_are_redirected(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    batch = ready(ingest, one, {**one, "Amount": "$8.00"}, someone())
    now = redirected(ingest, batch, 1, loan_number=number)
    last4 = one["Payee/LoanAccountNumber"][-4:]
    assert [kind for kind in outcomes(ingest, now) if kind[2] == last4] == [
        ("excluded", "redirected", last4)
    ] * 2
    assert (now["rows"]["payable"], now["amount_cents"]["payable"]) == (3, 703 + 800 + 703)
    assert ingest.approve(now).status_code == 200
    sums = {
        p.loan_last4: p.amount_cents for p in ingest.published(batch["batch_id"], PaymentApproved)
    }
    assert (len(sums), sums[number[-4:]]) == (2, 1503)


def test_taken_back_the_batch_is_as_before_and_nothing_is_held(ingest: IngestHarness) -> None:
    one, number = someone(), new_loan()
    batch = ready(ingest, one)
    before = len(holds_on_loans(ingest))
    now = redirected(ingest, batch, loan_number=number)
    assert take_back(ingest, now, listed(ingest, now)[0], "adam").status_code == 200
    back = ingest.check(batch["batch_id"])
    last4 = one["Payee/LoanAccountNumber"][-4:]
    assert outcomes(ingest, back) == [
        ("payable", "", last4),
        ("excluded", "redirect_taken_back", number[-4:]),
    ]
    again = redirected(ingest, back, loan_number="88-4002-b")
    assert [kind[:2] for kind in outcomes(ingest, again)] == [
        ("excluded", "redirected"),
        ("excluded", "redirect_taken_back"),
        ("payable", "redirect"),
    ]
    assert ingest.approve(again).status_code == 200
    (paid,) = ingest.published(batch["batch_id"], PaymentApproved)
    assert paid.loan_last4 == "02-b"
    assert len(holds_on_loans(ingest)) == before + 1


def test_a_discarded_batch_closes_no_loan(ingest: IngestHarness) -> None:
    one = someone()
    before = len(holds_on_loans(ingest))
    now = redirected(ingest, ready(ingest, one))
    assert ingest.discard(now).status_code == 200
    assert len(holds_on_loans(ingest)) == before
    (again,) = ingest.rows(ready(ingest, one))
    assert again["status"] == "payable"


@pytest.mark.parametrize(
    ("number", "institution", "code"),
    [
        ("****4001", "ins_116945", "decision.loan"),
        ("N/A", "ins_116945", "decision.loan"),
        ("0000000", "ins_116945", "decision.loan"),
        ("77-4000-a", "my servicer", "decision.loan"),
    ],
)
def test_what_a_roster_could_not_name_is_refused(
    ingest: IngestHarness, number: str, institution: str, code: str
) -> None:
    batch = ready(ingest, someone())
    answer = redirect(ingest, batch, loan_number=number, institution_id=institution)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert ingest.batch(batch["batch_id"]) == batch


def test_one_row_and_both_parts_of_the_loan_are_named(ingest: IngestHarness) -> None:
    batch = ready(ingest, someone(), someone())
    ids = [one["row_id"] for one in ingest.rows(batch)]
    for wrong in (
        {"row_ids": ids},
        {"row_id": ids[0], "loan_number": ""},
        {"row_id": ids[0], "merchant_id": "mch_1"},
        {"employee_id": "x"},
    ):
        answer = decide(ingest, batch, **{**to(), **wrong})
        assert answer.json()["code"] == "decision.which-rows", wrong
    answer = decide(ingest, batch, row_id=ids[0], loan_number="77-4000-a")
    assert answer.json()["code"] == "decision.which-rows"


def test_the_same_loan_in_another_spelling_is_no_change(ingest: IngestHarness) -> None:
    one = someone()
    second = {**one, "Payee/LoanAccountNumber": "9" + one["Payee/LoanAccountNumber"]}
    batch = ready(ingest, one, second)
    spelled = "00-" + one["Payee/LoanAccountNumber"].upper()
    answer = redirect(ingest, batch, loan_number=spelled, institution_id="ins_116944")
    assert answer.json()["code"] == "decision.no-change"
    there = {"loan_number": second["Payee/LoanAccountNumber"], "institution_id": "ins_116944"}
    answer = redirect(ingest, batch, 0, **there)
    assert answer.status_code == 200, answer.text


def test_a_row_has_one_decision(ingest: IngestHarness) -> None:
    batch = ready(ingest, someone())
    now = redirected(ingest, batch)
    assert redirect(ingest, now, loan_number="88-4002-b").json()["code"] == "decision.row"
    assert redirect(ingest, now, 1, loan_number="88-4002-b").json()["code"] == "decision.row"
    old, new = ingest.rows(now)
    include = {"act": "include", "row_id": old["row_id"], "reason": "x"}
    assert decide(ingest, now, "anna", **include).json()["code"] == "decision.row"
    assert decide(ingest, now, row_id=new["row_id"]).status_code == 200
    none = ingest.check(batch["batch_id"])
    assert none["rows"]["payable"] == 0


def test_an_institution_without_a_merchant_is_unpayable_as_in_a_roster(
    ingest: IngestHarness,
) -> None:
    now = redirected(ingest, ready(ingest, someone()), institution_id=NO_MERCHANT)
    assert [kind[:2] for kind in outcomes(ingest, now)] == [
        ("excluded", "redirected"),
        ("unpayable", "no_merchant"),
    ]


def test_the_old_loan_is_not_paid_in_another_batch_of_the_period(ingest: IngestHarness) -> None:
    """Whichever is approved first: the days of both loans are claimed."""
    one = someone()
    here, there = redirected(ingest, ready(ingest, one)), ready(ingest, one)
    assert ingest.approve(here).status_code == 200
    assert ingest.batch(there["batch_id"])["status"] == "checking"  # the hold touches it
    (held,) = ingest.rows(ingest.check(there["batch_id"]))
    assert held["reason_code"] == "on_hold"
    two = someone()
    there, here = ready(ingest, two), redirected(ingest, ready(ingest, two))
    assert ingest.approve(there).status_code == 200
    assert ingest.approve(here).json()["code"] == "approval.claims-moved"
    now = ingest.check(here["batch_id"])
    old, new = ingest.rows(now)
    assert (old["reason_code"], new["reason_code"]) == ("redirected", "already_in_period")
    assert "the loan of row 1 is already in batch" in new["reason"]
    assert now["rows"]["payable"] == 0


def test_the_claim_of_the_old_loan_alone_keeps_others_from_paying_it(
    ingest: IngestHarness,
) -> None:
    one = someone()
    here = redirected(ingest, ready(ingest, one))
    assert ingest.approve(here).status_code == 200
    assert ingest.live_claims(here) == 2
    (closed, *_) = holds_on_loans(ingest)
    path = f"/holds/{closed['hold_id']}/lift"
    assert ingest.call("POST", path, "anna", json={"reason": "x"}).status_code == 200
    (again,) = ingest.rows(ready(ingest, one))
    assert again["reason_code"] == "already_in_period"


def test_a_loan_on_hold_is_redirected_and_held_on(ingest: IngestHarness) -> None:
    one = someone()
    target = {"id": one["Payee/LoanAccountNumber"], "institution_id": "ins_116944"}
    assert hold(ingest, kind="loan", **target).status_code == 200
    batch = ready(ingest, one)
    assert outcomes(ingest, batch)[0][:2] == ("excluded", "on_hold")
    before = len(holds_on_loans(ingest))
    now = redirected(ingest, batch)
    assert now["rows"]["payable"] == 1
    assert ingest.approve(now).status_code == 200
    assert len(holds_on_loans(ingest)) == before


def test_the_days_that_no_hold_covers_are_held(ingest: IngestHarness) -> None:
    """Before, between and after holds of the old loan that stand already."""
    one = someone()
    batch = ready(ingest, one)
    target = {"id": one["Payee/LoanAccountNumber"], "institution_id": "ins_116944"}
    first = date.fromisoformat(batch["period"])
    for after in (30, 90):
        days = {"first_day": first + timedelta(after), "last_day": first + timedelta(after + 9)}
        stated = {name: day.isoformat() for name, day in days.items()}
        assert hold(ingest, kind="loan", **target, **stated).status_code == 200
    now = redirected(ingest, batch)
    assert ingest.approve(now).status_code == 200
    found = [one for one in holds_on_loans(ingest) if "is redirected" in one["reason"]][:3]
    gaps = sorted((one["first_day"], one["last_day"] or "") for one in found)
    assert gaps == [
        (first.isoformat(), (first + timedelta(29)).isoformat()),
        ((first + timedelta(40)).isoformat(), (first + timedelta(89)).isoformat()),
        ((first + timedelta(100)).isoformat(), ""),
    ]
    (held,) = ingest.rows(ready(ingest, one, period=next_period(now)))
    assert held["reason_code"] == "on_hold"


def test_a_row_that_is_accepted_later_is_redirected_too(ingest: IngestHarness) -> None:
    """It was refused for its birth date when the loan of the other one was redirected."""
    one = someone()
    assert ingest.approve(ready(ingest, one)).status_code == 200
    other = {**one, "Employee/DOB": "03-11-1988"}
    loan = {"Payee/LoanAccountNumber": "9" + one["Payee/LoanAccountNumber"]}
    batch = ready(
        ingest, {**other, **loan}, {**other, **loan, "Amount": "$8.00"}, period="2027-06-07"
    )
    assert {kind[0] for kind in outcomes(ingest, batch)} == {"refused"}
    for number in (0, 1):
        row_id = ingest.rows(batch)[number]["row_id"]
        done = decide(ingest, batch, act="accept", row_id=row_id, reason="passport seen")
        assert done.status_code == 200, done.text
        batch = ingest.check(batch["batch_id"])
        if number == 0:
            batch = redirected(ingest, batch)
    old = [one for one in ingest.rows(batch) if one["institution_id"] == "ins_116944"]
    assert [one["reason_code"] for one in old] == ["redirected", "redirected"]


def test_a_failed_payment_of_the_new_loan_is_paid_in_a_child_batch(ingest: IngestHarness) -> None:
    number = new_loan()
    now = redirected(ingest, ready(ingest, someone()), loan_number=number)
    assert ingest.approve(now).status_code == 200
    ingest.end(now, ingest.payments(now))
    child = ingest.child(now, filter={"status": "failed"})
    assert child.status_code < 300, child.text
    again = ingest.check(child.json()["batch_id"])
    assert outcomes(ingest, again) == [("payable", "", number[-4:])]
    assert ingest.approve(again).status_code == 200
    (paid,) = ingest.published(again["batch_id"], PaymentApproved)
    assert paid.loan_last4 == number[-4:]
