"""What is shown of batches: the shapes of the public API, read from the database and from nowhere else."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.money import dollars
from libs.common.database.engine import run
from services.ingest import domain as rules
from services.ingest import handlers
from services.ingest.domain import Batch, Refused
from services.ingest.store import batches as store

LIMIT_MAX: Final = 1_000
ROW_SORTS: Final = (
    "file_row",
    "employee_id",
    "last_name",
    "first_name",
    "branch_id",
    "source_account_id",
    "institution_id",
    "amount_cents",
    "status",
)
BATCH_SORTS: Final = ("uploaded_at", "status", "period", "filename")
ROW_FILTERS: Final = {
    "status": "status",
    "source": "source_account_id",
    "branch": "branch_id",
    "institution": "institution_id",
    "reason_code": "reason_code",
    "payment": "payment_id::text",
}


@dataclass(frozen=True)
class Page:
    """What part of a list is asked for."""

    limit: int = 100
    cursor: str = ""
    q: str = ""
    sort: str = ""

    def offset(self) -> int:
        """How many items come before this page.

        Raises:
            Refused: the cursor is not one of ours.
        """
        if not self.cursor:
            return 0
        try:
            offset = int(base64.urlsafe_b64decode(self.cursor.encode()).decode())
        except (binascii.Error, ValueError):
            offset = -1
        if not 0 <= offset <= 1 << 31:
            raise Refused(
                "invalid",
                "page.cursor",
                "The cursor is not one of this list.",
                "Begin again without it.",
            )
        return offset

    def order(self, allowed: tuple[str, ...], tie: str, default: str) -> str:
        """The ORDER BY of a list; `-name` is descending.

        Raises:
            Refused: the list cannot be sorted by that.
        """
        given = self.sort or default
        name, direction = given.removeprefix("-"), "DESC" if given.startswith("-") else "ASC"
        if name not in allowed:
            raise Refused(
                "invalid",
                "page.sort",
                f"This list is sorted by one of {', '.join(allowed)}, with - for descending.",
                "Sort by one of these.",
            )
        return f"ORDER BY {name} {direction}" + ("" if name == tie else f", {tie}")


def listed(
    connection: Connection, sql: str, order: str, page: Page, values: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """One page of `sql`, and the rest of the answer: `next` and `total`."""
    offset, limit = page.offset(), min(max(page.limit, 1), LIMIT_MAX)
    found = run(
        connection,
        f"{sql} {order} LIMIT :limit OFFSET :offset",
        **values,
        limit=limit,
        offset=offset,
    ).all()
    total = int(
        run(connection, f"SELECT count(*) FROM ({sql}) AS everything", **values).scalar() or 0  # noqa: S608
    )
    return list(found), {"next": next_cursor(offset + len(found), total), "total": total}


def next_cursor(end: int, total: int) -> str | None:
    """The cursor of the page after one that ended here; None after the last."""
    return base64.urlsafe_b64encode(str(end).encode()).decode() if end < total else None


def like(text: str) -> str:
    """A LIKE pattern that finds the text anywhere in a value, whatever it holds."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _outcomes(totals: list[Any]) -> dict[str, Any]:
    rows, cents = handlers.counts(total for total in totals if total.kind == "source")
    return {"rows": rows.model_dump(), "amount_cents": cents.model_dump()}


def _head(batch: Batch) -> dict[str, Any]:
    error = (
        None
        if batch.error_code is None
        else {"code": batch.error_code, "message": batch.error_message, "line": batch.error_line}
    )
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        "filename": batch.filename,
        "uploaded_by": batch.uploaded_by,
        "uploaded_at": batch.uploaded_at,
        "approved_by": batch.approved_by,
        "approved_at": batch.approved_at,
        "digest": batch.digest,
        "period": batch.period,
        "parent_batch_id": batch.parent_batch_id,
        "family_id": batch.family_id,
        "revision": batch.revision,
        "version": batch.version,
        "reason": batch.reason,
        "one_person": batch.one_person,
        "error": error,
    }


def batches(connection: Connection, page: Page, status: str, sha256: str = "") -> dict[str, Any]:
    """The list of batches, newest first; `sha256` (64 hex digits, of the inflated file) leaves those of these very bytes."""
    sql = f"""SELECT {store.COLUMNS} FROM batch b LEFT JOIN approval a USING (batch_id)
              WHERE (:status = '' OR b.status = :status) AND (:sha256 = '' OR b.content_sha256 = :sha256)
                AND (:q = '' OR b.filename ILIKE :pattern OR b.batch_id::text = :q)"""  # noqa: S608
    found, rest = listed(
        connection,
        sql,
        page.order(BATCH_SORTS, "batch_id", "-uploaded_at"),
        page,
        {"status": status, "sha256": sha256.lower(), "q": page.q, "pattern": like(page.q)},
    )
    shown = [store.as_batch(row) for row in found]
    totals = run(
        connection,
        """
        SELECT batch_id, kind, status, sum(rows)::int AS rows, sum(amount_cents)::bigint AS amount_cents FROM batch_total
        WHERE batch_id = ANY(CAST(:ids AS uuid[])) AND kind = 'source' GROUP BY 1, 2, 3""",
        ids=[one.batch_id for one in shown],
    ).all()
    return {
        "items": [
            {**_head(one), **_outcomes([t for t in totals if t.batch_id == one.batch_id])}
            for one in shown
        ],
        **rest,
    }


def batch(connection: Connection, batch_id: UUID) -> dict[str, Any]:
    """One batch with everything an approver must see, but for the payments' states, which are others' to tell."""
    found = store.find(connection, batch_id)
    totals = run(
        connection,
        "SELECT kind, id, status, rows, amount_cents FROM batch_total WHERE batch_id = :id ORDER BY id",
        id=batch_id,
    ).all()
    sources = {source.source_account_id: source for source in store.sources(connection, batch_id)}
    issues = run(
        connection,
        """
        SELECT code, outcome, message, count(*) AS number FROM issue WHERE batch_id = :id GROUP BY 1, 2, 3 ORDER BY outcome, code""",
        id=batch_id,
    ).all()
    offers = (
        [rules.offered(name, source.state, source.zip) for name, source in sources.items()]
        if found.status in {"checking", "ready"}
        else []
    )
    return {
        **_head(found),
        **_outcomes(list(totals)),
        "sources": [
            _source(name, sources.get(name), rows, cents)
            for name, rows, cents in _by(totals, "source")
        ],
        "branches": [
            {"branch_id": name, "rows": rows, "amount_cents": cents}
            for name, rows, cents in _by(totals, "branch")
        ],
        "issues": [
            {"code": i.code, "outcome": i.outcome, "count": i.number, "message": i.message}
            for i in issues
        ],
        "to_acknowledge": sorted({i.code for i in issues if i.outcome == "warning"}),
        "acknowledged": list(found.acknowledged),
        "corrections_offered": [_correction(one) for one in offers if one],
        "corrections": [
            {**_correction(one), "by": one.corrected_by, "at": one.corrected_at}
            for one in store.corrections(connection, batch_id)
        ],
        "certificate": certificate(connection, batch_id),
    }


def _by(totals: Any, kind: str) -> list[tuple[str, int, int]]:
    summed: dict[str, tuple[int, int]] = {}
    for one in totals:
        if one.kind == kind:
            rows, cents = summed.get(one.id, (0, 0))
            summed[one.id] = (rows + one.rows, cents + one.amount_cents)
    return [(name, rows, cents) for name, (rows, cents) in sorted(summed.items())]


def _source(name: str, found: Any, rows: int, cents: int) -> dict[str, Any]:
    return {
        "source_account_id": name,
        "payor_name": found.payor_name if found else "",
        "aba_routing": found.aba_routing if found else "",
        "account_last4": found.account_last4 if found else "",
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


def certificate(connection: Connection, batch_id: UUID) -> dict[str, Any] | None:
    """The newest certificate of a batch."""
    body = run(
        connection,
        "SELECT body FROM certificate WHERE batch_id = :id ORDER BY version DESC LIMIT 1",
        id=batch_id,
    ).scalar()
    if body is None:
        return None
    kept = (
        "version",
        "outcome",
        "digest",
        "run_id",
        "total",
        "paid",
        "failed",
        "cancelled",
        "reversed",
        "unpayable",
        "refused",
        "excluded",
    )
    return {**{name: body[name] for name in kept}, "issued_at": body["occurred_at"]}


def rows(
    connection: Connection, batch_id: UUID, page: Page, filters: Mapping[str, str]
) -> dict[str, Any]:
    """The rows of a batch; `q` finds names, employee ids, the last four of a loan, and row numbers."""
    store.find(connection, batch_id)
    given = {name: value for name, value in filters.items() if value}
    where = "".join(f" AND {ROW_FILTERS[name]} = :{name}" for name in given)
    if page.q:
        where += """ AND (first_name ILIKE :pattern OR last_name ILIKE :pattern OR first_name || ' ' || last_name ILIKE :pattern
                     OR employee_id ILIKE :pattern OR loan_last4 = :q OR file_row::text = :q)"""
        given |= {"q": page.q, "pattern": like(page.q)}
    ids, rest = listed(
        connection,
        f"SELECT row_id FROM batch_row WHERE batch_id = :id{where}",  # noqa: S608 - parts of this file
        page.order(ROW_SORTS, "file_row", "file_row"),
        page,
        {**given, "id": batch_id},
    )
    whole = {
        row.row_id: row
        for row in run(
            connection,
            "SELECT * FROM batch_row WHERE row_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(one.row_id) for one in ids],
        )
    }  # sorting ids and not rows: a third of the time at 50,000
    return {"items": [shown_row(whole[one.row_id]) for one in ids], **rest}


def shown_row(row: Any) -> dict[str, Any]:
    """A row as people see it."""
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
        "payment_id": row.payment_id,
    }


def issues(
    connection: Connection, batch_id: UUID, page: Page, code: str, outcome: str
) -> dict[str, Any]:
    """The issues of a batch, in the order of the file."""
    store.find(connection, batch_id)
    sql = """SELECT issue_id, file_row, line, field, code, outcome, value, message FROM issue
             WHERE batch_id = :id AND (:code = '' OR code = :code) AND (:outcome = '' OR outcome = :outcome)"""
    found, rest = listed(
        connection,
        sql,
        page.order(("file_row", "code"), "issue_id", "file_row"),
        page,
        {"id": batch_id, "code": code, "outcome": outcome},
    )
    return {
        "items": [
            {
                name: getattr(i, name)
                for name in ("file_row", "line", "field", "code", "outcome", "value", "message")
            }
            for i in found
        ],
        **rest,
    }


def payment(connection: Connection, payment_id: UUID) -> dict[str, Any]:
    """What ingest knows of an approved payment: its rows, their issues, and who approved it.

    Raises:
        Refused: no such payment was approved.
    """
    found = run(
        connection,
        "SELECT r.* FROM batch_row r JOIN payment_row USING (row_id) WHERE payment_row.payment_id = :id ORDER BY r.file_row",
        id=payment_id,
    ).all()
    if not found:
        raise Refused(
            "unknown",
            "payment.unknown",
            "There is no such approved payment.",
            "Look at the payments of the batch.",
        )
    approved = store.find(connection, found[0].batch_id)
    about = (
        run(
            connection,
            """
        SELECT file_row, line, field, code, outcome, value, message FROM issue WHERE batch_id = :id AND file_row = ANY(CAST(:rows AS int[]))
        ORDER BY issue_id""",
            id=approved.batch_id,
            rows=[row.file_row for row in found],
        )
        .mappings()
        .all()
    )
    return {
        "payment_id": payment_id,
        "batch_id": approved.batch_id,
        "filename": approved.filename,
        "uploaded_by": approved.uploaded_by,
        "uploaded_at": approved.uploaded_at,
        "rows": [shown_row(row) for row in found],
        "issues": [dict(issue) for issue in about],
        "approval": {
            "approved_by": approved.approved_by,
            "approved_at": approved.approved_at,
            "digest": approved.digest,
            "acknowledged": list(approved.acknowledged),
        },
    }
