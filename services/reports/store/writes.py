"""All SQL that writes the read model (query.py reads it). Every function takes a connection, never commits; a second call changes nothing.

What is written does not depend on the order in which messages came: newest version or revision wins where the whole state
travels, everything else is a set.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.events import (
    BatchChanged,
    CertificateIssued,
    PaymentApproved,
    PaymentChanged,
)
from libs.common.contracts.statuses import OUTCOMES
from libs.common.database.engine import run
from services.reports.handlers import Changes, on_events

Item = dict[str, Any]  # one row to write, as JSON values

BATCH = (
    "batch_id",
    "version",
    "status",
    "revision",
    "digest",
    "period",
    "filename",
    "uploaded_by",
    "uploaded_at",
    "approved_by",
    "approved_at",
    "rows_total",
    "amount_total_cents",
    "row_messages",
    "payments",
    "payments_cents",
    "sources",
    "reason",
    "one_person",
    "changed_at",
)
FILE_ROW = (
    "row_id",
    "batch_id",
    "file_row",
    "revision",
    "status",
    "reason_code",
    "reason",
    "payment_id",
    "employee_id",
    "branch_id",
    "source_account_id",
    "source_last4",
    "institution_id",
    "merchant_id",
    "loan_last4",
    "amount_cents",
    "first_name",
    "last_name",
    "read_at",
)
APPROVAL = (
    "payment_id",
    "batch_id",
    "approved_at",
    "approved_by",
    "amount_cents",
    "source_account_id",
    "source_last4",
    "employee_id",
    "institution_id",
    "checked_merchant_id",
    "loan_last4",
    "first_file_row",
    "file_rows",
    "branch_ids",
)
CHANGE = (
    "payment_id",
    "version",
    "batch_id",
    "occurred_at",
    "status",
    "provider_payment_id",
    "provider_status",
    "merchant_id",
    "source_trace_id",
    "destination_trace_id",
    "reversal_id",
    "return_under_way",
    "attempts",
    "evidence_kind",
    "evidence_id",
    "reason_code",
    "reason",
    "changed_by",
)
PROVIDER_EVENT = ("event_id", "provider_id", "provider_event", "webhook_type", "received_at")
JOURNAL = ("journal_id", "batch_id", "payment_id", "kind", "amount_cents", "status", "posted_at")
CERTIFICATE = ("batch_id", "version", "run_id", "outcome", "digest", "totals", "issued_at")
JUDGEMENT = ("event_id", "batch_id", "run_id", "clean", "break_count", "judged_at")
PREFLIGHT = ("batch_id", "revision", "checked", "message", "done_at")
DISPATCH = ("batch_id", "version", "state", "reason", "changed_at")


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Record a batch of messages of any topic; the one function every consumer of reports applies.

    Raises:
        Reject: a message of a type that reports does not read.
    """
    record(connection, on_events(events))


def record(connection: Connection, changes: Changes) -> None:
    """Write a set of changes, each table in one statement."""
    newest(
        connection, "batch", BATCH, "version", [_batch(event) for event in changes.batches.values()]
    )
    newest(
        connection,
        "file_row",
        FILE_ROW,
        "revision",
        [_item(event, FILE_ROW, "read_at") for event in changes.rows.values()],
    )
    count_row_messages(connection, changes)
    approve(connection, changes.approvals)
    change(connection, changes.statuses)
    once(
        connection,
        "provider_event",
        PROVIDER_EVENT,
        [_item(event, PROVIDER_EVENT) for event in changes.provider_events],
    )
    once(
        connection,
        "journal",
        JOURNAL,
        [_item(event, JOURNAL, "posted_at") for event in changes.journals],
    )
    once(
        connection,
        "certificate",
        CERTIFICATE,
        [_certificate(event) for event in changes.certificates],
    )
    once(
        connection,
        "judgement",
        JUDGEMENT,
        [_item(event, JUDGEMENT, "judged_at") for event in changes.judgements],
    )
    newest(
        connection,
        "preflight",
        PREFLIGHT,
        "revision",
        [_item(event, PREFLIGHT, "done_at") for event in changes.preflights.values()],
    )
    newest(
        connection,
        "dispatch",
        DISPATCH,
        "version",
        [_item(event, DISPATCH, "changed_at") for event in changes.dispatches.values()],
    )


def once(connection: Connection, table: str, columns: Sequence[str], items: Sequence[Item]) -> None:
    """Insert rows that never change; one that is there already is left alone."""
    if items:
        run(
            connection, f"{_insert(table, columns)} ON CONFLICT DO NOTHING", items=json.dumps(items)
        )


def newest(
    connection: Connection, table: str, columns: Sequence[str], grows: str, items: Sequence[Item]
) -> None:
    """Insert or replace whole rows by their first column; a row whose `grows` is not above the stored one changes nothing."""
    if items:
        key, *others = columns
        run(
            connection,
            f"""{_insert(table, columns)} ON CONFLICT ({key}) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in others)}
            WHERE {table}.{grows} < excluded.{grows}""",
            items=json.dumps(items),
        )


def count_row_messages(connection: Connection, changes: Changes) -> None:
    """Add the row messages of this batch of messages to what came before (the inbox lets each in once)."""
    items = [
        {"batch_id": str(batch_id), "received": count}
        for batch_id, count in changes.row_messages.items()
    ]
    if items:
        run(
            connection,
            f"""{_insert("row_messages", ("batch_id", "received"))}
            ON CONFLICT (batch_id) DO UPDATE SET received = row_messages.received + excluded.received""",
            items=json.dumps(items),
        )


def approve(connection: Connection, approvals: Sequence[PaymentApproved]) -> None:
    """Fill in the approval of payments, whether or not their statuses came first, and bind their rows to them."""
    if not approvals:
        return
    run(
        connection,
        f"""{_insert("payment", APPROVAL)}
        ON CONFLICT (payment_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in APPROVAL[1:])} WHERE payment.approved_at IS NULL""",
        items=json.dumps([_approval(event) for event in approvals]),
    )
    once(
        connection,
        "payment_row",
        ("row_id", "payment_id"),
        [
            {"row_id": str(row.row_id), "payment_id": str(event.payment_id)}
            for event in approvals
            for row in event.rows
        ],
    )


def change(connection: Connection, statuses: Sequence[PaymentChanged]) -> None:
    """Keep every version that came, and move each payment to the highest version below which none is missing.

    The payments are locked first: who holds the lock sees all versions that others have committed, so none is left waiting.
    """
    if not statuses:
        return
    ids = sorted({str(event.payment_id) for event in statuses})
    once(
        connection,
        "payment",
        ("payment_id", "batch_id"),
        list(
            {
                event.payment_id: {
                    "payment_id": str(event.payment_id),
                    "batch_id": str(event.batch_id),
                }
                for event in statuses
            }.values()
        ),
    )
    run(
        connection,
        "SELECT FROM payment WHERE payment_id = ANY(CAST(:ids AS uuid[])) ORDER BY payment_id FOR UPDATE",
        ids=ids,
    )
    once(
        connection,
        "payment_change",
        CHANGE,
        [_item(event, CHANGE, "occurred_at") | {"changed_by": event.by} for event in statuses],
    )
    run(
        connection,
        """
        WITH known AS (
            SELECT payment_id, version, status, occurred_at, row_number() OVER (PARTITION BY payment_id ORDER BY version) AS nth
            FROM payment_change WHERE payment_id = ANY(CAST(:ids AS uuid[]))),
        head AS (
            SELECT payment_id, max(version) AS version, min(occurred_at) FILTER (WHERE status = 'completed') AS completed_at,
                   min(occurred_at) FILTER (WHERE status IN ('completed', 'failed', 'cancelled', 'reversed')) AS ended_at
            FROM known WHERE version = nth GROUP BY payment_id)
        UPDATE payment p SET version = c.version, status = c.status, provider_payment_id = c.provider_payment_id,
            provider_status = c.provider_status, merchant_id = c.merchant_id, source_trace_id = c.source_trace_id,
            destination_trace_id = c.destination_trace_id, reversal_id = c.reversal_id, return_under_way = c.return_under_way,
            attempts = c.attempts, reason_code = c.reason_code, reason = c.reason, changed_at = c.occurred_at,
            completed_at = head.completed_at, ended_at = head.ended_at
        FROM head JOIN payment_change c ON c.payment_id = head.payment_id AND c.version = head.version
        WHERE p.payment_id = head.payment_id AND p.version < head.version""",
        ids=ids,
    )


def _insert(table: str, columns: Sequence[str]) -> str:
    """INSERT of `:items`, JSON objects whose types are the table's own; in the order of the key, so that two writers never wait in a circle."""
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:items AS jsonb)) "  # noqa: S608
        f"ORDER BY {columns[0]}"
    )


def _item(event: Event, columns: Sequence[str], at: str = "") -> Item:
    """The event's fields of these names, and when it occurred under the name `at`."""
    item = event.model_dump(mode="json", include=set(columns))
    return item | {at: event.occurred_at.isoformat()} if at else item


def _batch(event: BatchChanged) -> Item:
    return _item(event, BATCH, "changed_at") | {
        "digest": event.digest or "",
        "approved_by": event.approved_by or "",
        "rows_total": event.rows.total,
        "amount_total_cents": event.amount_cents.total,
        "sources": [
            source.model_dump(
                include={"source_account_id", "payor_name", "aba_routing", "account_last4"}
            )
            for source in event.sources
        ],
    }


def _approval(event: PaymentApproved) -> Item:
    return _item(event, APPROVAL) | {
        "checked_merchant_id": event.merchant_id,
        "first_file_row": min(row.file_row for row in event.rows),
        "file_rows": sorted(row.file_row for row in event.rows),
        "branch_ids": sorted({row.branch_id for row in event.rows}),
    }


def _certificate(event: CertificateIssued) -> Item:
    totals = {
        name: getattr(event, name).model_dump()
        for name in ("total", *OUTCOMES)
        if name != "pending"
    }
    return _item(event, CERTIFICATE, "issued_at") | {"totals": totals}
