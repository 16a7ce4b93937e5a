"""The three tables of a report: their columns, and their lines from rows of the read model.

All three come from one view in one snapshot, so their sums are equal by construction.
The columns are a contract with those who read the files.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row

from libs.common.contracts.money import CURRENCY, dollars
from libs.common.contracts.statuses import OUTCOMES
from libs.common.crypto.field_encryption import FieldCipher
from services.reports.domain.formats import format_instant, reason_or_code

Cell = str | int
GROUP_COLUMNS = (
    "currency",
    "rows",
    "amount",
    *(f"{outcome}_{what}" for outcome in OUTCOMES for what in ("count", "amount")),
)
PAYOR_COLUMNS = ("payor_name", "aba_routing", "account_last4")
SOURCES = ("batch_id", "source_account_id", *PAYOR_COLUMNS, *GROUP_COLUMNS)
BRANCHES = ("batch_id", "branch_id", *GROUP_COLUMNS)
PAYMENTS = (
    *("batch_id", "file_row", "row_id", "payment_id", "employee_id", "first_name", "last_name"),
    *("branch_id", "source_account_id", "source_last4"),
    *("institution_id", "merchant_id", "loan_last4"),
    *("amount", "amount_cents", "currency", "status", "reason_code", "reason"),
    *("provider_payment_id", "provider_status", "source_trace_id", "destination_trace_id"),
    *("attempts", "approved_by", "approved_at", "created_at", "updated_at", "completed_at"),
    "reversal_id",
)


def source_lines(batch: Row[Any], groups: Iterable[Row[Any]]) -> Iterator[list[Cell]]:
    """The lines of `sources`, one for each source account."""
    sources = {source["source_account_id"]: source for source in batch.sources}
    for group in groups:
        source = sources.get(group.id, {})
        payor = (source.get(name, "") for name in PAYOR_COLUMNS)
        yield [str(batch.batch_id), group.id, *payor, *group_cells(group)]


def branch_lines(batch: Row[Any], groups: Iterable[Row[Any]]) -> Iterator[list[Cell]]:
    """The lines of `branches`, one for each branch."""
    for group in groups:
        yield [str(batch.batch_id), group.id, *group_cells(group)]


def payment_line(row: Row[Any], cipher: FieldCipher) -> list[Cell]:
    """The line of `payments` of one row of the file; `cipher` decrypts the names."""
    return [
        row.batch_id,
        row.file_row,
        row.row_id,
        row.payment_id or "",
        row.employee_id,
        cipher.decrypt_or_forgotten(row.first_name, "first_name", row.row_id),
        cipher.decrypt_or_forgotten(row.last_name, "last_name", row.row_id),
        row.branch_id,
        row.source_account_id,
        row.source_last4,
        row.institution_id,
        row.merchant_id,
        row.loan_last4,
        dollars(row.amount_cents),
        row.amount_cents,
        CURRENCY,
        row.status,
        row.reason_code,
        reason_or_code(row.outcome, row.reason_code, row.reason),
        row.provider_payment_id,
        row.provider_status,
        row.source_trace_id,
        row.destination_trace_id,
        row.attempts,
        row.approved_by,
        format_instant(row.approved_at),
        format_instant(row.created_at),
        format_instant(row.updated_at),
        format_instant(row.completed_at),
        row.reversal_id,
    ]


def group_cells(group: Row[Any]) -> Sequence[Cell]:
    """The cells of `GROUP_COLUMNS`."""
    cells: list[Cell] = [CURRENCY, group.rows, dollars(group.cents)]
    for outcome in OUTCOMES:
        cells.append(getattr(group, f"{outcome}_count"))
        cells.append(dollars(getattr(group, f"{outcome}_cents")))
    return cells
