"""What requests for payments and their answers look like."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query

from libs.common.contracts.money import dollars
from libs.common.crypto.field_encryption import FieldCipher
from services.reports.store.payment_queries import PaymentFilter

#: Up to a page of UUIDs with commas between them, or nothing.
UUID_LIST = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,|$)){0,100}$"


def payment_filter(
    status: str = "",
    source: str = "",
    branch: str = "",
    institution: str = "",
    reason_code: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    ids: Annotated[str, Query(pattern=UUID_LIST)] = "",
) -> PaymentFilter:
    """The filter in a request for a list of payments.

    Several statuses, and several payment ids, are separated by commas.
    """
    statuses, wanted = (tuple(filter(None, one.split(","))) for one in (status, ids))
    return PaymentFilter(statuses, source, branch, institution, reason_code, q.strip(), wanted)


def with_names(wanted: PaymentFilter, names: Iterable[Any], cipher: FieldCipher) -> PaymentFilter:
    """The filter that also finds people by name.

    Args:
        names: the rows of `payment_queries.read_names`.
    """
    text = wanted.q.casefold()
    found = {row.payment_id for row in names if text in " ".join(_names(row, cipher)).casefold()}
    return replace(wanted, named=tuple(sorted(found)))


def _names(row: Any, cipher: FieldCipher) -> tuple[str, str]:
    """First and last name of a payment's first row, decrypted; empty where its row is not here."""
    return (
        cipher.decrypt(row.first_name, "first_name", str(row.row_id)) if row.first_name else "",
        cipher.decrypt(row.last_name, "last_name", str(row.row_id)) if row.last_name else "",
    )


def payment_item(row: Any, cipher: FieldCipher) -> dict[str, Any]:
    """A payment as lists and single answers show it."""
    first_name, last_name = _names(row, cipher)
    return {
        "first_name": first_name,
        "last_name": last_name,
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
