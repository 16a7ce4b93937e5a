"""Table `refused_source`: source accounts of batches being paid that the provider refuses.

The refusal is of the corporation with the batch's own EIN, or of its account. A batch with a mended
EIN has another corporation, and is not stopped by it.
"""

from uuid import UUID

from sqlalchemy import Connection

from libs.common.database.engine import run
from services.dispatcher.store.object_retries import REFUSED

#: The condition for: people and provider let the source account of payment `{0}` pay in its batch.
SOURCE_MAY_PAY = """(
    {0}.account_index NOT IN (SELECT account_index FROM source_stop)
    AND NOT EXISTS (
        SELECT FROM refused_source r
        WHERE r.batch_id = {0}.batch_id AND r.account_index = {0}.account_index
    )
)"""
#: The refused sources of all batches, and why.
OF_BATCHES = f"""
    SELECT s.batch_id, s.source_account_id, s.account_index,
           coalesce(nullif(a.refused_code, ''), nullif(a.reason_code, ''),
                    nullif(c.refused_code, ''), nullif(c.reason_code, ''), 'refused') AS code,
           coalesce(nullif(a.refused_reason, ''), nullif(a.reason, ''),
                    nullif(c.refused_reason, ''), c.reason) AS reason
    FROM source s
    JOIN object c ON c.natural_key = 'corporation:' || s.ein
    JOIN object a ON a.natural_key = 'ach:' || c.object_id || ':' || s.account_index
    WHERE {REFUSED.format("a")} OR {REFUSED.format("c")}"""  # noqa: S608 - conditions of our own


def update(connection: Connection) -> list[UUID]:
    """Bring the table to what the objects say now; return the batches of which it has changed.

    A second call finds no change.
    """
    return list(
        run(
            connection,
            f"""
            WITH wanted AS MATERIALIZED (
                SELECT x.*
                FROM ({OF_BATCHES}) x
                JOIN batch b USING (batch_id)
                WHERE b.state IN ('paying', 'paused')
                    AND b.status IN ('approved', 'paying', 'paused')
            ),
            usable AS (
                DELETE FROM refused_source r
                WHERE NOT EXISTS (
                    SELECT FROM wanted w
                    WHERE (w.batch_id, w.source_account_id) = (r.batch_id, r.source_account_id)
                )
                RETURNING r.batch_id
            ),
            refused AS (
                INSERT INTO refused_source
                    (batch_id, source_account_id, account_index, reason_code, reason)
                SELECT batch_id, source_account_id, account_index, code, reason
                FROM wanted
                ON CONFLICT DO NOTHING
                RETURNING batch_id
            )
            SELECT batch_id
            FROM batch
            WHERE batch_id IN (SELECT batch_id FROM usable UNION SELECT batch_id FROM refused)
                AND status IN ('approved', 'paying', 'paused')
            ORDER BY batch_id""",  # noqa: S608 - a query of our own
        ).scalars()
    )


def list_accounts(connection: Connection) -> frozenset[tuple[UUID, str]]:
    """Return the refused source accounts, each by its batch and its blind index."""
    rows = run(connection, "SELECT batch_id, account_index FROM refused_source")
    return frozenset((row.batch_id, row.account_index) for row in rows)
