"""`python -m services rebuild ledger`: build the ledger again from offset 0 and compare the two.

The topics are read one after another, which is not the order that the live ledger saw. Statements
are judged at the end, oldest run first. What people acknowledged comes from the ledger's own topic.
"""

from libs.common.contracts import topics
from libs.common.recovery import rebuild
from libs.common.runtime.settings import read_or_exit
from services.ledger import app, consumers
from services.ledger.reconciliation import service
from services.ledger.reconciliation.acknowledging import apply_acknowledgements
from services.ledger.settings import LedgerSettings
from services.ledger.store.digests import DIGESTS

PROJECTION = rebuild.Projection(
    "ledger",
    app.MIGRATIONS,
    {**consumers.APPLIES, topics.PROVIDER_STATEMENTS: consumers.store_statements},
    DIGESTS,
    finish=service.judge_all,
    own={topics.LEDGER_POSTINGS: apply_acknowledgements},
)


def main() -> int:
    """Exit code 0 if every digest is equal, 1 if one differs, 2 if the rebuild cannot be tried."""
    return rebuild.main(PROJECTION, read_or_exit(LedgerSettings))
