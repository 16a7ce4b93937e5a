"""Table `payment_change`: every version of a payment's status, and the status a payment shows.

A payment shows the highest version below which none is missing. Later versions wait in the table.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from libs.common.contracts.events.payments import PaymentChanged
from libs.common.contracts.statuses import FINAL_PAYMENTS
from libs.common.database.engine import run
from services.reports.store.bulk_insert import insert_missing, to_item

COLUMNS = (
    *("payment_id", "version", "batch_id", "occurred_at", "status"),
    *("provider_payment_id", "provider_status", "merchant_id"),
    *("source_trace_id", "destination_trace_id", "reversal_id", "return_under_way"),
    *("attempts", "evidence_kind", "evidence_id", "reason_code", "reason", "changed_by"),
)
LOCK_PAYMENTS = """
    SELECT
    FROM payment
    WHERE payment_id = ANY(CAST(:ids AS uuid[]))
    ORDER BY payment_id
    FOR UPDATE"""
# In `numbered`, version = nth holds for every version below which none is missing.
SHOW_NEWEST = """
    WITH numbered AS (
        SELECT
            payment_id, version, status, occurred_at,
            row_number() OVER (PARTITION BY payment_id ORDER BY version) AS nth
        FROM payment_change
        WHERE payment_id = ANY(CAST(:ids AS uuid[]))
    ),
    head AS (
        SELECT
            payment_id,
            max(version) AS version,
            min(occurred_at) FILTER (WHERE status = 'completed') AS completed_at,
            min(occurred_at) FILTER (WHERE status = ANY(CAST(:final AS text[]))) AS ended_at
        FROM numbered
        WHERE version = nth
        GROUP BY payment_id
    )
    UPDATE payment p
    SET
        version = c.version, status = c.status,
        provider_payment_id = c.provider_payment_id, provider_status = c.provider_status,
        merchant_id = c.merchant_id,
        source_trace_id = c.source_trace_id, destination_trace_id = c.destination_trace_id,
        reversal_id = c.reversal_id, return_under_way = c.return_under_way,
        attempts = c.attempts, reason_code = c.reason_code, reason = c.reason,
        changed_at = c.occurred_at,
        completed_at = head.completed_at, ended_at = head.ended_at
    FROM head
    JOIN payment_change c ON c.payment_id = head.payment_id AND c.version = head.version
    WHERE p.payment_id = head.payment_id
        AND p.version < head.version"""


def record_statuses(connection: Connection, events: Sequence[PaymentChanged]) -> None:
    """Store every version, and move each payment to the highest below which none is missing.

    The payments are locked first. Whoever holds the lock sees all versions that others have
    committed, so no version is left waiting for ever. A second call changes nothing.
    """
    if not events:
        return
    batch_ids = {str(event.payment_id): str(event.batch_id) for event in events}
    ids = sorted(batch_ids)
    insert_missing(
        connection,
        "payment",
        ("payment_id", "batch_id"),
        [{"payment_id": key, "batch_id": batch_id} for key, batch_id in batch_ids.items()],
    )
    run(connection, LOCK_PAYMENTS, ids=ids)
    items = [to_item(event, COLUMNS, "occurred_at") | {"changed_by": event.by} for event in events]
    insert_missing(connection, "payment_change", COLUMNS, items)
    run(connection, SHOW_NEWEST, ids=ids, final=sorted(FINAL_PAYMENTS))
