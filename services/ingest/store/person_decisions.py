"""What people decided about the rows of a person or a loan, and the holds that they fall under."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.ingest.store.holds import COLUMNS

DECISIONS_MAX: Final = 100
HOLDS_MAX: Final = 100
# What was decided about rows `r`, in table `decision` or `amendment`, with the numbers of these.
_ABOUT: Final = """
            SELECT d.decision_id, d.batch_id, d.act, d.target, d.reason, d.evidence,
                d.decided_by, d.decided_at, d.withdrawn_by, d.withdrawn_at,
                array_agg(r.file_row ORDER BY r.file_row) AS file_rows
            FROM r
            JOIN {0} d ON d.batch_id = r.batch_id
            JOIN {0}_row s ON s.decision_id = d.decision_id AND s.file_row = r.file_row
            GROUP BY d.decision_id"""


def list_decisions_about(connection: Connection, rows: Sequence[Any]) -> Sequence[Any]:
    """List the newest 100 decisions and amendments about rows, also those that were taken back.

    Args:
        rows: with batch_id and file_row, as `row_history.list_rows_with` lists them.
    """
    found: Sequence[Any] = run(
        connection,
        f"""
        WITH r AS (
            SELECT *
            FROM unnest(CAST(:batches AS uuid[]), CAST(:file_rows AS int[]))
                AS r(batch_id, file_row)
        )
        SELECT d.*, b.filename, b.period
        FROM ({_ABOUT.format("decision")} UNION ALL {_ABOUT.format("amendment")}) d
        JOIN batch b USING (batch_id)
        ORDER BY d.decided_at DESC, d.decision_id
        LIMIT :limit""",  # noqa: S608 - our own text
        batches=[row.batch_id for row in rows],
        file_rows=[row.file_row for row in rows],
        limit=DECISIONS_MAX,
    ).all()
    return found


def list_holds_on(
    connection: Connection, rows: Sequence[Any], kinds: Sequence[str]
) -> Sequence[Any]:
    """List the newest 100 holds on what these rows have, those that stand first.

    Args:
        kinds: the kinds of holds that are looked for, of `holds.COLUMNS`.
    """
    pairs = {
        (kind, key)
        for kind, column in COLUMNS.items()
        if kind in kinds
        for row in rows
        if (key := getattr(row, column))
    }
    found: Sequence[Any] = run(
        connection,
        """
        SELECT h.hold_id, h.kind, h.shown, lower(h.days) AS first_day,
            upper(h.days) - 1 AS last_day, h.reason, h.evidence, h.set_by, h.set_at,
            h.lifted_by, h.lifted_at, h.lift_reason
        FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[])) AS k(kind, key)
        JOIN hold h USING (kind, key)
        ORDER BY h.lifted_at IS NOT NULL, h.set_at DESC, h.hold_id
        LIMIT :limit""",
        kinds=[kind for kind, _ in pairs],
        keys=[key for _, key in pairs],
        limit=HOLDS_MAX,
    ).all()
    return found
