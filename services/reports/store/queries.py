"""Reads of batches and of the lines of the file, for reports. Every read sees its own snapshot.

`payment_queries.py` reads payments.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, text

from libs.common.contracts.statuses import OUTCOMES, PAID_ELSEWHERE
from libs.common.crypto import message_signatures
from libs.common.database.engine import run
from services.reports.domain.completeness import BatchSnapshot, Totals


def open_snapshot(engine: Engine) -> Connection:
    """A connection that sees one unchanging view of the data; a slow reader has ten minutes."""
    connection = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    run(connection, "SET TRANSACTION READ ONLY")
    run(connection, "SET LOCAL idle_in_transaction_session_timeout = '10min'")
    return connection


def find_batch(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """The newest announced state of a batch, and how many of its row messages have arrived."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT b.*, coalesce(m.received, 0) AS received
        FROM batch b
        LEFT JOIN row_messages m USING (batch_id)
        WHERE b.batch_id = :id""",
        id=batch_id,
    ).first()
    return found


def batch_snapshot(connection: Connection, batch: Row[Any]) -> BatchSnapshot:
    """What this snapshot knows about a batch as a whole.

    Args:
        batch: the row of `find_batch`.
    """
    certificate = newest_certificate(connection, batch.batch_id)
    certified = None
    if certificate is not None:
        certified = {
            name: (part["rows"], part["amount_cents"])
            for name, part in certificate.totals.items()
            if name != "total"
        }
    return BatchSnapshot(
        status=batch.status,
        row_messages_announced=batch.row_messages,
        row_messages_received=batch.received,
        file_total=(batch.rows_total, batch.amount_total_cents),
        totals=totals(connection, batch.batch_id),
        certificate=certified,
        dead_letters=count_dead_letters(connection, batch.batch_id),
    )


def count_dead_letters(connection: Connection, batch_id: UUID) -> int:
    """Messages about a batch that were rejected here and that nobody has redriven.

    Without those refused for their signature: anybody may have written them, about any batch.
    """
    counted = run(
        connection,
        """
        SELECT count(*)
        FROM dead_letter
        WHERE correlation = :id AND redriven_at IS NULL
            AND code <> ALL(CAST(:refused AS text[]))""",
        id=str(batch_id),
        refused=list(message_signatures.CODES),
    )
    return int(counted.scalar_one())


def newest_certificate(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """The certificate of the highest version among those that account for the whole file.

    The ledger issues no other. One with other sums is wrong, and would else bar every report.
    """
    found: Row[Any] | None = run(
        connection,
        """
        SELECT c.*
        FROM certificate c
        JOIN batch b USING (batch_id)
        CROSS JOIN LATERAL (
            SELECT sum(CAST(part.value ->> 'rows' AS bigint)) AS rows,
                sum(CAST(part.value ->> 'amount_cents' AS bigint)) AS cents
            FROM jsonb_each(c.totals) AS part
            WHERE part.key <> 'total'
        ) s
        WHERE c.batch_id = :id AND (s.rows, s.cents) = (b.rows_total, b.amount_total_cents)
        ORDER BY c.version DESC
        LIMIT 1""",
        id=batch_id,
    ).first()
    return found


def newest_judgement(connection: Connection, batch_id: UUID) -> Row[Any] | None:
    """The newest reconciliation of the batch."""
    found: Row[Any] | None = run(
        connection,
        """
        SELECT *
        FROM judgement
        WHERE batch_id = :id
        ORDER BY judged_at DESC, event_id
        LIMIT 1""",
        id=batch_id,
    ).first()
    return found


def totals(connection: Connection, batch_id: UUID) -> Totals:
    """Rows and cents of a batch by outcome."""
    rows = run(
        connection,
        """
        SELECT outcome, count(*) AS rows, CAST(sum(amount_cents) AS bigint) AS cents
        FROM report_line
        WHERE batch_id = :id
        GROUP BY outcome""",
        id=batch_id,
    )
    return {row.outcome: (row.rows, row.cents) for row in rows}


def paid_elsewhere(connection: Connection, batch_id: UUID) -> tuple[int, int]:
    """Rows and cents of cancelled payments that were paid by other means, not by us."""
    found = run(
        connection,
        """
        SELECT count(*) AS rows, CAST(coalesce(sum(amount_cents), 0) AS bigint) AS cents
        FROM report_line
        WHERE batch_id = :id AND outcome = 'cancelled' AND reason_code = :code""",
        id=batch_id,
        code=PAID_ELSEWHERE,
    ).one()
    return found.rows, found.cents


def groups(connection: Connection, batch_id: UUID, by: str) -> list[Row[Any]]:
    """Rows and cents of a batch, whole and by outcome, for each source account or branch.

    Args:
        by: the column, `source_account_id` or `branch_id`; its value is `id` in the result.
    """
    by_outcome = ",".join(
        f"""
            count(*) FILTER (WHERE outcome = '{outcome}') AS {outcome}_count,
            CAST(coalesce(sum(amount_cents) FILTER (WHERE outcome = '{outcome}'), 0) AS bigint)
                AS {outcome}_cents"""
        for outcome in OUTCOMES
    )
    statement = f"""
        SELECT
            {by} AS id,
            count(*) AS rows, CAST(sum(amount_cents) AS bigint) AS cents, {by_outcome}
        FROM report_line
        WHERE batch_id = :id
        GROUP BY {by}
        ORDER BY {by}"""  # noqa: S608 - names of this service only
    return list(run(connection, statement, id=batch_id))


def lines(connection: Connection, batch_id: UUID) -> Iterator[Row[Any]]:
    """Every row of the file in order, through a server-side cursor; ids are text.

    Memory stays flat however long the file is.
    """
    streaming = connection.execution_options(stream_results=True, yield_per=1_000)
    statement = """
        SELECT CAST(batch_id AS text), file_row, CAST(row_id AS text), CAST(payment_id AS text),
               employee_id, first_name, last_name, branch_id, source_account_id, source_last4,
               institution_id, merchant_id, loan_last4, amount_cents,
               status, outcome, reason_code, reason, provider_payment_id, provider_status,
               source_trace_id, destination_trace_id, reversal_id, attempts,
               approved_by, approved_at, created_at, updated_at, completed_at
        FROM report_line
        WHERE batch_id = :id
        ORDER BY file_row"""
    yield from streaming.execute(text(statement), {"id": batch_id})


def consumer_offsets(connection: Connection, consumers: list[str]) -> dict[tuple[str, int], int]:
    """The next offset of this service's consumers, by (topic, partition)."""
    rows = run(
        connection,
        """
        SELECT topic, partition, next_offset
        FROM consumer_offset
        WHERE consumer = ANY(CAST(:names AS text[]))""",
        names=consumers,
    )
    return {(row.topic, row.partition): row.next_offset for row in rows}
