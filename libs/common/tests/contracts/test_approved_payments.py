"""The digest of payments: any order, and no field of any payment left out."""

import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.approved_payments import (
    ApprovedPayment,
    PayingSource,
    digest_batch,
    digest_payments,
)

BATCH = UUID("00000000-0000-4000-8000-000000000001")
SOURCE = PayingSource("CORP-1", "12345678", "403911437", "index-of-account")
UNUSED = SOURCE._replace(source_account_id="CORP-9")


def payment(number: int = 1) -> ApprovedPayment:
    return ApprovedPayment(
        *(f"payment-{number}", 100, "CORP-1", "index-of-account", "EMP-1", "index-of-person"),
        *("ins_1", "mch_1", f"index-of-loan-{number}"),
        ((f"row-{number}", f"root-{number}"), (f"row-{number}b", f"root-{number}b")),
    )


def digest(*payments: ApprovedPayment, source: PayingSource = SOURCE, batch: UUID = BATCH) -> str:
    return digest_payments(batch, [source, UNUSED], payments)


def test_the_form_does_not_change() -> None:
    """It is stored beside approvals: another form is another digest, and nothing would be paid."""
    assert digest(payment(1), payment(2)) == (
        "sha256:a2d05b9ebca7290b63605068c3862af2a628192ec15783414e8a318faeb2eef5"
    )


@given(st.permutations([payment(number) for number in range(5)]), st.booleans())
def test_the_order_does_not_matter(payments: list[ApprovedPayment], is_turned: bool) -> None:
    turned = [one._replace(rows=one.rows[::-1]) for one in payments] if is_turned else payments
    assert digest(*turned) == digest(*(payment(number) for number in range(5)))


@pytest.mark.parametrize("name", ApprovedPayment._fields)
def test_every_field_of_a_payment_counts(name: str) -> None:
    others: dict[str, Any] = {"amount_cents": 101, "rows": (("row-1", "root-1"),)}
    changed = payment()._replace(**{name: others.get(name, "another")})
    assert digest(changed) != digest(payment())


@pytest.mark.parametrize("name", PayingSource._fields[1:])
def test_every_field_of_a_source_counts_that_pays(name: str) -> None:
    assert digest(payment(), source=SOURCE._replace(**{name: "x"})) != digest(payment())
    beside = digest_payments(BATCH, [SOURCE, UNUSED._replace(**{name: "x"})], [payment()])
    assert beside == digest(payment())


def test_more_fewer_repeated_and_other_batches_payments_count() -> None:
    digests = {
        digest(),
        digest(payment(1)),
        digest(payment(1), payment(1)),
        digest(payment(1), payment(2)),
        digest(payment(1), batch=UUID(int=2)),
        digest_payments(BATCH, [], [payment(1)]),
    }
    assert len(digests) == 6


def test_values_do_not_run_together() -> None:
    one = payment()._replace(employee_id='a","b', person_index="c")
    other = payment()._replace(employee_id="a", person_index='b","c')
    assert digest(one) != digest(other)


def test_a_batch_is_of_both_parts() -> None:
    digests = {
        digest_batch(a, b) for a in ("sha256:1", "sha256:2") for b in ("sha256:1", "sha256:2")
    }
    assert len(digests) == 4


def test_fifty_thousand_payments_take_less_than_a_second() -> None:
    payments = [payment(number) for number in range(50_000)]
    began = time.process_time()
    digest(*payments)
    assert time.process_time() - began < 1
