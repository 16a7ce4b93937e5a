"""What the dispatcher says of its payments and batches: pure, the same state always gives the same event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.events.preparation import (
    DispatchChanged,
    Institution,
    PreflightDone,
    SourceProblem,
    StoppedSource,
)
from libs.common.contracts.statuses import PaymentStatus

EvidenceKind = Literal["intent", "response", "webhook", "poll", "lookup", "preparation", "person"]


@dataclass(frozen=True)
class PaymentState:
    """A payment as it stands after a change; `version` is the new one."""

    payment_id: UUID
    batch_id: UUID
    version: int
    status: PaymentStatus
    amount_cents: int
    attempts: int = 0
    provider_id: str = ""
    provider_status: str = ""
    merchant_id: str = ""
    source_trace_id: str = ""
    destination_trace_id: str = ""
    reversal_id: str = ""
    return_under_way: bool = False
    reason_code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Evidence:
    """Why we believe it: the kind of evidence, its id, and the person where a person decided."""

    kind: EvidenceKind
    id: str
    by: str = ""


def payment_changed_id(payment_id: UUID, version: int) -> UUID:
    """The id of the event with which a payment says its version."""
    return uuid5(payment_id, f"payment-changed-{version}")


def payment_changed(state: PaymentState, evidence: Evidence, at: datetime) -> PaymentChanged:
    """The event of one change of one payment; its id follows from (payment, version)."""
    return PaymentChanged(
        event_id=payment_changed_id(state.payment_id, state.version),
        occurred_at=at,
        correlation=str(state.batch_id),
        payment_id=state.payment_id,
        batch_id=state.batch_id,
        version=state.version,
        status=state.status,
        amount_cents=state.amount_cents,
        provider_payment_id=state.provider_id,
        provider_status=state.provider_status,
        merchant_id=state.merchant_id,
        source_trace_id=state.source_trace_id,
        destination_trace_id=state.destination_trace_id,
        reversal_id=state.reversal_id,
        return_under_way=state.return_under_way,
        attempts=state.attempts,
        evidence_kind=evidence.kind,
        evidence_id=evidence.id,
        reason_code=state.reason_code,
        reason=state.reason,
        by=evidence.by,
    )


def dispatch_changed(
    batch_id: UUID,
    version: int,
    state: Literal["paying", "paused", "cancelled"],
    by: str,
    reason: str,
    stopped: Sequence[StoppedSource],
    at: datetime,
) -> DispatchChanged:
    """The event of a batch's state here; its id follows from (batch, version)."""
    return DispatchChanged(
        event_id=uuid5(batch_id, f"dispatch-changed-{version}"),
        occurred_at=at,
        correlation=str(batch_id),
        batch_id=batch_id,
        version=version,
        state=state,
        by=by,
        reason=reason,
        stopped_sources=tuple(stopped),
    )


def preflight_done(
    batch_id: UUID,
    revision: int,
    checked: bool,
    message: str,
    institutions: Sequence[Institution],
    problems: Sequence[SourceProblem],
    inactive_people: Sequence[str],
    inactive_loans: Sequence[str],
    at: datetime,
) -> PreflightDone:
    """The answer to one revision of a batch; its id follows from (batch, revision)."""
    return PreflightDone(
        event_id=uuid5(batch_id, f"preflight-done-{revision}"),
        occurred_at=at,
        correlation=str(batch_id),
        batch_id=batch_id,
        revision=revision,
        checked=checked,
        message=message,
        institutions=tuple(institutions),
        source_problems=tuple(problems),
        inactive_people=tuple(inactive_people),
        inactive_loans=tuple(inactive_loans),
    )
