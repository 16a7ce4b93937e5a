"""Reads of approved payments: lists, counts by status, one payment and its history."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from libs.common.database.engine import run

#: What a list of payments may be sorted by: the expression, and its type in a cursor.
SORTS = {
    "file_row": ("p.first_file_row", "int"),
    "amount": ("p.amount_cents", "bigint"),
    "status": ("p.status", "text"),
    "employee_id": ("p.employee_id", "text"),
    "updated_at": ("coalesce(p.changed_at, p.approved_at)", "timestamptz"),
}
COLUMNS = """
            p.payment_id, p.status, p.version, p.amount_cents, p.source_account_id,
            p.employee_id, p.institution_id, p.loan_last4, p.file_rows,
            p.provider_payment_id, p.provider_status, p.attempts,
            p.reason_code, p.reason, p.return_under_way,
            n.row_id, n.first_name, n.last_name"""
#: The first row of the file of each payment, with its encrypted names.
FIRST_ROW = """
        LEFT JOIN LATERAL (
            SELECT r.row_id, r.first_name, r.last_name
            FROM payment_row pr
            JOIN file_row r ON r.row_id = pr.row_id
            WHERE pr.payment_id = p.payment_id
            ORDER BY r.file_row
            LIMIT 1
        ) n ON true"""
SEARCH = """(
            strpos(lower(p.employee_id), :q) > 0
            OR p.loan_last4 = :q
            OR strpos(lower(p.provider_payment_id), :q) > 0
            OR strpos(CAST(p.payment_id AS text), :q) > 0
            OR :q = ANY(CAST(p.file_rows AS text[]))
            OR p.payment_id = ANY(CAST(:named AS uuid[]))
        )"""
#: The queries of `find_history`, by kind of fact.
HISTORY = {
    "batch": """
        SELECT *
        FROM batch
        WHERE batch_id = :batch_id""",
    "rows": """
        SELECT r.*
        FROM file_row r
        JOIN payment_row pr ON pr.row_id = r.row_id
        WHERE pr.payment_id = :payment_id
        ORDER BY r.file_row""",
    "preflight": """
        SELECT *
        FROM preflight
        WHERE batch_id = :batch_id""",
    "changes": """
        SELECT *
        FROM payment_change
        WHERE payment_id = :payment_id AND version <= :version
        ORDER BY version""",
    "provider_events": """
        SELECT *
        FROM provider_event
        WHERE provider_id = :provider_id AND provider_id <> ''
        ORDER BY received_at, event_id""",
    "journals": """
        SELECT *
        FROM journal
        WHERE payment_id = :payment_id
        ORDER BY posted_at, kind""",
    "certificates": """
        SELECT *
        FROM certificate
        WHERE batch_id = :batch_id
        ORDER BY version""",
}


@dataclass(frozen=True)
class PaymentFilter:
    """Which payments of a batch a list shows; an empty field means all.

    `named` are the payments of people whose name has `q` in it: names are encrypted here.
    """

    status: tuple[str, ...] = ()
    source: str = ""
    branch: str = ""
    institution: str = ""
    reason_code: str = ""
    q: str = ""
    ids: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """The order of a list, how long a page is, and where it begins.

    `after` is the (sort value, payment_id) before its first item; None for the first page.
    """

    sort: str
    descending: bool
    limit: int
    after: tuple[str, str] | None


def list_payments(
    connection: Connection, batch_id: UUID, wanted: PaymentFilter, page: Page
) -> tuple[list[Row[Any]], int]:
    """One page of a batch's approved payments, and how many there are in all.

    Each row has its sort value as text in `sorted_by`.

    Raises:
        DataError: a value of `page.after` is not of the type of the sort column.
    """
    column, kind = SORTS[page.sort]
    where, values = _conditions(batch_id, wanted)
    beyond, order = ("<", "DESC") if page.descending else (">", "ASC")
    count = f"SELECT count(*) FROM payment p WHERE {where}"  # noqa: S608 - values are bound
    total = run(connection, count, **values).scalar()
    position = ""
    if page.after is not None:
        position = f"""
            AND ({column}, p.payment_id)
                {beyond} (CAST(:value AS {kind}), CAST(:last AS uuid))"""
        values |= {"value": page.after[0], "last": page.after[1]}
    statement = f"""
        SELECT {COLUMNS},
            CAST({column} AS text) AS sorted_by
        FROM payment p
        {FIRST_ROW}
        WHERE {where} {position}
        ORDER BY {column} {order}, p.payment_id {order}
        LIMIT :limit"""  # noqa: S608 - names of this service only; values are bound
    found = run(connection, statement, limit=page.limit, **values)
    return list(found), int(total or 0)


def _conditions(batch_id: UUID, wanted: PaymentFilter) -> tuple[str, dict[str, Any]]:
    """The WHERE clause of a filter, and its values."""
    conditions = ["p.batch_id = :batch_id", "p.approved_at IS NOT NULL"]
    values: dict[str, Any] = {"batch_id": batch_id}
    optional: tuple[tuple[str, str, Any], ...] = (
        ("p.status = ANY(CAST(:statuses AS text[]))", "statuses", list(wanted.status)),
        ("p.source_account_id = :source", "source", wanted.source),
        (":branch = ANY(p.branch_ids)", "branch", wanted.branch),
        ("p.institution_id = :institution", "institution", wanted.institution),
        ("p.reason_code = :reason_code", "reason_code", wanted.reason_code),
        ("p.payment_id = ANY(CAST(:ids AS uuid[]))", "ids", list(wanted.ids)),
        (SEARCH, "q", wanted.q.lower()),
    )
    for condition, name, value in optional:
        if value:
            conditions.append(condition)
            values[name] = value
    if wanted.q:
        values["named"] = list(wanted.named)
    return " AND ".join(conditions), values


def read_names(connection: Connection, batch_id: UUID) -> Iterator[Row[Any]]:
    """The encrypted names of every approved payment's rows: payment_id, row_id, both names."""
    return iter(
        run(
            connection,
            """
            SELECT CAST(pr.payment_id AS text) AS payment_id, r.row_id, r.first_name, r.last_name
            FROM file_row r
            JOIN payment_row pr ON pr.row_id = r.row_id
            WHERE r.batch_id = :id""",
            id=batch_id,
        )
    )


def sums_by_status(connection: Connection, batch_id: UUID) -> list[Row[Any]]:
    """A batch's approved payments by status.

    Each row: how many, their cents, the sum of their versions, the newest change, and how many
    ended within the last minute.
    """
    return list(
        run(
            connection,
            """
            SELECT
                status,
                count(*) AS payments,
                CAST(sum(amount_cents) AS bigint) AS cents,
                CAST(sum(version + 1) AS bigint) AS versions,
                max(greatest(changed_at, approved_at)) AS as_of,
                count(*) FILTER (WHERE ended_at > now() - interval '1 minute') AS ended
            FROM payment
            WHERE batch_id = :id AND approved_at IS NOT NULL
            GROUP BY status""",
            id=batch_id,
        )
    )


def find_payment(connection: Connection, payment_id: UUID) -> Row[Any] | None:
    """An approved payment."""
    statement = f"""
        SELECT {COLUMNS},
            p.batch_id, p.approved_by, p.approved_at
        FROM payment p
        {FIRST_ROW}
        WHERE p.payment_id = :id AND p.approved_at IS NOT NULL"""  # noqa: S608 - fixed names
    found: Row[Any] | None = run(connection, statement, id=payment_id).first()
    return found


def find_history(connection: Connection, payment: Row[Any]) -> dict[str, list[Row[Any]]]:
    """Everything that reports knows of a payment's life, by kind of fact.

    Args:
        payment: the row of `find_payment`.
    """
    ids = {
        "payment_id": payment.payment_id,
        "batch_id": payment.batch_id,
        "version": payment.version,
        "provider_id": payment.provider_payment_id,
    }
    return {
        kind: list(
            connection.execute(
                text(query), {name: value for name, value in ids.items() if f":{name}" in query}
            )
        )
        for kind, query in HISTORY.items()
    }


def waiting_statuses(connection: Connection) -> tuple[int, float]:
    """Statuses that wait for an earlier version or for an approval.

    Returns:
        How many, and the age of the oldest in seconds.
    """
    row = run(
        connection,
        """
        SELECT
            count(*) AS waiting,
            CAST(coalesce(extract(epoch FROM now() - min(c.received_at)), 0) AS float8) AS age_s
        FROM payment_change c
        JOIN payment p ON p.payment_id = c.payment_id
        WHERE c.version > p.version OR p.approved_at IS NULL""",
    ).one()
    return row.waiting, row.age_s
