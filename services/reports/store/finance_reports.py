"""Table `finance_report`, and the sums that such a report is made of."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from libs.common.contracts.statuses import OUTCOMES
from libs.common.database.engine import run
from services.reports.domain.finance_reports import BATCHES_MAX, LINES_MAX, Question

#: What a line can be grouped by, by the name of its column.
_EXPRESSIONS = {
    "batch_id": "CAST(l.batch_id AS text)",
    "source_account_id": "l.source_account_id",
    "branch_id": "l.branch_id",
    "institution_id": "l.institution_id",
    "month": "left(b.period, 7)",
    "status": "l.status",
    "employee_id": "l.employee_id",
}


def find_batches(connection: Connection, question: Question) -> list[Row[Any]]:
    """The batches a question is about, as `queries.find_batch` gives each, oldest period first.

    At most one more than BATCHES_MAX.
    """
    return list(
        run(
            connection,
            """
            SELECT b.*, coalesce(m.received, 0) AS received
            FROM batch b
            LEFT JOIN row_messages m USING (batch_id)
            WHERE CASE
                WHEN cardinality(CAST(:ids AS uuid[])) > 0
                    THEN b.batch_id = ANY(CAST(:ids AS uuid[]))
                ELSE b.approved_at IS NOT NULL
            END
                AND (:from_day = '' OR b.period >= :from_day)
                AND (:to_day = '' OR b.period <= :to_day)
            ORDER BY b.period, b.batch_id
            LIMIT :limit""",
            ids=list(question.batch_ids),
            from_day=question.from_day,
            to_day=question.to_day,
            limit=BATCHES_MAX + 1,
        )
    )


def sum_lines(
    connection: Connection, batch_ids: Sequence[str], columns: Sequence[str]
) -> list[Row[Any]]:
    """Rows and cents, whole and by outcome, for each combination of the columns.

    At most one more than LINES_MAX. The text columns come first, in the order asked for.
    """
    by_outcome = ",".join(
        f"""
            count(*) FILTER (WHERE l.outcome = '{outcome}') AS {outcome}_count,
            CAST(coalesce(sum(l.amount_cents) FILTER (WHERE l.outcome = '{outcome}'), 0) AS bigint)
                AS {outcome}_cents"""
        for outcome in OUTCOMES
    )
    named = ", ".join(f"{_EXPRESSIONS[column]} AS {column}" for column in columns)
    positions = ", ".join(str(at) for at in range(1, len(columns) + 1))
    order = ", ".join(f'{_EXPRESSIONS[column]} COLLATE "C"' for column in columns)
    statement = f"""
        SELECT
            {named},
            count(*) AS rows, CAST(sum(l.amount_cents) AS bigint) AS cents, {by_outcome}
        FROM report_line l
        JOIN batch b ON b.batch_id = l.batch_id
        WHERE l.batch_id = ANY(CAST(:ids AS uuid[]))
        GROUP BY {positions}
        ORDER BY {order}
        LIMIT :limit"""  # noqa: S608 - names of this service only
    return list(run(connection, statement, ids=list(batch_ids), limit=LINES_MAX + 1))


def insert_report(
    connection: Connection,
    report_id: UUID,
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
) -> None:
    """Keep a report as it was made; one of the same id stays as it is."""
    run(
        connection,
        """
        INSERT INTO finance_report (report_id, made_at, made_by, manifest, csv, xlsx, pdf)
        VALUES (:report_id, :made_at, :made_by, CAST(:manifest AS jsonb), :csv, :xlsx, :pdf)
        ON CONFLICT (report_id) DO NOTHING""",
        report_id=report_id,
        made_at=datetime.fromisoformat(manifest["made_at"]),
        made_by=manifest["made_by"],
        manifest=json.dumps(manifest),
        csv=files["csv"],
        xlsx=files["xlsx"],
        pdf=files["pdf"],
    )


def find_report(connection: Connection, report_id: UUID) -> Row[Any] | None:
    """A report as it was made: its manifest, and the bytes of its files."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT report_id, manifest, csv, xlsx, pdf
        FROM finance_report
        WHERE report_id = :id""",
        id=report_id,
    ).first()
    return found


def find_manifest(connection: Connection, report_id: UUID) -> dict[str, Any] | None:
    """A report's manifest; None if there is no such report."""
    found: dict[str, Any] | None = run(
        connection, "SELECT manifest FROM finance_report WHERE report_id = :id", id=report_id
    ).scalar()
    return found


def list_manifests(
    connection: Connection, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Manifests of kept reports, newest first, and how many there are in all."""
    found = run(
        connection,
        """
        SELECT manifest
        FROM finance_report
        ORDER BY made_at DESC, report_id
        LIMIT :limit OFFSET :offset""",
        limit=limit,
        offset=offset,
    )
    total = run(connection, "SELECT count(*) FROM finance_report").scalar_one()
    return [row.manifest for row in found], int(total)
