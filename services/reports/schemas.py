"""What requests for payments and their answers look like."""

from typing import Annotated, Any

from fastapi import Query

from libs.common.contracts.money import dollars
from services.reports.store.payment_queries import PaymentFilter


def payment_filter(
    status: str = "",
    source: str = "",
    branch: str = "",
    institution: str = "",
    reason_code: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
) -> PaymentFilter:
    """The filter in a request for a list of payments; several statuses are separated by commas."""
    statuses = tuple(filter(None, status.split(",")))
    return PaymentFilter(statuses, source, branch, institution, reason_code, q.strip())


def payment_item(row: Any) -> dict[str, Any]:
    """A payment as lists and single answers show it."""
    return {
        "payment_id": str(row.payment_id),
        "status": row.status,
        "version": row.version,
        "amount": dollars(row.amount_cents),
        "amount_cents": row.amount_cents,
        "source_account_id": row.source_account_id,
        "employee_id": row.employee_id,
        "institution_id": row.institution_id,
        "loan_last4": row.loan_last4,
        "rows": row.file_rows,
        "provider_payment_id": row.provider_payment_id,
        "provider_status": row.provider_status,
        "attempts": row.attempts,
        "reason_code": row.reason_code,
        "reason": row.reason,
    }
