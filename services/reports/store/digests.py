"""Queries whose results a rebuild compares: everything that a report or a timeline can show.

Each is a complete, ordered query. When a message was received is left out: it differs.
"""

from services.reports.store import statuses

DIGESTS = {
    "batches": """
        SELECT b.*, m.received
        FROM batch b
        LEFT JOIN row_messages m ON m.batch_id = b.batch_id
        ORDER BY b.batch_id""",
    "rows": "SELECT * FROM file_row ORDER BY row_id",
    "payments": "SELECT * FROM payment ORDER BY payment_id",
    "lines": "SELECT * FROM report_line ORDER BY batch_id, row_id",
    "totals": """
        SELECT
            batch_id, source_account_id, branch_id, outcome,
            count(*), sum(amount_cents)
        FROM report_line
        GROUP BY batch_id, source_account_id, branch_id, outcome
        ORDER BY batch_id, source_account_id, branch_id, outcome""",
    "statuses": f"""
        SELECT {", ".join(statuses.COLUMNS)}
        FROM payment_change
        ORDER BY payment_id, version""",  # noqa: S608 - names of this service only
    "webhooks": "SELECT * FROM provider_event ORDER BY event_id",
    "journals": "SELECT * FROM journal ORDER BY journal_id",
    "certificates": "SELECT * FROM certificate ORDER BY batch_id, version",
    "judgements": "SELECT * FROM judgement ORDER BY event_id",
    "preparation": """
        SELECT
            p.batch_id, p.revision, p.checked, p.message, p.done_at,
            d.version, d.state, d.reason, d.changed_at
        FROM preflight p
        FULL JOIN dispatch d ON d.batch_id = p.batch_id
        ORDER BY coalesce(p.batch_id, d.batch_id)""",
}
