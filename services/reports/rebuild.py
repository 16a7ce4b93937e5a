"""`python -m services rebuild reports`: the read model again from offset 0, beside the live one; equal digests, or exit code 1."""

from libs.common.recovery import rebuild
from libs.common.runtime.settings import read_or_exit
from services.reports.app import MIGRATIONS, READ
from services.reports.settings import ReportsSettings
from services.reports.store import writes

# Everything a report or a timeline can show; not when a message was received here.
DIGESTS = {
    "batches": "SELECT b.*, m.received FROM batch b LEFT JOIN row_messages m ON m.batch_id = b.batch_id ORDER BY b.batch_id",
    "rows": "SELECT * FROM file_row ORDER BY row_id",
    "payments": "SELECT * FROM payment ORDER BY payment_id",
    "lines": "SELECT * FROM report_line ORDER BY batch_id, row_id",
    "totals": """SELECT batch_id, source_account_id, branch_id, outcome, count(*), sum(amount_cents) FROM report_line
                 GROUP BY batch_id, source_account_id, branch_id, outcome ORDER BY batch_id, source_account_id, branch_id, outcome""",
    "statuses": f"SELECT {', '.join(writes.CHANGE)} FROM payment_change ORDER BY payment_id, version",  # noqa: S608 - names of ours only
    "webhooks": "SELECT * FROM provider_event ORDER BY event_id",
    "journals": "SELECT * FROM journal ORDER BY journal_id",
    "certificates": "SELECT * FROM certificate ORDER BY batch_id, version",
    "judgements": "SELECT * FROM judgement ORDER BY event_id",
    "preparation": """SELECT p.batch_id, p.revision, p.checked, p.message, p.done_at, d.version, d.state, d.reason, d.changed_at
                      FROM preflight p FULL JOIN dispatch d ON d.batch_id = p.batch_id ORDER BY coalesce(p.batch_id, d.batch_id)""",
}


def main() -> int:
    """Exit code 0: equal; 1: not; 2: it cannot be tried."""
    projection = rebuild.Projection(
        "reports", MIGRATIONS, dict.fromkeys(READ, writes.apply), DIGESTS
    )
    return rebuild.main(projection, read_or_exit(ReportsSettings))
