"""Table `batch`: the newest announced state of each batch."""

from collections.abc import Iterable

from sqlalchemy import Connection

from libs.common.contracts.events.batches import BatchChanged
from services.reports.store.bulk_insert import Item, to_item, upsert_newer

COLUMNS = (
    *("batch_id", "version", "status", "revision", "digest", "period", "filename"),
    *("uploaded_by", "uploaded_at", "approved_by", "approved_at"),
    *("rows_total", "amount_total_cents", "row_messages", "payments", "payments_cents"),
    *("sources", "reason", "one_person", "changed_at"),
)
SOURCE_FIELDS = {"source_account_id", "payor_name", "aba_routing", "account_last4"}


def upsert_batches(connection: Connection, events: Iterable[BatchChanged]) -> None:
    """Write the newest version of each batch; an older or the same version changes nothing.

    Args:
        events: at most one of each batch.
    """
    upsert_newer(connection, "batch", COLUMNS, "version", [_item(event) for event in events])


def _item(event: BatchChanged) -> Item:
    return to_item(event, COLUMNS, "changed_at") | {
        "digest": event.digest or "",
        "approved_by": event.approved_by or "",
        "rows_total": event.rows.total,
        "amount_total_cents": event.amount_cents.total,
        "sources": [source.model_dump(include=SOURCE_FIELDS) for source in event.sources],
    }
