"""The events that the dispatcher publishes. Pure: the same state always gives the same event."""

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
    RefusedLoan,
    RefusedPerson,
    SourceProblem,
    StoppedSource,
)
from libs.common.contracts.statuses import PaymentStatus

EvidenceKind = Literal["intent", "response", "webhook", "poll", "lookup", "preparation", "person"]


@dataclass(frozen=True)
class PaymentState:
    """A payment after a change; `version` is the new one."""

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
    """Why a status is believed: the kind of evidence, its id, and the person if one decided."""

    kind: EvidenceKind
    id: str
    by: str = ""


def payment_changed_id(payment_id: UUID, version: int) -> UUID:
    """Return the id of the event that publishes a version of a payment."""
    return uuid5(payment_id, f"payment-changed-{version}")


def payment_changed(state: PaymentState, evidence: Evidence, at: datetime) -> PaymentChanged:
    """Return the event of one change of one payment; its id follows from (payment, version)."""
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
    """Return the event of our state of a batch; its id follows from (batch, version)."""
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


@dataclass(frozen=True)
class PreflightFindings:
    """What the provider knows of a batch: merchants, refused sources, people and loans.

    `inactive_…` were disabled after they had been made.
    """

    institutions: tuple[Institution, ...] = ()
    source_problems: tuple[SourceProblem, ...] = ()
    inactive_people: tuple[str, ...] = ()
    inactive_loans: tuple[str, ...] = ()
    refused_people: tuple[RefusedPerson, ...] = ()
    refused_loans: tuple[RefusedLoan, ...] = ()


def preflight_done(
    batch_id: UUID, revision: int, problem: str, findings: PreflightFindings, at: datetime
) -> PreflightDone:
    """Return the answer to one revision of a batch; its id follows from (batch, revision).

    Args:
        problem: why the batch could not be checked; "" if it was.
    """
    return PreflightDone(
        event_id=uuid5(batch_id, f"preflight-done-{revision}"),
        occurred_at=at,
        correlation=str(batch_id),
        batch_id=batch_id,
        revision=revision,
        checked=not problem,
        message=problem,
        institutions=findings.institutions,
        source_problems=findings.source_problems,
        inactive_people=findings.inactive_people,
        inactive_loans=findings.inactive_loans,
        refused_people=findings.refused_people,
        refused_loans=findings.refused_loans,
    )


def statement_run_id(batch_id: UUID, number: int) -> UUID:
    """Return the run id of a batch's statement of this number."""
    return uuid5(batch_id, f"statement-{number}")
