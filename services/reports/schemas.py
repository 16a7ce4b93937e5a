"""What requests for payments and their answers look like."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from libs.common.contracts.money import dollars
from libs.common.crypto.field_encryption import FieldCipher
from services.reports.domain.finance_reports import (
    BATCHES_MAX,
    DIMENSIONS,
    Dimension,
    Question,
)
from services.reports.store.payment_queries import PaymentFilter

YEAR_PEOPLE_MAX = 200_000
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
    found = {
        row.payment_id for row in names if text in " ".join(payment_names(row, cipher)).casefold()
    }
    return replace(wanted, named=tuple(sorted(found)))


def payment_names(row: Any, cipher: FieldCipher) -> tuple[str, str]:
    """First and last name of a payment's first row, decrypted; empty where its row is not here."""
    return (
        cipher.decrypt_or_forgotten(row.first_name, "first_name", str(row.row_id)),
        cipher.decrypt_or_forgotten(row.last_name, "last_name", str(row.row_id)),
    )


def payment_item(row: Any, cipher: FieldCipher) -> dict[str, Any]:
    """A payment as lists and single answers show it."""
    first_name, last_name = payment_names(row, cipher)
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


class FinanceOrder(BaseModel):
    """A report for finance that somebody asks for."""

    from_day: date | None = None
    to_day: date | None = None
    batch_ids: list[UUID] = Field(default=[], max_length=BATCHES_MAX)
    by: list[Dimension] = Field(min_length=1, max_length=len(DIMENSIONS))

    def question(self) -> Question:
        """The order in the domain's words; batches and columns without repetition."""
        return Question(
            from_day=self.from_day.isoformat() if self.from_day else "",
            to_day=self.to_day.isoformat() if self.to_day else "",
            batch_ids=tuple(sorted({str(batch_id) for batch_id in self.batch_ids})),
            by=tuple(dict.fromkeys(self.by)),
        )


class YearPerson(BaseModel):
    """A person's line of a yearly list, as ingest sums it."""

    employee_id: str
    branch_id: str
    payments: int = Field(ge=0)
    counted_cents: int = Field(ge=0)


class YearBatch(BaseModel):
    """A batch that counts in a year, in the version that was summed."""

    batch_id: UUID
    period: str
    status: str
    version: int
    digest: str


class YearOrder(BaseModel):
    """A yearly list to be written and kept. The gateway brings it from ingest."""

    year: int
    limit_cents: int = Field(gt=0)
    batches: list[YearBatch]
    people: list[YearPerson] = Field(max_length=YEAR_PEOPLE_MAX)
