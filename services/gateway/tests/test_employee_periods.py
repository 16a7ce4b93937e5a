"""Why a person is not paid in a pay period, in a sentence."""

from typing import Any

import pytest

from services.gateway.domain.employee_periods import Line, describe_row, periods_of

MAY, JUNE = ("2026-05-04", "2026-05-17"), ("2026-06-01", "2026-06-14")


def row(number: int, days: tuple[str, str] = MAY, **changed: Any) -> dict[str, Any]:
    return {
        "row_id": f"row-{number}",
        "root_row_id": f"row-{number}",
        "batch_id": f"batch-{number}",
        "filename": f"may-{number}.xml",
        "batch_status": "paying",
        "batch_reason": "",
        "period": days[0],
        "period_end": days[1],
        "status": "payable",
        "reason_code": "",
        "reason": "",
        "loan_id": "loan-1",
        "amount_cents": 100_00,
        "payment_id": None,
    } | changed


def paid_as(
    status: str, reason: str = "", number: int = 1, **changed: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    payment = {"status": status, "reason": reason, "reason_code": "", "return_under_way": False}
    return row(number, payment_id="p", **changed), payment


def lines(*rows: Any) -> list[Line]:
    return [
        describe_row(*one) if isinstance(one, tuple) else describe_row(one, None) for one in rows
    ]


def only(*rows: Any, approved: Any = ()) -> dict[str, Any]:
    (period,) = periods_of(lines(*rows), approved, "employee")
    return period


@pytest.mark.parametrize(
    ("given", "outcome", "sentence"),
    [
        (paid_as("completed"), "paid", "Paid, $100.00."),
        (
            paid_as("failed", "The loan is closed."),
            "not_paid",
            "Not paid, $100.00: the payment failed (The loan is closed).",
        ),
        (
            paid_as("reversed", "R03"),
            "not_paid",
            "Not paid, $100.00: the payment was made and came back (R03).",
        ),
        (
            paid_as("held", "two look-ups disagree"),
            "open",
            "Not paid yet, $100.00: it is held until two people decide (two look-ups disagree).",
        ),
        (paid_as("pending", "x"), "open", "Not paid yet, $100.00: it is on its way."),
        (
            row(1, payment_id="p"),
            "open",
            "Not paid yet, $100.00: it is approved and has not been sent yet.",
        ),
        (
            row(1, batch_status="ready"),
            "open",
            "Not paid yet, $100.00: the batch may-1.xml waits for its approval.",
        ),
        (
            row(1, batch_status="discarded", batch_reason="the wrong file"),
            "not_paid",
            "Not paid, $100.00: the batch may-1.xml was discarded (the wrong file).",
        ),
        (
            row(1, status="unpayable", reason="The institution has no merchant."),
            "not_paid",
            "Not paid, $100.00: the row is not payable (The institution has no merchant).",
        ),
    ],
)
def test_each_outcome_has_its_sentence(given: Any, outcome: str, sentence: str) -> None:
    found = only(given)
    assert (found["outcome"], found["sentence"]) == (outcome, sentence)


def test_a_row_that_is_paid_in_a_child_batch_counts_once() -> None:
    child, payment = paid_as("completed", number=2, root_row_id="row-1")
    found = only((child, payment), paid_as("failed", "closed", batch_id="batch-1"))
    assert (found["paid_cents"], found["unpaid_cents"]) == (100_00, 0)
    # and the other way round: a child that was discarded does not hide what is paid
    discarded = row(3, root_row_id="row-1", batch_status="discarded")
    assert only(discarded, (child, payment))["sentence"] == "Paid, $100.00."


def test_what_is_left_out_because_the_loan_is_paid_elsewhere_is_not_called_unpaid() -> None:
    repeat = row(2, status="excluded", reason_code="already_in_period", reason="already in batch 1")
    discarded = row(3, batch_status="discarded")
    assert only(repeat, discarded, paid_as("completed"))["sentence"] == "Paid, $100.00."
    another_loan = repeat | {"loan_id": "loan-2"}
    found = only(another_loan, paid_as("completed"))
    assert found["outcome"] == "partly"
    assert found["sentence"] == (
        "Paid, $100.00. Not paid, $100.00: the row is excluded (already in batch 1)."
    )


def test_two_source_accounts_that_pay_one_loan_are_both_counted() -> None:
    found = only(paid_as("completed"), paid_as("failed", "no money", number=2))
    assert (found["paid_cents"], found["unpaid_cents"]) == (100_00, 100_00)


def test_of_two_discarded_batches_the_newest_explains_it_once() -> None:
    found = only(
        row(2, batch_status="discarded", batch_reason="wrong again"),
        row(1, batch_status="expired"),
    )
    assert found["unpaid_cents"] == 100_00
    assert found["sentence"].endswith("may-2.xml was discarded (wrong again).")


def test_periods_in_which_no_roster_names_the_person_are_listed() -> None:
    approved = [
        {"first": first, "last": last}
        for first, last in (
            JUNE,
            ("2026-05-18", "2026-05-31"),
            MAY,
            ("2026-04-20", "2026-05-03"),  # before she was there
        )
    ]
    found = periods_of(lines(paid_as("completed"), row(2, JUNE)), approved, "employee")
    assert [(p["first"], p["outcome"]) for p in found] == [
        ("2026-06-01", "open"),
        ("2026-05-18", "not_listed"),
        ("2026-05-04", "paid"),
    ]
    assert found[1]["sentence"] == "Not paid: no roster of this period names this employee."


def test_many_reasons_are_cut_short() -> None:
    refused = [
        row(n, status="refused", reason=f"reason {n}", loan_id="", amount_cents=n) for n in range(5)
    ]
    found = only(*refused)
    assert found["unpaid_cents"] == 10
    assert found["sentence"].endswith("the row is refused (reason 2) and 2 more.")


def test_rows_without_a_readable_loan_are_each_one_of_their_own() -> None:
    discarded = [row(n, batch_status="discarded", loan_id="") for n in (1, 2)]
    assert only(*discarded)["unpaid_cents"] == 200_00


def test_a_row_that_people_left_out_is_not_paid_although_another_row_of_the_loan_is() -> None:
    left_out = row(2, status="excluded", reason_code="excluded_by_person", reason="on leave")
    found = only(left_out, paid_as("completed", batch_id="batch-2"))
    assert (found["outcome"], found["unpaid_cents"]) == ("partly", 100_00)


@pytest.mark.parametrize("code", ["excluded_by_person", "on_hold"])
def test_what_people_left_out_of_one_file_is_paid_if_another_file_pays_it(code: str) -> None:
    left_out = row(2, status="excluded", reason_code=code, reason="on leave")
    assert only(left_out, paid_as("completed"))["outcome"] == "paid"
    assert only(left_out, paid_as("pending"))["outcome"] == "open"
    assert only(left_out, paid_as("failed"))["unpaid_cents"] == 200_00


def test_a_child_batch_of_the_same_file_does_not_pay_what_people_left_out() -> None:
    left_out = row(2, status="excluded", reason_code="on_hold", batch_id="batch-a")
    failed = paid_as("failed", number=1, batch_id="batch-a")
    child = paid_as("completed", number=3, root_row_id="row-1", batch_id="batch-a-child")
    found = only(child, failed, left_out)
    assert (found["outcome"], found["unpaid_cents"]) == ("partly", 100_00)
