"""Tables `payment` and `payment_row`: approved payments, and the rows of the file they pay.

A payment's row is made by its approval or by a status (`statuses.py`), whichever arrives first.
The two write different columns.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.payments import PaymentApproved
from libs.common.database.engine import run
from services.reports.store.bulk_insert import (
    Item,
    assignments,
    insert_missing,
    insert_statement,
    to_item,
)

APPROVAL = (
    *("payment_id", "batch_id", "approved_at", "approved_by", "amount_cents"),
    *("source_account_id", "source_last4", "employee_id"),
    *("institution_id", "checked_merchant_id", "loan_last4"),
    *("first_file_row", "file_rows", "branch_ids"),
)
UPSERT_APPROVAL = f"""
    {insert_statement("payment", APPROVAL)}
    ON CONFLICT (payment_id) DO UPDATE
    SET {assignments(APPROVAL[1:])}
    WHERE payment.approved_at IS NULL"""  # noqa: S608 - names of this service only


def record_approvals(connection: Connection, events: Sequence[PaymentApproved]) -> None:
    """Write the approvals of payments and bind their rows to them.

    Whether a status arrived before makes no difference. A second call changes nothing.
    """
    if not events:
        return
    run(connection, UPSERT_APPROVAL, items=json.dumps([_item(event) for event in events]))
    bound = [
        {"row_id": str(row.row_id), "payment_id": str(event.payment_id)}
        for event in events
        for row in event.rows
    ]
    insert_missing(connection, "payment_row", ("row_id", "payment_id"), bound)


def _item(event: PaymentApproved) -> Item:
    return to_item(event, APPROVAL) | {
        "checked_merchant_id": event.merchant_id,
        "first_file_row": min(row.file_row for row in event.rows),
        "file_rows": sorted(row.file_row for row in event.rows),
        "branch_ids": sorted({row.branch_id for row in event.rows}),
    }
