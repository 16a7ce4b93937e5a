"""Nothing of a batch is paid before the gateway's signature proves that it was approved."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.crypto.message_signatures import Signer
from libs.common.testing.call_keys import signed_approval
from libs.common.web.call_signatures import CallSigner
from services.dispatcher import consumers
from services.dispatcher.preparation.approval_proof import ApprovalProof
from services.dispatcher.store import approval_proofs
from services.dispatcher.tests.factories import AT, BatchOfPayments
from services.dispatcher.tests.harness import ManualDispatcher

pytestmark = pytest.mark.database

OTHER_KEY = "ingest-1:" + base64.b64encode(bytes(range(1, 33))).decode()
UPLOADER = "p"
SEEN = "sha256:seen"


def other_signer() -> CallSigner:
    """A key that is not the gateway's, as whoever has stolen ingest's would use it."""
    signer = Signer.parse(OTHER_KEY)
    return CallSigner("gateway-1", signer.key)


def batch_of(batch: UUID) -> BatchOfPayments:
    return BatchOfPayments(batch, 2, tag=str(batch)[:8])


def forgeries(made: BatchOfPayments) -> dict[str, dict[str, Any]]:
    """What somebody with ingest's key can put into a batch's message."""
    batch, digest = made.batch_id, made.digest
    true = signed_approval(batch, digest, AT)

    def included(seen: str, approved: str) -> dict[str, Any]:
        signed = signed_approval(batch, seen, AT, included=2, approved=approved)
        return {"approval": signed, "seen_digest": SEEN}

    return {
        "none": {"approval": None},
        "another key": {"approval": signed_approval(batch, digest, AT, signer=other_signer())},
        "another batch": {"approval": signed_approval(uuid4(), digest, AT)},
        "another digest": {"approval": signed_approval(batch, "sha256:y", AT)},
        "digest changed": {
            "approval": true.model_copy(update={"target": true.target.replace("%3A", "%3Ay")})
        },
        "seen digest": {"approval": true, "seen_digest": digest},
        "includes nothing seen": {
            "approval": signed_approval(batch, digest, AT, included=2, approved=digest)
        },
        "includes other rows": included(SEEN, "sha256:other"),
        "includes rows without a digest": included(SEEN, ""),
        "includes rows of another digest": included("sha256:other", digest),
        "by the uploader": {
            "approval": signed_approval(batch, digest, AT, UPLOADER),
            "approved_by": UPLOADER,
        },
        "counts as the uploader": {
            "approval": signed_approval(batch, digest, AT, counts_as=f"q,{UPLOADER}")
        },
        "in another's name": {"approval": true, "approved_by": "nobody"},
        "no approver": {"approval": signed_approval(batch, digest, AT, roles="preparer")},
        "an old one": {"approval": signed_approval(batch, digest, AT - timedelta(days=3))},
    }


def begin(dispatcher: ManualDispatcher, made: BatchOfPayments, **forged: Any) -> bool:
    """Let the consumers store an approved batch whose message says this; whether it is paid."""
    event = made.changed("approved", 3).model_copy(update=forged)
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [event])
        consumers.rows(connection, made.rows())
        consumers.payments(connection, made.payments())
    dispatcher.batch_id = made.batch_id
    dispatcher.provisioner.start_batches()
    return bool(read(dispatcher).state == "paying")


def read(dispatcher: ManualDispatcher) -> Any:
    (batch,) = dispatcher.rows(
        "SELECT state, approval_problem, proved_digest FROM batch WHERE batch_id = :b",
        b=dispatcher.batch_id,
    )
    return batch


@pytest.mark.parametrize("which", forgeries(batch_of(uuid4())))
def test_an_approval_that_the_gateway_did_not_sign_pays_nothing(
    dispatcher: ManualDispatcher, which: str
) -> None:
    made = batch_of(uuid4())
    assert not begin(dispatcher, made, **forgeries(made)[which])
    assert read(dispatcher).approval_problem
    with dispatcher.engine.connect() as connection:
        assert approval_proofs.count_unproved(connection) == 1
    payments = dispatcher.rows("SELECT status FROM payment WHERE batch_id = :b", b=made.batch_id)
    assert {row.status for row in payments} == {"unprocessed"}


@pytest.mark.parametrize("included", [0, 2])
def test_what_an_approver_signed_is_paid(dispatcher: ManualDispatcher, included: int) -> None:
    made = batch_of(uuid4())
    seen, approved = (SEEN, made.digest) if included else (made.digest, "")
    assertion = signed_approval(made.batch_id, seen, AT, included=included, approved=approved)
    seen_digest = seen if included else None
    assert begin(dispatcher, made, approval=assertion, seen_digest=seen_digest)
    assert read(dispatcher).proved_digest == made.digest


def test_a_batch_without_proof_goes_on_when_the_key_is_known(
    dispatcher: ManualDispatcher,
) -> None:
    proof = dispatcher.provisioner.approvals
    dispatcher.provisioner.approvals = ApprovalProof()
    assert not begin(dispatcher, batch_of(uuid4()), approval=None)
    assert not begin(dispatcher, batch_of(uuid4()))
    dispatcher.provisioner.approvals = proof
    assert dispatcher.provisioner.start_batches()
    assert (read(dispatcher).state, read(dispatcher).approval_problem) == ("paying", "")


def test_what_was_proved_goes_on_when_the_key_has_gone(dispatcher: ManualDispatcher) -> None:
    assert begin(dispatcher, batch_of(uuid4()))
    dispatcher.order("pause")
    dispatcher.order("resume")
    dispatcher.provisioner.approvals = ApprovalProof()
    assert dispatcher.provisioner.start_batches()
    assert read(dispatcher).state == "paying"


def test_another_digest_is_not_sent_before_it_is_proved_too(dispatcher: ManualDispatcher) -> None:
    made = batch_of(uuid4())
    assert begin(dispatcher, made)
    other = made.changed("approved", 4)
    with dispatcher.engine.begin() as connection:
        consumers.batches(connection, [other.model_copy(update={"digest": "sha256:z"})])
    assert read(dispatcher).state == "waiting"
    dispatcher.provisioner.start_batches()
    assert read(dispatcher).state == "waiting"
