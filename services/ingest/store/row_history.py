"""Every row of a person or of a loan, over all batches, and the pay periods there were."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from libs.common.database.engine import run

ROWS_MAX: Final = 1_000
PERIODS_MAX: Final = 53  # a year of weeks


def list_rows_with(connection: Connection, column: str, key: str) -> Sequence[Any]:
    """List the newest 1,001 rows of one person or loan, newest batch first.

    Args:
        column: `person_key` or `loan_key`.
        key: its value, not empty.
    """
    assert column in {"person_key", "loan_key"}
    found: Sequence[Any] = run(
        connection,
        f"""
        SELECT r.row_id, r.root_row_id, r.batch_id, r.file_row, r.status, r.reason_code, r.reason,
            r.employee_id, r.person_key, r.first_name, r.last_name, r.branch_id,
            r.source_account_id, r.institution_id, r.loan_key, r.loan_last4, r.amount_cents,
            p.payment_id,
            b.filename, b.status AS batch_status, b.reason AS batch_reason, b.period,
            coalesce(b.period_end, b.period + 13) AS period_end, b.uploaded_at
        FROM batch_row r
        JOIN batch b USING (batch_id)
        LEFT JOIN payment_row p USING (row_id)
        WHERE r.{column} = :key AND r.{column} <> ''
        ORDER BY b.uploaded_at DESC, r.batch_id, r.file_row
        LIMIT :limit""",  # noqa: S608 - one of two column names
        key=key,
        limit=ROWS_MAX + 1,
    ).all()
    return found


def list_approved_periods(connection: Connection) -> Sequence[Any]:
    """List the newest pay periods for which a batch is approved, newest first."""
    found: Sequence[Any] = run(
        connection,
        """
        SELECT DISTINCT b.period, coalesce(b.period_end, b.period + 13) AS period_end
        FROM batch b
        JOIN approval a USING (batch_id)
        ORDER BY 1 DESC, 2 DESC
        LIMIT :limit""",
        limit=PERIODS_MAX,
    ).all()
    return found
