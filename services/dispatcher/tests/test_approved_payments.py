"""Exactly the payments are paid that were approved, whoever can write messages in ingest's name."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from libs.common.contracts.errors import Reject
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import run
from libs.common.testing.call_keys import gateway_verifier, signed_approval
from libs.common.testing.waiting import wait_for
from services.dispatcher import consumers
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.store import approval_proofs, batch_starts
from services.dispatcher.tests.factories import AT, CONTENTS, INDEX, BatchOfPayments, digest_of
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.life import Life

pytestmark = pytest.mark.database

Payments = Sequence[PaymentApproved]
OTHER = "the payments are not those that were approved"


def batch_of(count: int = 3) -> BatchOfPayments:
    batch = uuid4()
    return BatchOfPayments(batch, count, tag=str(batch)[:8])


def announce(
    dispatcher: ManualDispatcher,
    made: BatchOfPayments,
    payments: Payments | None = None,
    version: int = 3,
    **changed: Any,
) -> None:
    """Let the consumers store a batch with these payments, whose number and sum it announces."""
    sent = made.payments() if payments is None else payments
    event = made.changed("approved", version).model_copy(
        update={
            "payments": len(sent),
            "payments_cents": sum(one.amount_cents for one in sent),
            **changed,
        }
    )
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [event])
        consumers.rows(connection, made.rows())
        consumers.payments(connection, sent)
    dispatcher.batch_id = made.batch_id


def state(dispatcher: ManualDispatcher) -> Any:
    (batch,) = dispatcher.rows(
        "SELECT state, approval_problem, proved_payments FROM batch WHERE batch_id = :b",
        b=dispatcher.batch_id,
    )
    return batch


def begins(dispatcher: ManualDispatcher) -> bool:
    dispatcher.provisioner.start_batches()
    return bool(state(dispatcher).state == "paying")


def altered(made: BatchOfPayments, **changed: Any) -> Payments:
    """Its payments, with these values in the first of them."""
    first, *others = made.payments()
    return [first.model_copy(update=changed), *others]


def of_cents(made: BatchOfPayments, cents: int) -> Payments:
    (row,) = made.payment(0).rows
    return altered(made, amount_cents=cents, rows=(row.model_copy(update={"amount_cents": cents}),))


def of_row(made: BatchOfPayments, **changed: Any) -> Payments:
    (row,) = made.payment(0).rows
    return altered(made, rows=(row.model_copy(update=changed),))


def with_another(made: BatchOfPayments) -> Payments:
    """Its payments, and one more that fits them."""
    larger = replace(made, count=made.count + 1)
    extra = larger.unapproved(made.count).model_copy(update={"digest": made.digest})
    return [*made.payments(), extra]


FORGERIES: Final[dict[str, Callable[[BatchOfPayments], Payments]]] = {
    "one more": with_another,
    "one less": lambda made: made.payments()[:-1],
    "another amount": lambda made: of_cents(made, 9_999_99),
    "another loan": lambda made: altered(made, loan_index=INDEX.digest("loan", "x", "y")),
    "another person": lambda made: altered(made, person_index=INDEX.digest("person", "x")),
    "another employee": lambda made: altered(made, employee_id="EMP-77"),
    "another institution": lambda made: altered(made, institution_id="ins_1"),
    "another merchant": lambda made: altered(made, merchant_id="mch_9"),
    "another source": lambda made: altered(made, source_account_id="CORP-1"),
    "another account": lambda made: altered(made, account_index=made.sources[1].account_index),
    "another id": lambda made: altered(made, payment_id=uuid4()),
    "another row": lambda made: of_row(made, row_id=uuid4()),
    "a row of another file": lambda made: of_row(made, root_row_id=uuid4()),
}


@pytest.mark.parametrize("which", FORGERIES)
def test_other_payments_than_the_approved_ones_are_not_paid(
    dispatcher: ManualDispatcher, which: str
) -> None:
    made = batch_of()
    announce(dispatcher, made, FORGERIES[which](made))
    assert not begins(dispatcher)
    assert state(dispatcher).approval_problem.startswith(OTHER)
    with dispatcher.engine.connect() as connection:
        assert approval_proofs.count_unproved(connection) == 1
    payments = dispatcher.rows("SELECT status FROM payment WHERE batch_id = :b", b=made.batch_id)
    assert {row.status for row in payments} == {"unprocessed"}


@pytest.mark.parametrize("field", ["aba_routing", "ein", "account_index"])
def test_another_account_under_the_same_name_is_not_paid_from(
    dispatcher: ManualDispatcher, field: str
) -> None:
    made = batch_of()
    first, second = made.sources
    other = first.model_copy(update={field: "1" * 9})
    announce(dispatcher, made, sources=(other, second))
    assert not begins(dispatcher)
    assert state(dispatcher).approval_problem.startswith(OTHER)


def test_a_batch_with_other_payments_is_examined_once(dispatcher: ManualDispatcher) -> None:
    made = batch_of()
    announce(dispatcher, made, with_another(made))
    assert not begins(dispatcher)
    statements: list[str] = []

    @event.listens_for(dispatcher.engine, "before_cursor_execute")
    def note(*args: Any) -> None:
        statements.append(args[2])

    assert not begins(dispatcher)
    assert not [one for one in statements if "payment_row" in one]


def test_payments_in_any_order_and_before_their_batch_are_paid(
    dispatcher: ManualDispatcher,
) -> None:
    made = batch_of(20)
    payments = made.payments()
    random.Random(1).shuffle(payments)
    for part in (payments[:7], payments[7:], payments[3:9]):  # some come twice
        with dispatcher.engine.begin() as connection:
            consumers.payments(connection, part)
    announce(dispatcher, made, payments)
    assert begins(dispatcher)


def test_a_payment_of_several_rows_is_paid_whatever_their_order(
    dispatcher: ManualDispatcher,
) -> None:
    made = batch_of(2)
    first, second = (made.unapproved(number) for number in range(2))
    rows = (*first.rows, *second.rows)
    joined = first.model_copy(
        update={"rows": rows, "amount_cents": sum(row.amount_cents for row in rows)}
    )
    digest = digest_of(made.sources, [joined])
    sent = joined.model_copy(update={"digest": digest, "rows": rows[::-1]})
    signed = signed_approval(made.batch_id, digest, AT)
    announce(dispatcher, made, [sent], digest=digest, approval=signed)
    assert begins(dispatcher)


def test_payments_of_an_approval_with_included_rows_are_proved_too(
    dispatcher: ManualDispatcher,
) -> None:
    for payments, is_paid in ((None, True), (with_another, False)):
        made = batch_of()
        included: dict[str, Any] = {
            "seen_digest": "sha256:seen",
            "approval": signed_approval(
                made.batch_id, "sha256:seen", AT, included=1, approved=made.digest
            ),
        }
        announce(dispatcher, made, payments(made) if payments else None, **included)
        assert begins(dispatcher) is is_paid


def put_between(dispatcher: ManualDispatcher, made: BatchOfPayments, version: int) -> None:
    """Stop a batch by another digest, add a payment, and announce the true digest with it."""
    with dispatcher.engine.begin() as connection:
        other = made.changed("approved", version).model_copy(update={"digest": "sha256:z"})
        consumers.batches(connection, [other])
    announce(dispatcher, made, with_another(made), version + 1)


def test_a_payment_that_is_put_into_a_batch_under_way_stops_it(
    dispatcher: ManualDispatcher,
) -> None:
    made = batch_of()
    announce(dispatcher, made)
    assert begins(dispatcher)
    put_between(dispatcher, made, 4)
    assert not begins(dispatcher)
    assert state(dispatcher).approval_problem.startswith(OTHER)


@pytest.mark.parametrize("is_forged", [False, True])
def test_a_batch_that_is_resumed_is_compared_again(
    dispatcher: ManualDispatcher, is_forged: bool
) -> None:
    made = batch_of()
    announce(dispatcher, made)
    assert begins(dispatcher)
    dispatcher.order("pause")
    if is_forged:
        announce(dispatcher, made, with_another(made), 4)
    dispatcher.order("resume")
    assert begins(dispatcher) is not is_forged


def test_a_scheduled_batch_is_compared_again_when_it_begins(dispatcher: ManualDispatcher) -> None:
    made = batch_of()
    announce(dispatcher, made)
    (row,) = dispatcher.rows(
        "SELECT *, now() AS our_now FROM batch WHERE batch_id = :b", b=made.batch_id
    )
    proof = ApprovalProof(gateway_verifier())
    with dispatcher.engine.begin() as connection:
        assert proof.is_proved(connection, row, begins=False)
        run(connection, "UPDATE payment SET amount_cents = 1 WHERE amount_cents = 100")
        assert proof.is_proved(connection, row, begins=False)  # known of this version
        assert not proof.is_proved(connection, row, begins=True)


def test_no_payment_slips_in_while_its_batch_begins(dispatcher: ManualDispatcher) -> None:
    made = batch_of()
    announce(dispatcher, made)
    extra = with_another(made)[-1:]

    def store() -> str:
        with dispatcher.engine.begin() as connection:
            try:
                consumers.payments(connection, extra)
            except Reject as reason:
                return reason.code
        return ""

    with ThreadPoolExecutor(1) as threads:
        with dispatcher.engine.begin() as connection:
            assert batch_starts.lock_payments(connection, made.batch_id)
            stored = threads.submit(store)
            assert wait_for(lambda: waits(dispatcher), 10), "nothing waits"
            run(
                connection,
                "UPDATE batch SET state = 'paying' WHERE batch_id = :b",
                b=made.batch_id,
            )
        assert stored.result() == "dispatcher.not-announced"


def test_no_batch_begins_while_a_payment_of_it_is_stored(dispatcher: ManualDispatcher) -> None:
    made = batch_of()
    announce(dispatcher, made)
    with dispatcher.engine.begin() as connection:
        consumers.payments(connection, with_another(made)[-1:])
        assert not begins(dispatcher)
    assert not begins(dispatcher)


def waits(dispatcher: ManualDispatcher) -> bool:
    found = dispatcher.rows(
        """
        SELECT count(*) AS n
        FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    )
    return bool(found[0].n)


def test_a_forged_payment_is_not_paid_after_a_restore(engines: tuple[Engine, Engine]) -> None:
    """It was refused while its batch was being paid. The recovery reads the topic again."""
    life = Life(engines)
    life.copy()
    life.announce()
    life.announce()
    life.prepare()
    forged_batch, other_batch = life.batch_ids
    larger = BatchOfPayments(forged_batch, 4, tag="0")
    made = replace(larger, count=3)
    extra = larger.unapproved(3).model_copy(update={"digest": made.digest})

    def forge() -> None:
        with suppress(Reject), life.engine.begin() as connection:
            consumers.payments(connection, [extra])

    life.receive(forge)
    assert len(life.dispatcher.rows("SELECT 1 FROM payment")) == 6
    life.forget_and_recover()
    assert len(life.dispatcher.rows("SELECT 1 FROM payment")) == 7
    states = {row.batch_id: row.state for row in life.dispatcher.rows("SELECT * FROM batch")}
    assert states == {forged_batch: "waiting", other_batch: "paying"}


def test_the_digest_is_of_contents_and_payments(dispatcher: ManualDispatcher) -> None:
    made = batch_of()
    announce(dispatcher, made, contents_digest=CONTENTS + "x")
    assert not begins(dispatcher)
