"""What answers about people, loans and searches look like, made from stored rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.ingest.encryption import FieldEncryption
from services.ingest.schemas.answers import Answer, Record
from services.ingest.store.row_history import ROWS_MAX


@dataclass(frozen=True)
class YearSum:
    """What is paid for a person in a year, and how much may be paid free of tax, in cents."""

    year: int
    limit_cents: int
    counted_cents: int


def person_item(encryption: FieldEncryption, row: Record) -> Answer:
    """A person as lists show it."""
    return {
        "person_id": encryption.person_id(row.person_key),
        "employee_id": row.employee_id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "branch_id": row.branch_id,
        "last_seen": row.uploaded_at,
    }


def person_answer(
    encryption: FieldEncryption,
    rows: Sequence[Record],
    periods: Sequence[Record],
    year: YearSum,
) -> Answer:
    """A person with all rows, newest first; `rows` has at least one."""
    return {
        **person_item(encryption, rows[0]),
        "first_seen": rows[-1].uploaded_at,
        "spellings": _distinct(row.employee_id for row in rows),
        "names": _distinct(f"{row.first_name} {row.last_name}".strip() for row in rows),
        "branches": _distinct(row.branch_id for row in rows),
        "loans": [
            {
                "loan_id": row.loan_key,
                "institution_id": row.institution_id,
                "loan_last4": row.loan_last4,
            }
            for row in _first_of(rows, "loan_key")
        ],
        "year": {
            "year": year.year,
            "limit_cents": year.limit_cents,
            "counted_cents": year.counted_cents,
        },
        **_history(encryption, rows, periods),
    }


def loan_answer(
    encryption: FieldEncryption, rows: Sequence[Record], periods: Sequence[Record]
) -> Answer:
    """A loan with all rows, newest first; `rows` has at least one."""
    newest = rows[0]
    return {
        "loan_id": newest.loan_key,
        "institution_id": newest.institution_id,
        "loan_last4": newest.loan_last4,
        "first_seen": rows[-1].uploaded_at,
        "last_seen": newest.uploaded_at,
        "people": [person_item(encryption, row) for row in _first_of(rows, "person_key")],
        **_history(encryption, rows, periods),
    }


def _history(
    encryption: FieldEncryption, rows: Sequence[Record], periods: Sequence[Record]
) -> Answer:
    return {
        "rows": [_row(encryption, row) for row in rows[:ROWS_MAX]],
        "more": len(rows) > ROWS_MAX,
        "periods": [{"first": one.period, "last": one.period_end} for one in periods],
    }


_DECISION_FIELDS = (
    *("decision_id", "batch_id", "filename", "period", "act", "target", "reason", "evidence"),
    *("decided_by", "decided_at", "withdrawn_by", "withdrawn_at", "file_rows"),
)
_HOLD_FIELDS = (
    *("hold_id", "kind", "shown", "first_day", "last_day", "reason", "evidence"),
    *("set_by", "set_at", "lifted_by", "lifted_at", "lift_reason"),
)


def decided_answer(decisions: Iterable[Record], holds: Iterable[Record]) -> dict[str, list[Answer]]:
    """What people decided about the rows of a person or a loan."""
    return {
        "decisions": [{name: getattr(one, name) for name in _DECISION_FIELDS} for one in decisions],
        "holds": [{name: getattr(one, name) for name in _HOLD_FIELDS} for one in holds],
    }


_ROW_FIELDS = (
    *("row_id", "root_row_id", "batch_id", "filename", "batch_status", "batch_reason"),
    *("period", "period_end", "uploaded_at", "file_row", "status", "reason_code", "reason"),
    *("employee_id", "branch_id", "source_account_id", "institution_id", "loan_last4"),
    *("amount_cents", "payment_id"),
)


def _row(encryption: FieldEncryption, row: Record) -> Answer:
    return {
        **{name: getattr(row, name) for name in _ROW_FIELDS},
        "loan_id": row.loan_key,
        "person_id": encryption.person_id(row.person_key) if row.person_key else "",
    }


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _first_of(rows: Sequence[Record], key: str) -> list[Record]:
    """The newest row for each value of a column that is not empty."""
    first: dict[str, Any] = {}
    for row in rows:
        if getattr(row, key):
            first.setdefault(getattr(row, key), row)
    return list(first.values())


def search_answer(
    people: Sequence[Answer], batches: Sequence[Record], accounts: dict[str, Sequence[Record]]
) -> Answer:
    """What a search found in ingest."""
    return {
        "employees": list(people),
        "batches": [
            {
                name: getattr(one, name)
                for name in ("batch_id", "filename", "status", "period", "uploaded_at")
            }
            for one in batches
        ],
        "branches": [{"branch_id": one.id, **_newest(one)} for one in accounts["branch"]],
        "sources": [{"source_account_id": one.id, **_newest(one)} for one in accounts["source"]],
    }


def _newest(one: Record) -> Answer:
    return {"batch_id": one.batch_id, "filename": one.filename}
