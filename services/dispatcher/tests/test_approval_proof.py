"""Nothing of a batch is paid before the gateway's signature proves that it was approved."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.crypto.message_signatures import Signer
from libs.common.testing.call_keys import gateway_verifier, signed_approval
from libs.common.web.call_signatures import CallSigner
from services.dispatcher import consumers
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.store import approval_proofs
from services.dispatcher.tests.factories import AT, DIGEST, BatchOfPayments
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database

OTHER_KEY = "ingest-1:" + base64.b64encode(bytes(range(1, 33))).decode()
APPROVED_BY = "someone"
UPLOADER = "p"


def other_signer() -> CallSigner:
    """A key that is not the gateway's, as whoever has stolen ingest's would use it."""
    signer = Signer.parse(OTHER_KEY)
    return CallSigner("gateway-1", signer.key)


def forgeries(batch: UUID) -> dict[str, dict[str, Any]]:
    """What somebody with ingest's key can put into a batch's message."""
    true = signed_approval(batch, DIGEST, AT)
    included = signed_approval(batch, DIGEST, AT, included=2)
    return {
        "none": {"approval": None},
        "another key": {"approval": signed_approval(batch, DIGEST, AT, signer=other_signer())},
        "another batch": {"approval": signed_approval(uuid4(), DIGEST, AT)},
        "another digest": {"approval": signed_approval(batch, "sha256:y", AT)},
        "digest changed": {
            "approval": true.model_copy(update={"target": true.target.replace("%3Ax", "%3Ay")})
        },
        "seen digest": {"approval": true, "seen_digest": DIGEST},
        "includes nothing seen": {"approval": included},
        "by the uploader": {
            "approval": signed_approval(batch, DIGEST, AT, UPLOADER),
            "approved_by": UPLOADER,
        },
        "counts as the uploader": {
            "approval": signed_approval(batch, DIGEST, AT, counts_as=f"q,{UPLOADER}")
        },
        "in another's name": {"approval": true, "approved_by": "nobody"},
        "no approver": {"approval": signed_approval(batch, DIGEST, AT, roles="preparer")},
        "an old one": {"approval": signed_approval(batch, DIGEST, AT - timedelta(days=3))},
    }


def begin(dispatcher: ManualDispatcher, batch: UUID, **forged: Any) -> bool:
    """Let the consumers store an approved batch whose message says this; whether it is paid."""
    made = BatchOfPayments(batch, 2, tag=str(batch)[:8])
    event = made.changed("approved", 3).model_copy(update=forged)
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [event])
        consumers.rows(connection, made.rows())
        consumers.payments(connection, made.payments())
    dispatcher.batch_id = batch
    dispatcher.provisioner.start_batches()
    return bool(read(dispatcher).state == "paying")


def read(dispatcher: ManualDispatcher) -> Any:
    (batch,) = dispatcher.rows(
        "SELECT state, approval_problem, proved_digest FROM batch WHERE batch_id = :b",
        b=dispatcher.batch_id,
    )
    return batch


@pytest.mark.parametrize("which", forgeries(uuid4()))
def test_an_approval_that_the_gateway_did_not_sign_pays_nothing(
    dispatcher: ManualDispatcher, which: str
) -> None:
    batch = uuid4()
    assert not begin(dispatcher, batch, **forgeries(batch)[which])
    assert read(dispatcher).approval_problem
    with dispatcher.engine.connect() as connection:
        assert approval_proofs.count_unproved(connection) == 1
    payments = dispatcher.rows("SELECT status FROM payment WHERE batch_id = :b", b=batch)
    assert {row.status for row in payments} == {"unprocessed"}


@pytest.mark.parametrize("included", [0, 2])
def test_what_an_approver_signed_is_paid(dispatcher: ManualDispatcher, included: int) -> None:
    batch, seen = uuid4(), "sha256:seen" if included else DIGEST
    assertion: ApprovalAssertion = signed_approval(batch, seen, AT, included=included)
    seen_digest = seen if included else None
    assert begin(dispatcher, batch, approval=assertion, seen_digest=seen_digest)
    assert read(dispatcher).proved_digest == DIGEST


def test_a_batch_without_proof_goes_on_when_the_key_is_known(
    dispatcher: ManualDispatcher,
) -> None:
    proof = dispatcher.provisioner.approvals
    dispatcher.provisioner.approvals = ApprovalProof()
    assert not begin(dispatcher, uuid4(), approval=None)
    assert not begin(dispatcher, uuid4())
    dispatcher.provisioner.approvals = proof
    assert dispatcher.provisioner.start_batches()
    assert (read(dispatcher).state, read(dispatcher).approval_problem) == ("paying", "")


def test_what_was_proved_goes_on_when_the_key_has_gone(dispatcher: ManualDispatcher) -> None:
    assert begin(dispatcher, uuid4())
    dispatcher.order("pause")
    dispatcher.order("resume")
    dispatcher.provisioner.approvals = ApprovalProof()
    assert dispatcher.provisioner.start_batches()
    assert read(dispatcher).state == "paying"


def test_another_digest_is_not_sent_before_it_is_proved_too(dispatcher: ManualDispatcher) -> None:
    batch = uuid4()
    assert begin(dispatcher, batch)
    other = BatchOfPayments(batch, 2, tag=str(batch)[:8]).changed("approved", 4)
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [other.model_copy(update={"digest": "sha256:z"})])
    assert read(dispatcher).state == "waiting"
    dispatcher.provisioner.start_batches()
    assert read(dispatcher).state == "waiting"


def test_people_vouch_for_an_unsigned_approval_and_for_no_forged_one(
    dispatcher: ManualDispatcher,
) -> None:
    old, forged = uuid4(), uuid4()
    trusted = frozenset({f"{old}={DIGEST}", f"{forged}={DIGEST}"})
    dispatcher.provisioner.approvals = ApprovalProof(gateway_verifier(), trusted)
    wrong = signed_approval(forged, DIGEST, AT, signer=other_signer())
    assert begin(dispatcher, old, approval=None)
    assert not begin(dispatcher, forged, approval=wrong)
