"""Compares a batch with the yearly limit: warnings before the approval, and once more at it."""

from sqlalchemy import Connection

from services.ingest.domain import year_limit as rules
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import RequestError
from services.ingest.domain.year_limit import YearLimits, YearRow
from services.ingest.settings import IngestSettings
from services.ingest.store import issues, year_sums


def limits_of(settings: IngestSettings) -> YearLimits:
    """The limits that are configured."""
    return YearLimits(
        settings.yearly_limits, settings.yearly_limit_near_percent, settings.yearly_limit_blocks
    )


def replace_warnings(connection: Connection, batch: Batch, limits: YearLimits) -> None:
    """Replace a batch's warnings about the limit, as of now. A second call gives the same."""
    year, limit = _limit_of(batch, limits)
    near = limits.near_cents(year)
    found = year_sums.list_year_rows(connection, batch, year, min(near, limit))
    over = rules.rows_over(found, limit)
    close = [row for row in found if row.year_cents <= limit]
    issues.replace_batch_warnings(
        connection, batch.batch_id, rules.YEAR_LIMIT, rules.batch_warning(over, year, limit)
    )
    for code, sentence, rows in (
        (rules.YEAR_LIMIT, rules.ROW_SENTENCE, over),
        (rules.YEAR_LIMIT_NEAR, rules.NEAR_SENTENCE, close),
    ):
        issues.replace_row_warnings(
            connection, batch.batch_id, code, sentence, rules.row_places(rows, year, limit)
        )


def has_passed_since(connection: Connection, batch: Batch, limits: YearLimits) -> bool:
    """Whether people pass the limit of whom the last check gave no warning.

    For a batch that is being approved, while other approvals wait. Rows that its approver includes
    by name need no warning.

    Raises:
        RequestError: somebody of whom it was warned passes the limit, and it blocks; roll back.
    """
    year, limit = _limit_of(batch, limits)
    over: list[YearRow] = year_sums.list_year_rows(connection, batch, year, limit)
    warned = {
        file_row
        for file_row, _ in issues.list_row_warnings(connection, batch.batch_id, rules.YEAR_LIMIT)
    }
    included = year_sums.list_people_included(connection, batch.batch_id)
    if any(row.file_row not in warned and row.person_key not in included for row in over):
        return True
    if over and limits.blocks:
        raise RequestError(
            "conflict",
            "approval.year-limit",
            rules.blocked_sentence(over, year, limit),
            "Exclude the rows with the warning W_YEAR_LIMIT, or do not include these people.",
        )
    return False


def _limit_of(batch: Batch, limits: YearLimits) -> tuple[int, int]:
    """The year in which a batch counts, and its limit in cents."""
    year = batch.last_day.year
    return year, rules.limit_cents(limits.cents, year)
