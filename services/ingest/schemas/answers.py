"""What answers of ingest look like, made from stored values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from libs.common.contracts.money import dollars
from services.ingest import handlers
from services.ingest.domain.approval_request import ApprovalRequest
from services.ingest.domain.approval_rules import FirstApproval, Rule
from services.ingest.domain.batch import Batch
from services.ingest.domain.correction import offer_correction
from services.ingest.encryption import FieldEncryption
from services.ingest.roster_diff import RosterDiff, RosterSteps, Step
from services.ingest.schemas.approval_requests import request_item
from services.ingest.schemas.approval_rules import needed_answer

Answer = dict[str, Any]
Record = Any  # one row of a SELECT, read by attribute

_ISSUE_FIELDS: Final = ("file_row", "line", "field", "code", "outcome", "value", "message")
_CERTIFICATE_FIELDS: Final = (
    *("version", "outcome", "digest", "run_id", "total"),
    *("paid", "failed", "cancelled", "reversed", "unpayable", "refused", "excluded"),
)


@dataclass(frozen=True)
class BatchDetails:
    """Everything that is stored about a batch, but for its rows."""

    batch: Batch
    totals: Sequence[Record]
    sources: Sequence[Record]
    issues: Sequence[Record]
    corrections: Sequence[Record]
    certificate: Mapping[str, Any] | None
    file_fault: Record | None = None
    requests: Sequence[ApprovalRequest] = ()
    ready_days: int = 0
    rules_hit: Sequence[Rule] = ()
    first_approval: FirstApproval | None = None
    children: Sequence[Record] = ()
    payments_digest: str | None = None


def page_answer(items: Sequence[Answer], next_cursor: str | None, total: int) -> Answer:
    """One page of a list."""
    return {"items": list(items), "next": next_cursor, "total": total}


def batch_item(
    batch: Batch,
    totals: Sequence[Record],
    newest: ApprovalRequest | None = None,
    first_approved_by: str | None = None,
) -> Answer:
    """A batch as lists show it, with its rows and cents by outcome.

    Args:
        newest: the newest request for its approval; None if nobody asked.
        first_approved_by: who has given the first of two approvals; None if nobody has.
    """
    asked = request_item(newest, batch) if newest else None
    return {
        **_head(batch),
        **_outcomes(totals),
        "approval_request": asked,
        "first_approved_by": first_approved_by,
    }


def batch_answer(found: BatchDetails) -> Answer:
    """A batch with everything an approver must see, but for the statuses of its payments.

    Those are known to the dispatcher.
    """
    batch, sources = found.batch, {one.source_account_id: one for one in found.sources}
    offered = (
        [offer_correction(name, source.state, source.zip) for name, source in sources.items()]
        if batch.status in {"checking", "ready"}
        else []
    )
    return {
        **_head(batch),
        "payments_digest": found.payments_digest,
        "error": _file_error(batch, found.file_fault),
        **_outcomes([total for total in found.totals if total.kind == "source"]),
        "sources": [
            _source(name, sources.get(name), rows, cents)
            for name, rows, cents in _sum_by_id(found.totals, "source")
        ],
        "branches": [
            {"branch_id": name, "rows": rows, "amount_cents": cents}
            for name, rows, cents in _sum_by_id(found.totals, "branch")
        ],
        "issues": [
            {
                "code": issue.code,
                "outcome": issue.outcome,
                "count": issue.number,
                "message": issue.message,
            }
            for issue in found.issues
        ],
        "to_acknowledge": sorted(
            {issue.code for issue in found.issues if issue.outcome == "warning"}
        ),
        "acknowledged": list(batch.acknowledged),
        "corrections_offered": [_correction(one) for one in offered if one],
        "corrections": [
            {**_correction(one), "by": one.corrected_by, "at": one.corrected_at}
            for one in found.corrections
        ],
        "certificate": _certificate(found.certificate),
        **needed_answer(found.rules_hit, found.first_approval),
        "approval_requests": [request_item(one, batch) for one in found.requests],
        "expires_at": (
            batch.ready_at + timedelta(days=found.ready_days)
            if batch.ready_at and batch.status == "ready"
            else None
        ),
        "child_batches": [_child(one) for one in found.children],
    }


_CHILD_FIELDS: Final = (
    *("batch_id", "filename", "status", "uploaded_by", "uploaded_at"),
    *("is_mended", "rows", "amount_cents"),
)


def _child(child: Record) -> Answer:
    return {name: getattr(child, name) for name in _CHILD_FIELDS}


def period_choices(batch: Batch) -> list[date]:
    """The first days of the periods of which a person must choose one; none if it is clear."""
    return [batch.other_period, batch.period] if batch.other_period else []


def _head(batch: Batch) -> Answer:
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        "filename": batch.filename,
        "uploaded_by": batch.uploaded_by,
        "uploaded_at": batch.uploaded_at,
        "approved_by": batch.approved_by,
        "approved_at": batch.approved_at,
        "start_at": batch.start_at,
        "digest": batch.digest,
        "period": batch.period,
        "period_end": batch.last_day,
        "period_choices": period_choices(batch),
        "parent_batch_id": batch.parent_batch_id,
        "family_id": batch.family_id,
        "revision": batch.revision,
        "version": batch.version,
        "reason": batch.reason,
        "one_person": batch.one_person,
        "error": _file_error(batch, None),
    }


def _file_error(batch: Batch, fault: Record | None) -> Answer | None:
    """Why the file was rejected, and in which row and element; None if it was not."""
    if batch.error_code is None:
        return None
    return {
        "code": batch.error_code,
        "message": batch.error_message,
        "line": batch.error_line,
        "row": fault.file_row or None if fault else None,
        "field": fault.field if fault else "",
        "found": fault.value if fault else "",
    }


def _outcomes(totals: Sequence[Record]) -> Answer:
    rows, cents = handlers.count_outcomes(totals)
    return {"rows": rows.model_dump(), "amount_cents": cents.model_dump()}


def _sum_by_id(totals: Sequence[Record], kind: str) -> list[tuple[str, int, int]]:
    """Rows and cents of each source or each branch, over all outcomes."""
    summed: dict[str, tuple[int, int]] = {}
    for one in totals:
        if one.kind == kind:
            rows, cents = summed.get(one.id, (0, 0))
            summed[one.id] = (rows + one.rows, cents + one.amount_cents)
    return [(name, rows, cents) for name, (rows, cents) in sorted(summed.items())]


def _source(name: str, stored: Record | None, rows: int, cents: int) -> Answer:
    return {
        "source_account_id": name,
        "payor_name": stored.payor_name if stored else "",
        "aba_routing": stored.aba_routing if stored else "",
        "account_last4": stored.account_last4 if stored else "",
        "rows": rows,
        "amount_cents": cents,
    }


def _correction(one: Any) -> dict[str, str]:
    return {
        "source_account_id": one.source_account_id,
        "field": one.field,
        "from": one.from_value,
        "to": one.to_value,
    }


def _certificate(body: Mapping[str, Any] | None) -> Answer | None:
    if body is None:
        return None
    return {**{name: body[name] for name in _CERTIFICATE_FIELDS}, "issued_at": body["occurred_at"]}


def row_items(
    rows: Sequence[Record], issues: Sequence[Record], encryption: FieldEncryption
) -> list[Answer]:
    """Rows as people see them; a refused one with the field and the value that refuse it.

    Args:
        issues: those of the refused rows, in the order in which they were found.
    """
    first: dict[int, Record] = {}
    for issue in issues:
        first.setdefault(issue.file_row, issue)
    return [_row_item(row, first.get(row.file_row), encryption) for row in rows]


def _row_item(row: Record, refusal: Record | None, encryption: FieldEncryption) -> Answer:
    return {
        "row_id": row.row_id,
        "file_row": row.file_row,
        "employee_id": row.employee_id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "branch_id": row.branch_id,
        "source_account_id": row.source_account_id,
        "institution_id": row.institution_id,
        "loan_last4": row.loan_last4,
        "amount": dollars(row.amount_cents),
        "amount_cents": row.amount_cents,
        "status": row.status,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "reason_field": refusal.field if refusal else "",
        "reason_value": refusal.value if refusal else "",
        "payment_id": row.payment_id,
        "person_id": encryption.person_id(row.person_key) if row.person_key else "",
        "loan_id": row.loan_key,
    }


def issue_item(issue: Record) -> Answer:
    """An issue as people see it."""
    return {name: getattr(issue, name) for name in _ISSUE_FIELDS}


def payment_answer(
    payment_id: UUID,
    batch: Batch,
    rows: Sequence[Record],
    issues: Sequence[Record],
    encryption: FieldEncryption,
) -> Answer:
    """An approved payment: its rows, their issues, and who approved it."""
    return {
        "payment_id": payment_id,
        "batch_id": batch.batch_id,
        "filename": batch.filename,
        "uploaded_by": batch.uploaded_by,
        "uploaded_at": batch.uploaded_at,
        "rows": row_items(rows, (), encryption),
        "issues": [issue_item(issue) for issue in issues],
        "approval": {
            "approved_by": batch.approved_by,
            "approved_at": batch.approved_at,
            "digest": batch.digest,
            "acknowledged": list(batch.acknowledged),
        },
    }


def approval_answer(batch: Batch) -> Answer:
    """The approval of a batch; one that is still ready needs the approval of another person."""
    return {
        "batch_id": batch.batch_id,
        "status": "approved" if batch.approved_by else batch.status,
        "digest": batch.digest,
        "approved_by": batch.approved_by,
        "approved_at": batch.approved_at,
        "start_at": batch.start_at,
        "acknowledged": list(batch.acknowledged),
        "payments": batch.payments,
        "payments_cents": batch.payments_cents,
    }


def discard_answer(batch_id: UUID, done: Record) -> Answer:
    """The discard of a batch."""
    return {
        "batch_id": batch_id,
        "status": "discarded",
        "discarded_by": done.discarded_by,
        "discarded_at": done.discarded_at,
        "reason": done.reason,
    }


def changes_answer(found: RosterDiff, next_cursor: str | None) -> Answer:
    """A page of the differences from the previously approved roster."""
    return {
        **page_answer([_change(item) for item in found.items], next_cursor, found.total),
        "against": found.previous,
        "counts": found.counts,
    }


def compared_answer(found: RosterSteps | None) -> Answer:
    """How the previously approved roster became this one; `against` is None without one."""
    if found is None:
        return {"against": None, "before": None, "steps": [], "after": None}
    return {
        "against": found.previous,
        "before": _step(found.before),
        "steps": [_step(step) for step in found.steps],
        "after": _step(found.after),
    }


def _step(step: Step) -> Answer:
    return {"kind": step.kind, "rows": step.rows, "amount_cents": step.cents}


def _change(found: Mapping[str, Any]) -> Answer:
    return {
        "kind": found["kind"],
        "employee_id": found["employee_id"],
        "first_name": found["names"][0],
        "last_name": found["names"][1],
        "before": _side(found["before"]),
        "after": _side(found["after"]),
        "swing_cents": found["swing_cents"],
    }


def _side(side: Mapping[str, Any] | None) -> Answer | None:
    """One side of a change. `sources` and `branch_ids` are empty where the kind has none."""
    if side is None:
        return None
    return {
        "amount": dollars(side["amount_cents"]),
        "amount_cents": side["amount_cents"],
        "rows": side["rows"],
        "institution_id": side.get("institution_id") or "",
        "loan_last4": side.get("loan_last4") or "",
        "sources": side.get("sources") or [],
        "branch_ids": side.get("branch_ids") or [],
    }
