from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.ledger.domain.comparisons import Finding, ListedPayment, RecordedPayment
from services.ledger.domain.journals import journals_of_status
from services.ledger.domain.outcomes import Tally, batch_outcome, digest
from services.ledger.reconciliation.rules.batches import check_conservation, check_parts
from services.ledger.reconciliation.rules.payments import check_payment

PAID = RecordedPayment(
    UUID(int=1),
    938,
    1,
    938,
    1,
    "completed",
    "pmt_1",
    "121000358",
    "0001",
    "E1",
    "person",
    "mch_1",
    "1001",
    {"hold": 938, "settle": 938},
)
LINE = ListedPayment("pmt_1", "posted", 938, "121000358", "0001", "E1", "person", "mch_1", "1001")


def paid(status: str, **more: Any) -> RecordedPayment:
    return replace(
        PAID, status=status, journals=dict.fromkeys(journals_of_status(status), 938), **more
    )


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.kind, f.subject) for f in findings]


AGREE = [
    ("completed", s)
    for s in ("sent", "posted", "cashed", "settled", "reversal_required", "reversal_processing")
] + [
    ("failed", "failed"),
    ("failed", "canceled"),
    ("reversed", "reversed"),
    ("reversed", "failed"),
    ("pending", "pending"),
    ("pending", "processing"),
    ("pending", "sent"),
]


@pytest.mark.parametrize(("status", "theirs"), AGREE)
def test_states_that_agree(status: str, theirs: str) -> None:
    assert check_payment(paid(status), [replace(LINE, provider_status=theirs)]) == []


@pytest.mark.parametrize(
    ("status", "theirs", "kind"),
    [
        ("completed", "pending", "status"),
        ("completed", "processing", "status"),
        ("completed", "failed", "late_return"),
        ("completed", "reversed", "late_return"),
        ("completed", "canceled", "late_return"),
        ("failed", "sent", "status"),
        ("failed", "processing", "status"),
        ("failed", "reversed", "status"),
        ("reversed", "posted", "status"),
        ("cancelled", "posted", "status"),
    ],
)
def test_states_that_do_not_agree(status: str, theirs: str, kind: str) -> None:
    assert kinds(check_payment(paid(status), [replace(LINE, provider_status=theirs)])) == [
        (kind, "")
    ]


@pytest.mark.parametrize(
    "status", ["cancelled", "failed", "unprocessed", "sending", "held", "in_doubt"]
)
def test_a_payment_that_never_reached_the_provider_needs_no_line(status: str) -> None:
    assert check_payment(paid(status, provider_payment_id=""), []) == []


@pytest.mark.parametrize("status", ["cancelled", "failed", "completed", "reversed"])
def test_a_live_payment_at_the_provider_that_a_final_one_does_not_know(status: str) -> None:
    findings = check_payment(paid(status, provider_payment_id=""), [LINE])
    assert ("status", "unbound") in kinds(findings)


@pytest.mark.parametrize(
    ("status", "theirs"),
    [
        ("failed", "failed"),
        ("failed", "canceled"),
        ("reversed", "reversed"),
        ("completed", "failed"),
    ],
)
def test_beside_the_one_that_has_ended_another_is_alive(status: str, theirs: str) -> None:
    findings = check_payment(
        paid(status),
        [
            replace(LINE, provider_status=theirs),
            replace(LINE, provider_payment_id="pmt_2", provider_status="sent"),
        ],
    )
    assert ("status", "unbound") in kinds(findings)


@pytest.mark.parametrize("status", ["pending", "completed", "reversed"])
def test_a_payment_the_provider_does_not_have(status: str) -> None:
    assert kinds(check_payment(paid(status), [])) == [("missing_there", "")]
    assert kinds(check_payment(paid(status, provider_payment_id=""), [])) == [("missing_there", "")]


def test_two_alive_are_a_duplicate_and_a_dead_one_beside_is_none() -> None:
    assert kinds(check_payment(PAID, [LINE, replace(LINE, provider_payment_id="pmt_2")])) == [
        ("duplicate", "")
    ]
    for dead in ("failed", "canceled", "reversed"):
        assert (
            check_payment(
                PAID, [LINE, replace(LINE, provider_payment_id="pmt_2", provider_status=dead)]
            )
            == []
        )


def test_one_payment_listed_twice_is_no_duplicate() -> None:
    assert check_payment(PAID, [LINE, LINE]) == []


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"amount_cents": 939}, ("amount", "")),
        ({"source_last4": "9999"}, ("wrong_account", "source")),
        ({"source_routing": "0"}, ("wrong_account", "source")),
        ({"employee_id": "E2"}, ("wrong_account", "employee")),
        ({"person_index": "x"}, ("wrong_account", "holder")),
        ({"merchant_id": "mch_2"}, ("wrong_account", "merchant")),
        ({"loan_last4": "1002"}, ("wrong_account", "loan")),
    ],
)
def test_other_money_or_accounts(wrong: dict[str, Any], kind: tuple[str, str]) -> None:
    assert kinds(check_payment(PAID, [replace(LINE, **wrong)])) == [kind]


def test_a_merchant_that_was_not_known_at_approval_is_not_compared() -> None:
    assert check_payment(replace(PAID, merchant_id=""), [LINE]) == []


@pytest.mark.parametrize(
    "journals", [{}, {"hold": 938}, {"hold": 938, "release": 938}, {"hold": 938, "settle": 937}]
)
def test_journals_that_do_not_fit_the_state(journals: dict[str, int]) -> None:
    assert kinds(check_payment(replace(PAID, journals=journals), [LINE])) == [("journal", "")]


def test_a_payment_that_is_not_its_rows() -> None:
    assert kinds(check_payment(replace(PAID, rows_cents=937), [LINE])) == [("rows", "payment")]
    assert kinds(check_payment(replace(PAID, rows_found=2), [LINE])) == [("rows", "payment")]


def test_parts_and_conservation_say_how_much() -> None:
    assert check_parts("source", {"A": Tally(1, 5)}, {"A": Tally(1, 5)}) == []
    missing, extra = check_parts("source", {"A": Tally(1, 5)}, {"B": Tally(1, 5)})
    assert (missing.subject, missing.found, extra.subject, extra.expected) == (
        "source:A",
        "0 rows, 0 cents",
        "source:B",
        "0 rows, 0 cents",
    )
    assert (
        check_conservation({"total": Tally(2, 5), "paid": Tally(1, 5), "refused": Tally(1, 0)})
        == []
    )
    assert (
        check_conservation({"total": Tally(2, 5), "paid": Tally(1, 5), "refused": Tally(0, 0)})[
            0
        ].found
        == "1 rows, 5 cents"
    )


def test_the_outcome_of_a_batch() -> None:
    ends = {name: Tally() for name in ("paid", "failed", "cancelled", "reversed")}
    assert batch_outcome(ends | {"paid": Tally(1, 1)}) == "completed"
    assert (
        batch_outcome(ends | {"failed": Tally(1, 1)})
        == batch_outcome(ends | {"reversed": Tally(1, 1)})
        == "completed_with_failures"
    )
    assert batch_outcome(ends | {"failed": Tally(1, 1), "cancelled": Tally(1, 1)}) == "cancelled"


def test_a_difference_has_the_same_id_in_every_run() -> None:
    first, second = (
        Finding("amount", "", "p", "q", "1 cents", "2 cents"),
        Finding("amount", "", "p", "q", "1 cents", "3 cents"),
    )
    assert (
        first.break_id(UUID(int=1)) == second.break_id(UUID(int=1)) != first.break_id(UUID(int=2))
    )


def test_a_digest_covers_everything_but_itself() -> None:
    body = {"a": 1, "b": {"c": 2}}
    assert (
        digest(body)
        == digest({"b": {"c": 2}, "a": 1, "digest": "x"})
        != digest({"a": 1, "b": {"c": 3}})
    )
