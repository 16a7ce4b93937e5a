"""Batches that were approved or begun before payments were proved."""

from uuid import UUID, uuid4

import pytest

from libs.common.database.engine import run
from libs.common.testing.call_keys import gateway_verifier, signed_approval
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.store import approval_proofs
from services.dispatcher.tests.factories import AT
from services.dispatcher.tests.harness import ManualDispatcher
from services.dispatcher.tests.test_approved_payments import (
    announce,
    batch_of,
    begins,
    state,
    with_another,
)

pytestmark = pytest.mark.database


def make_older(dispatcher: ManualDispatcher, batch: UUID, proved_payments: str) -> None:
    """Make a batch what the migration makes of one that an older version has stored."""
    with dispatcher.engine.begin() as connection:
        run(
            connection,
            """
            UPDATE batch SET proved_payments = :proved, contents_digest = ''
            WHERE batch_id = :b""",
            b=batch,
            proved=proved_payments,
        )
        run(
            connection,
            "UPDATE payment SET approved_merchant_id = NULL WHERE batch_id = :b",
            b=batch,
        )


@pytest.mark.parametrize("is_forged", [False, True])
def test_a_batch_that_was_begun_before_goes_on_with_the_payments_it_had(
    dispatcher: ManualDispatcher, is_forged: bool
) -> None:
    made = batch_of()
    announce(dispatcher, made)
    assert begins(dispatcher)
    make_older(dispatcher, made.batch_id, approval_proofs.BEFORE)
    dispatcher.order("pause")
    if is_forged:
        announce(dispatcher, made, with_another(made), 4)
    dispatcher.order("resume")
    assert begins(dispatcher) is not is_forged
    if not is_forged:
        assert state(dispatcher).proved_payments == approval_proofs.BEFORE


@pytest.mark.parametrize("is_signed", [False, True])
def test_people_vouch_for_the_payments_of_an_older_approval(
    dispatcher: ManualDispatcher, is_signed: bool
) -> None:
    made = batch_of()
    older = {"contents_digest": ""} if is_signed else {"contents_digest": "", "approval": None}
    announce(dispatcher, made, **older)
    assert not begins(dispatcher)
    problem = state(dispatcher).approval_problem
    shown = problem.rpartition(" ")[2]
    assert problem.startswith("the approval")
    assert shown.startswith("sha256:")
    trusted = frozenset({f"{made.batch_id}={shown}"})
    dispatcher.provisioner.approvals = ApprovalProof(gateway_verifier(), trusted)
    assert begins(dispatcher)


def test_who_is_vouched_for_is_paid_nothing_else(dispatcher: ManualDispatcher) -> None:
    made = batch_of()
    announce(dispatcher, made, contents_digest="")
    assert not begins(dispatcher)
    shown = state(dispatcher).approval_problem.rpartition(" ")[2]
    trusted = frozenset({f"{made.batch_id}={shown}"})
    dispatcher.provisioner.approvals = ApprovalProof(gateway_verifier(), trusted)
    announce(dispatcher, made, with_another(made), 4, contents_digest="")
    assert not begins(dispatcher)


def test_nobody_vouches_for_a_wrong_signature_or_for_other_payments(
    dispatcher: ManualDispatcher,
) -> None:
    wrong, other = batch_of(), batch_of()
    trusted = set()
    for made in (wrong, other):
        payments = with_another(made) if made is other else made.payments()
        announce(dispatcher, made, payments)
        with dispatcher.engine.connect() as connection:
            found = approval_proofs.read_payments(connection, made.batch_id, made.digest)
        trusted.add(f"{made.batch_id}={found.digest}")
    dispatcher.provisioner.approvals = ApprovalProof(gateway_verifier(), frozenset(trusted))
    signed = signed_approval(uuid4(), wrong.digest, AT)
    announce(dispatcher, wrong, version=4, approval=signed, contents_digest="")
    assert not begins(dispatcher)
    dispatcher.batch_id = other.batch_id
    assert not begins(dispatcher)
