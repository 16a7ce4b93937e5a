"""A payment's life in one list, oldest first: file rows, checks, approval, statuses with their evidence, webhooks, journals, certificates. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from libs.common.contracts.money import display
from services.reports.domain import instant

Rows = Sequence[Any]  # rows of the read model, by attribute
STATUS_TITLES = {
    "unprocessed": "Waiting to be sent",
    "sending": "Being sent",
    "pending": "Accepted by the provider",
    "completed": "Paid",
    "failed": "Failed",
    "in_doubt": "Outcome unknown, being looked up",
    "held": "Held for a person",
    "cancelled": "Cancelled before it was sent",
    "reversed": "Returned after it was paid",
}
JOURNAL_TITLES = {
    "hold": "Money reserved",
    "settle": "Money posted",
    "release": "Reservation released",
    "reverse": "Posting reversed",
}


def timeline(paid: Any, history: Mapping[str, Rows]) -> list[dict[str, str]]:
    """Entries `{at, kind, title, detail, evidence}`; no personal value but the last four digits that are shown everywhere."""
    found: list[tuple[datetime, dict[str, str]]] = []

    def add(at: datetime, kind: str, words: tuple[str, str], evidence: object = "") -> None:
        found.append(
            (
                at,
                {
                    "at": instant(at),
                    "kind": kind,
                    "title": words[0],
                    "detail": words[1],
                    "evidence": str(evidence),
                },
            )
        )

    for batch in history["batch"]:
        add(
            batch.uploaded_at,
            "upload",
            ("File uploaded", f"{batch.filename} by {batch.uploaded_by}"),
            batch.batch_id,
        )
    for row in history["rows"]:
        where = f"loan …{row.loan_last4} at {row.institution_id}, from account …{row.source_last4}, branch {row.branch_id}"
        add(
            row.read_at,
            "row",
            (f"Row {row.file_row} of the file", f"{display(row.amount_cents)} to {where}"),
            row.row_id,
        )
    for check in history["preflight"]:
        words = (
            "institutions, people and accounts were checked with the provider"
            if check.checked
            else "could not be checked with the provider"
        )
        add(
            check.done_at,
            "check",
            ("Checked before approval", check.message or words),
            f"revision {check.revision}",
        )
    digest = history["batch"][0].digest if history["batch"] else ""
    add(
        paid.approved_at,
        "approval",
        ("Approved", f"{display(paid.amount_cents)} by {paid.approved_by}"),
        digest,
    )
    for change in history["changes"]:
        add(
            change.occurred_at,
            "status",
            (STATUS_TITLES[change.status], _change(change)),
            f"{change.evidence_kind}: {change.evidence_id}",
        )
    for hint in history["provider_events"]:
        add(
            hint.received_at,
            "webhook",
            ("Webhook received", f"{hint.webhook_type} for {hint.provider_id}"),
            hint.provider_event,
        )
    for journal in history["journals"]:
        add(
            journal.posted_at,
            "journal",
            (
                JOURNAL_TITLES[journal.kind],
                f"{display(journal.amount_cents)}, the payment being {journal.status}",
            ),
            journal.journal_id,
        )
    for certificate in history["certificates"]:
        add(
            certificate.issued_at,
            "certificate",
            ("Batch certified", f"version {certificate.version}: {certificate.outcome}"),
            certificate.run_id,
        )
    return [
        entry for _, entry in sorted(found, key=lambda pair: pair[0])
    ]  # stable: equal times keep the order of the flow


def _change(change: Any) -> str:
    """What a status version says, as one line."""
    parts = [
        f"version {change.version}",
        f"attempt {change.attempts}" if change.attempts else "",
        f"provider: {change.provider_status}" if change.provider_status else "",
        "a return is under way" if change.return_under_way else "",
        f"reversal {change.reversal_id}" if change.reversal_id else "",
        f"traces {change.source_trace_id} / {change.destination_trace_id}"
        if change.source_trace_id or change.destination_trace_id
        else "",
        f"by {change.changed_by}" if change.changed_by else "",
        change.reason or change.reason_code,
    ]
    return " · ".join(part for part in parts if part)
