"""`python -m services rebuild ledger`: the books again from offset 0, beside the live ones, and their digests compared.

Topics are read one after another, which is not the order the live books saw; statements are judged at the end, oldest walk first.
Left out of the digests is what depends on the moment of judging: runs, breaks, and the time something began to wait.
"""

from libs.common.contracts import topics
from libs.common.recovery import rebuild
from libs.common.runtime.settings import read_or_exit
from services.ledger import app
from services.ledger.reconciliation import service
from services.ledger.settings import LedgerSettings

DIGESTS = {
    "journals": "SELECT journal_id, batch_id, payment_id, kind, amount_cents, row_count, entry_count, posted_at FROM journal ORDER BY journal_id",
    "entries": "SELECT journal_id, n, batch_id, account, layer, amount_cents, row_count FROM entry ORDER BY journal_id, n",
    "balances": 'SELECT batch_id, account COLLATE "C", layer, amount_cents, row_count FROM balance ORDER BY 1, 2, 3',
    "payments": """SELECT payment_id, batch_id, amount_cents, row_count, version, status, status_at, provider_payment_id, provider_status,
                          reversal_id, return_under_way, merchant_id, reason_code, reason, content FROM payment ORDER BY payment_id""",
    "batches": "SELECT batch_id, version, content FROM batch ORDER BY batch_id",
    "certificates": "SELECT batch_id, version, run_id, outcome, digest, issued_at FROM certificate ORDER BY 1, 2",
}

PROJECTION = rebuild.Projection(
    "ledger",
    app.MIGRATIONS,
    {**app.APPLIES, topics.PROVIDER_STATEMENTS: app.keep_statements},
    DIGESTS,
    finish=service.finish_all,
)


def main() -> int:
    """Exit code 0 if every digest is equal, 1 if not, 2 if it cannot be tried."""
    return rebuild.main(PROJECTION, read_or_exit(LedgerSettings))
