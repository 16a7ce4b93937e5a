"""Pages of lists that people see: batches, rows and issues.

A list is sorted by columns of its own `ListOrder` only; the routes check what a request names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.domain.batch import Batch
from services.ingest.store import batches


@dataclass(frozen=True)
class ListOrder:
    """How a list can be sorted.

    Args:
        name: the list's name; its cursors carry it.
        columns: by which it can be sorted; `-column` is descending.
        default: the order when a request names none.
        tie_breaker: a column that makes every order complete.
    """

    name: str
    columns: tuple[str, ...]
    default: str
    tie_breaker: str


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for, by offset, and the text that is searched for."""

    order: ListOrder
    sort: str
    offset: int
    limit: int
    search: str = ""

    @property
    def order_by(self) -> str:
        """The ORDER BY clause."""
        column = self.sort.removeprefix("-")
        assert column in self.order.columns
        direction = "DESC" if self.sort.startswith("-") else "ASC"
        tie = self.order.tie_breaker
        return f"ORDER BY {column} {direction}" + ("" if column == tie else f", {tie}")

    @property
    def pattern(self) -> str:
        """A LIKE pattern that finds the searched text anywhere in a value."""
        return like_pattern(self.search)


def like_pattern(searched: str) -> str:
    """A LIKE pattern that finds a text anywhere in a value."""
    text = searched.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{text}%"


@dataclass(frozen=True)
class Listed:
    """The items of one page, and how many the whole list has."""

    items: Sequence[Any]
    total: int


BATCHES: Final = ListOrder(
    "batches", ("uploaded_at", "status", "period", "filename"), "-uploaded_at", "batch_id"
)
ROWS: Final = ListOrder(
    "rows",
    (
        *("file_row", "employee_id", "last_name", "first_name", "branch_id"),
        *("source_account_id", "institution_id", "amount_cents", "status"),
    ),
    "file_row",
    "file_row",
)
ISSUES: Final = ListOrder("issues", ("file_row", "code"), "file_row", "issue_id")
#: The filters of rows, by their names in a request.
ROW_FILTERS: Final = {
    "status": "status",
    "source": "source_account_id",
    "branch": "branch_id",
    "institution": "institution_id",
    "reason_code": "reason_code",
    "payment": "payment_id::text",
}


def list_batches(
    connection: Connection, page: Page, status: str, content_sha256: str = ""
) -> Listed:
    """List batches, or those with this status, or those with these very bytes (64 hex digits)."""
    found = _list(
        connection,
        f"""
        SELECT {batches.COLUMNS}
        FROM batch b
        LEFT JOIN approval a USING (batch_id)
        WHERE (:status = '' OR b.status = :status)
            AND (:sha256 = '' OR b.content_sha256 = :sha256)
            AND (:q = '' OR b.filename ILIKE :pattern OR b.batch_id::text = :q)""",  # noqa: S608 - our own text
        page,
        {
            "status": status,
            "sha256": content_sha256.lower(),
            "q": page.search,
            "pattern": page.pattern,
        },
    )
    items: list[Batch] = [batches.to_batch(row) for row in found.items]
    return Listed(items, found.total)


def list_rows(
    connection: Connection, batch_id: UUID, page: Page, filters: Mapping[str, str]
) -> Listed:
    """List the rows of a batch.

    The search finds names, employee ids, the last four digits of a loan, and row numbers.
    """
    where, values = row_conditions(filters, page.search)
    # Sorted are ids, not whole rows: that takes a third of the time at 50,000 rows.
    ids = _list(
        connection,
        f"SELECT row_id FROM batch_row WHERE batch_id = :id{where}",  # noqa: S608 - our own text
        page,
        {**values, "id": batch_id},
    )
    whole = {
        row.row_id: row
        for row in run(
            connection,
            "SELECT * FROM batch_row WHERE row_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(one.row_id) for one in ids.items],
        )
    }
    return Listed([whole[one.row_id] for one in ids.items], ids.total)


def row_conditions(filters: Mapping[str, str], search: str) -> tuple[str, dict[str, Any]]:
    """Conditions on `batch_row`, each after AND, and their values.

    Args:
        filters: values by the names of ROW_FILTERS; an empty value filters nothing.
        search: a text that is searched for, as `list_rows` says; "" for none.
    """
    values: dict[str, Any] = {name: value for name, value in filters.items() if value}
    where = "".join(f" AND {ROW_FILTERS[name]} = :{name}" for name in values)
    if search:
        where += """
            AND (first_name ILIKE :pattern OR last_name ILIKE :pattern
                OR first_name || ' ' || last_name ILIKE :pattern
                OR employee_id ILIKE :pattern OR loan_last4 = :q OR file_row::text = :q)"""
        values |= {"q": search, "pattern": like_pattern(search)}
    return where, values


def list_issues(
    connection: Connection, batch_id: UUID, page: Page, code: str, outcome: str
) -> Listed:
    """List the issues of a batch, or those with this code or outcome."""
    return _list(
        connection,
        """
        SELECT issue_id, file_row, line, field, code, outcome, value, message
        FROM issue
        WHERE batch_id = :id
            AND (:code = '' OR code = :code)
            AND (:outcome = '' OR outcome = :outcome)""",
        page,
        {"id": batch_id, "code": code, "outcome": outcome},
    )


def _list(connection: Connection, sql: str, page: Page, values: Mapping[str, Any]) -> Listed:
    found = run(
        connection,
        f"{sql} {page.order_by} LIMIT :limit OFFSET :offset",
        **values,
        limit=page.limit,
        offset=page.offset,
    ).all()
    total: int = run(
        connection,
        f"SELECT count(*) FROM ({sql}) AS everything",  # noqa: S608 - our own text
        **values,
    ).scalar_one()
    return Listed(found, total)
