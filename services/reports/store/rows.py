"""Tables `file_row` (the rows of the file) and `row_messages` (how many messages arrived)."""

import json
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import Connection

from libs.common.contracts.events.rows import RowRead
from libs.common.database.engine import run
from services.reports.store.bulk_insert import insert_statement, to_item, upsert_newer

COLUMNS = (
    *("row_id", "batch_id", "file_row", "revision", "status", "reason_code", "reason"),
    *("payment_id", "employee_id", "branch_id", "source_account_id", "source_last4"),
    *("institution_id", "merchant_id", "loan_last4", "amount_cents"),
    *("first_name", "last_name", "read_at"),
)


def upsert_rows(connection: Connection, events: Iterable[RowRead]) -> None:
    """Write the newest revision of each row; an older or the same revision changes nothing.

    Args:
        events: at most one of each row.
    """
    items = [to_item(event, COLUMNS, "read_at") for event in events]
    upsert_newer(connection, "file_row", COLUMNS, "revision", items)


def count_messages(connection: Connection, counts: Mapping[UUID, int]) -> None:
    """Add row messages to the number that each batch received before.

    A second call counts them again: the inbox lets each message in once.
    """
    items = [{"batch_id": str(batch_id), "received": count} for batch_id, count in counts.items()]
    if items:
        statement = f"""
            {insert_statement("row_messages", ("batch_id", "received"))}
            ON CONFLICT (batch_id) DO UPDATE
            SET received = row_messages.received + excluded.received"""  # noqa: S608 - fixed names
        run(connection, statement, items=json.dumps(items))
