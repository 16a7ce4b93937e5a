"""All SQL that reads the read model. Every function takes a connection and reads in its snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from libs.common.contracts.statuses import OUTCOMES
from libs.common.database.engine import run
from services.reports.domain.completeness import BatchSnapshot, Totals

#: What a list of payments may be sorted by, and the type its cursor has.
SORTS = {
    "file_row": ("p.first_file_row", "int"),
    "amount": ("p.amount_cents", "bigint"),
    "status": ("p.status", "text"),
    "employee_id": ("p.employee_id", "text"),
    "updated_at": ("coalesce(p.changed_at, p.approved_at)", "timestamptz"),
}
PAYMENT = """p.payment_id, p.status, p.version, p.amount_cents, p.source_account_id, p.employee_id, p.institution_id, p.loan_last4,
             p.file_rows, p.provider_payment_id, p.provider_status, p.attempts, p.reason_code, p.reason, p.return_under_way"""


@dataclass(frozen=True)
class Filter:
    """Which payments of a batch are asked for; an empty field asks for all."""

    status: tuple[str, ...] = ()
    source: str = ""
    branch: str = ""
    institution: str = ""
    reason_code: str = ""
    q: str = ""


@dataclass(frozen=True)
class Page:
    """Where a page begins and how long it is: after (value, payment_id) in this order; `after` is None for the first."""

    sort: str
    descending: bool
    limit: int
    after: tuple[str, str] | None


def batch(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """The batch as last heard of, with how many of its row messages have come."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT b.*, coalesce(m.received, 0) AS received FROM batch b LEFT JOIN row_messages m USING (batch_id) WHERE b.batch_id = :id""",
        id=batch_id,
    ).first()
    return found


def batch_snapshot(connection: Connection, known: Row[Any]) -> BatchSnapshot:
    """What this snapshot knows about a batch as a whole."""
    newest = certificate(connection, known.batch_id)
    certified = (
        None
        if newest is None
        else {
            name: (part["rows"], part["amount_cents"])
            for name, part in newest.totals.items()
            if name != "total"
        }
    )
    return BatchSnapshot(
        known.status,
        known.row_messages,
        known.received,
        (known.rows_total, known.amount_total_cents),
        totals(connection, known.batch_id),
        certified,
        dead_letters(connection, known.batch_id),
    )


def dead_letters(connection: Connection, batch_id: UUID) -> int:
    """Messages about a batch that were rejected here and that nobody has redriven."""
    return int(
        run(
            connection,
            "SELECT count(*) FROM dead_letter WHERE correlation = :id AND redriven_at IS NULL",
            id=str(batch_id),
        ).scalar_one()
    )


def totals(connection: Connection, batch_id: UUID) -> Totals:
    """Rows and cents by outcome."""
    rows = run(
        connection,
        """SELECT outcome, count(*) AS rows, CAST(sum(amount_cents) AS bigint) AS cents FROM report_line
                              WHERE batch_id = :id GROUP BY outcome""",
        id=batch_id,
    )
    return {row.outcome: (row.rows, row.cents) for row in rows}


def certificate(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """The newest certificate."""
    found: Row[Any] | None = run(
        connection,
        "SELECT * FROM certificate WHERE batch_id = :id ORDER BY version DESC LIMIT 1",
        id=batch_id,
    ).first()
    return found


def judgement(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """The newest reconciliation of the batch."""
    found: Row[Any] | None = run(
        connection,
        """SELECT * FROM judgement WHERE batch_id = :id ORDER BY judged_at DESC, event_id LIMIT 1""",
        id=batch_id,
    ).first()
    return found


def groups(connection: Connection, batch_id: UUID, by: str) -> list[Row[Any]]:
    """One row per source account or branch (`by` is the column) with rows, cents, and both of every outcome."""
    columns = ", ".join(
        f"count(*) FILTER (WHERE outcome = '{outcome}') AS {outcome}_count, "
        f"CAST(coalesce(sum(amount_cents) FILTER (WHERE outcome = '{outcome}'), 0) AS bigint) AS {outcome}_cents"
        for outcome in OUTCOMES
    )
    return list(
        run(
            connection,
            f"""
        SELECT {by} AS id, count(*) AS rows, CAST(sum(amount_cents) AS bigint) AS cents, {columns}
        FROM report_line WHERE batch_id = :id GROUP BY {by} ORDER BY {by}""",  # noqa: S608
            id=batch_id,
        )
    )


def lines(connection: Connection, batch_id: UUID) -> Iterator[Row[Any]]:
    """Every row of the file in order, by a server-side cursor: memory stays flat however long the file is."""
    streaming = connection.execution_options(stream_results=True, yield_per=1_000)
    yield from streaming.execute(
        text("SELECT * FROM report_line WHERE batch_id = :id ORDER BY file_row"), {"id": batch_id}
    )


def by_status(connection: Connection, batch_id: UUID) -> list[Row[Any]]:
    """Number, cents, sum of versions, newest change and those ended within a minute, of a batch's approved payments by status."""
    return list(
        run(
            connection,
            """
        SELECT status, count(*) AS payments, CAST(sum(amount_cents) AS bigint) AS cents, CAST(sum(version + 1) AS bigint) AS versions,
               max(greatest(changed_at, approved_at)) AS as_of, count(*) FILTER (WHERE ended_at > now() - interval '1 minute') AS ended
        FROM payment WHERE batch_id = :id AND approved_at IS NOT NULL GROUP BY status""",
            id=batch_id,
        )
    )


def payments(
    connection: Connection, batch_id: UUID, wanted: Filter, page: Page
) -> tuple[list[Row[Any]], int]:
    """One page of a batch's approved payments, each with its sort value as text, and how many there are in all."""
    column, kind = SORTS[page.sort]
    where, values = _where(batch_id, wanted)
    beyond, order = ("<", "DESC") if page.descending else (">", "ASC")
    position = ""
    if page.after is not None:
        position = (
            f"AND ({column}, p.payment_id) {beyond} (CAST(:value AS {kind}), CAST(:last AS uuid))"
        )
        values |= {"value": page.after[0], "last": page.after[1]}
    total = run(connection, f"SELECT count(*) FROM payment p WHERE {where}", **values).scalar()  # noqa: S608 - values are bound
    found = run(
        connection,
        f"""
        SELECT {PAYMENT}, CAST({column} AS text) AS sorted_by FROM payment p WHERE {where} {position}
        ORDER BY {column} {order}, p.payment_id {order} LIMIT :limit""",  # noqa: S608
        limit=page.limit,
        **values,
    )
    return list(found), int(total or 0)


def _where(batch_id: UUID, wanted: Filter) -> tuple[str, dict[str, Any]]:
    parts = ["p.batch_id = :batch_id", "p.approved_at IS NOT NULL"]
    values: dict[str, Any] = {"batch_id": batch_id}
    if wanted.status:
        parts.append("p.status = ANY(CAST(:statuses AS text[]))")
        values["statuses"] = list(wanted.status)
    if wanted.source:
        parts.append("p.source_account_id = :source")
        values["source"] = wanted.source
    if wanted.branch:
        parts.append(":branch = ANY(p.branch_ids)")
        values["branch"] = wanted.branch
    if wanted.institution:
        parts.append("p.institution_id = :institution")
        values["institution"] = wanted.institution
    if wanted.reason_code:
        parts.append("p.reason_code = :reason_code")
        values["reason_code"] = wanted.reason_code
    if wanted.q:
        parts.append("""(strpos(lower(p.employee_id), :q) > 0 OR p.loan_last4 = :q OR strpos(lower(p.provider_payment_id), :q) > 0
                         OR strpos(CAST(p.payment_id AS text), :q) > 0 OR :q = ANY(CAST(p.file_rows AS text[])))""")
        values["q"] = wanted.q.lower()
    return " AND ".join(parts), values


def payment(connection: Connection, payment_id: UUID) -> Row[Any] | None:
    """An approved payment."""
    found: Row[Any] | None = run(
        connection,
        f"""SELECT {PAYMENT}, p.batch_id, p.approved_by, p.approved_at FROM payment p
        WHERE p.payment_id = :id AND p.approved_at IS NOT NULL""",  # noqa: S608
        id=payment_id,
    ).first()
    return found


def history(connection: Connection, paid: Row[Any]) -> dict[str, list[Row[Any]]]:
    """Everything that reports knows of a payment's life, by kind of fact."""
    ids = {
        "payment_id": paid.payment_id,
        "batch_id": paid.batch_id,
        "version": paid.version,
        "provider_id": paid.provider_payment_id,
    }
    queries = {
        "batch": "SELECT * FROM batch WHERE batch_id = :batch_id",
        "rows": """SELECT r.* FROM file_row r JOIN payment_row pr ON pr.row_id = r.row_id WHERE pr.payment_id = :payment_id ORDER BY r.file_row""",
        "preflight": "SELECT * FROM preflight WHERE batch_id = :batch_id",
        "changes": "SELECT * FROM payment_change WHERE payment_id = :payment_id AND version <= :version ORDER BY version",
        "provider_events": "SELECT * FROM provider_event WHERE provider_id = :provider_id AND provider_id <> '' ORDER BY received_at, event_id",
        "journals": "SELECT * FROM journal WHERE payment_id = :payment_id ORDER BY posted_at, kind",
        "certificates": "SELECT * FROM certificate WHERE batch_id = :batch_id ORDER BY version",
    }
    return {
        name: list(
            connection.execute(text(query), {k: v for k, v in ids.items() if f":{k}" in query})
        )
        for name, query in queries.items()
    }


def offsets(connection: Connection, consumers: list[str]) -> dict[tuple[str, int], int]:
    """How far our own consumers are, by (topic, partition)."""
    rows = run(
        connection,
        "SELECT topic, partition, next_offset FROM consumer_offset WHERE consumer = ANY(CAST(:names AS text[]))",
        names=consumers,
    )
    return {(row.topic, row.partition): row.next_offset for row in rows}


def waiting(connection: Connection) -> tuple[int, float]:
    """Statuses that wait for an earlier version or for an approval: how many, and the age of the oldest in seconds."""
    row = run(
        connection,
        """
        SELECT count(*) AS waiting, CAST(coalesce(extract(epoch FROM now() - min(c.received_at)), 0) AS float8) AS age_s
        FROM payment_change c JOIN payment p ON p.payment_id = c.payment_id WHERE c.version > p.version OR p.approved_at IS NULL""",
    ).one()
    return row.waiting, row.age_s
