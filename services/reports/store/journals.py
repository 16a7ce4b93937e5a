"""Table `journal`: the journals that the ledger posted for payments."""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import JournalPosted
from services.reports.store.bulk_insert import insert_missing, to_item

COLUMNS = ("journal_id", "batch_id", "payment_id", "kind", "amount_cents", "status", "posted_at")


def insert_journals(connection: Connection, events: Sequence[JournalPosted]) -> None:
    """Insert journals; a second call changes nothing."""
    items = [to_item(event, COLUMNS, "posted_at") for event in events]
    insert_missing(connection, "journal", COLUMNS, items)
