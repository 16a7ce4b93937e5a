"""Whether a batch's approval is proved, which it must be before anything of it is paid."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.approved_payments import digest_batch
from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.observability.logs import log
from libs.common.web.approval_assertions import (
    ApprovalNotProved,
    ClaimedApproval,
    verify_approval,
)
from libs.common.web.call_signatures import CallVerifier
from services.dispatcher.store import approval_proofs, batch_starts
from services.dispatcher.store.approval_proofs import BEFORE, StoredPayments


@dataclass(frozen=True)
class ApprovalProof:
    """Verifies who approved a batch, and that its payments are those that were approved.

    Without keys nothing is proved.

    Args:
        verifier: has the gateway's public keys.
        trusted: `batch id=digest of its payments` for which people vouch: of approvals that were
            made before they were signed, or before they covered the payments.
    """

    verifier: CallVerifier = field(default_factory=lambda: CallVerifier({}))
    trusted: Collection[str] = ()
    # By batch: the version that was examined, and what was wrong with it. The payments that a
    # version announces do not become others, and reading them takes time.
    _examined: dict[UUID, tuple[int, str]] = field(default_factory=dict, init=False)

    def is_proved(self, connection: Connection, batch: Row[Any], *, begins: bool) -> bool:
        """Whether a locked batch's approval is proved; if not, why is stored and logged once.

        What was proved before stays proved, also when the gateway's key is no longer accepted. The
        payments are compared each time that the batch begins.

        Args:
            begins: whether it begins to be paid now, if it is proved.
        """
        version, problem = self._examined.get(batch.batch_id, (0, ""))
        if version != batch.version or (begins and not problem):
            if not batch_starts.lock_payments(connection, batch.batch_id):
                return False
            problem = self._examine(connection, batch)
            self._examined[batch.batch_id] = batch.version, problem
        if problem and approval_proofs.write_problem(connection, batch.batch_id, problem):
            log.error("approval_not_proved", batch_id=str(batch.batch_id), reason=problem)
        return not problem

    def _examine(self, connection: Connection, batch: Row[Any]) -> str:
        """What is wrong with an approval or its payments; "" if they are proved, which is noted."""
        if not batch.digest:
            return "the batch has no digest"
        was_proved = batch.proved_digest == batch.digest and bool(batch.proved_payments)
        try:
            if batch.approval and not was_proved:
                self._verify_signature(batch)
        except ApprovalNotProved as reason:
            return str(reason)
        payments = approval_proofs.read_payments(connection, batch.batch_id, batch.digest)
        problem = _compare_again(batch, payments) if was_proved else self._compare(batch, payments)
        if not problem:
            noted = batch.proved_payments if was_proved else payments.digest
            approval_proofs.write_proved(connection, batch.batch_id, batch.digest, noted)
        return problem

    def _verify_signature(self, batch: Row[Any]) -> None:
        if batch.approved_at is None:
            raise ApprovalNotProved("the approval has no time")
        claimed = ClaimedApproval(
            batch.batch_id,
            batch.digest,
            batch.seen_digest,
            batch.approved_by,
            batch.approved_at,
            frozenset(batch.barred),
            batch.start_at,
            is_older=not batch.contents_digest,
        )
        assertion = ApprovalAssertion.model_validate_json(batch.approval)
        verify_approval(self.verifier, assertion, claimed)

    def _compare(self, batch: Row[Any], payments: StoredPayments) -> str:
        """What is wrong with the payments of an approval whose signature, if any, is verified."""
        if batch.approval and batch.contents_digest:
            approved = digest_batch(batch.contents_digest, payments.digest)
            return "" if approved == batch.digest else _other_payments(payments)
        if f"{batch.batch_id}={payments.digest}" in self.trusted:
            return ""
        lacks = (
            "does not cover payments" if batch.approval else "carries no signature of the gateway"
        )
        return f"the approval {lacks}; the payments are {payments.digest}"


def _compare_again(batch: Row[Any], payments: StoredPayments) -> str:
    """What is wrong with the payments of a batch that was proved before."""
    if batch.proved_payments == BEFORE:
        return _other_payments(payments) if payments.has_newer else ""
    return "" if payments.digest == batch.proved_payments else _other_payments(payments)


def _other_payments(payments: StoredPayments) -> str:
    return f"the payments are not those that were approved; they are {payments.digest}"
