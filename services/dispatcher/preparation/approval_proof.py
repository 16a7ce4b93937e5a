"""Whether a batch's approval is proved, which it must be before anything of it is paid."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from libs.common.contracts.events.batches import ApprovalAssertion
from libs.common.observability.logs import log
from libs.common.web.approval_assertions import (
    ApprovalNotProved,
    ClaimedApproval,
    verify_approval,
)
from libs.common.web.call_signatures import CallVerifier
from services.dispatcher.store import approval_proofs


@dataclass(frozen=True)
class ApprovalProof:
    """Verifies approvals. Without keys none is proved.

    Args:
        verifier: has the gateway's public keys.
        trusted: `batch id=digest` of approvals that people vouch for, made before approvals were
            signed.
    """

    verifier: CallVerifier = field(default_factory=lambda: CallVerifier({}))
    trusted: Collection[str] = ()

    def is_proved(self, connection: Connection, batch: Row[Any]) -> bool:
        """Whether a locked batch's approval is proved; if not, why is stored and logged once.

        What was proved before stays proved, also when the gateway's key is no longer accepted.
        """
        if batch.digest and batch.proved_digest == batch.digest:
            return True
        problem = self._problem(batch)
        if not problem:
            approval_proofs.write_proved(connection, batch.batch_id, batch.digest)
        elif approval_proofs.write_problem(connection, batch.batch_id, problem):
            log.error("approval_not_proved", batch_id=str(batch.batch_id), reason=problem)
        return not problem

    def _problem(self, batch: Row[Any]) -> str:
        if not batch.digest:
            return "the batch has no digest"
        if not batch.approval and f"{batch.batch_id}={batch.digest}" in self.trusted:
            return ""
        if batch.approved_at is None:
            return "the approval carries no signature of the gateway"
        text: str = batch.approval
        assertion = ApprovalAssertion.model_validate_json(text) if text else None
        claimed = ClaimedApproval(
            batch.batch_id,
            batch.digest,
            batch.seen_digest,
            batch.approved_by,
            batch.approved_at,
            frozenset(batch.barred),
            batch.start_at,
        )
        try:
            verify_approval(self.verifier, assertion, claimed)
        except ApprovalNotProved as reason:
            return str(reason)
        return ""
