"""A payment's life as one list, from the upload of its file to its certificate. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from libs.common.contracts.journals import JOURNAL_TITLES
from libs.common.contracts.money import display
from libs.common.contracts.statuses import payment_title
from services.reports.domain.formats import format_instant

History = Mapping[str, Sequence[Any]]  # rows of the read model, by kind of fact


class Entry(NamedTuple):
    """One line of a timeline. `evidence` is the id by which the fact can be found elsewhere."""

    at: datetime
    kind: str
    title: str
    detail: str
    evidence: object = ""


def timeline(payment: Any, history: History) -> list[dict[str, str]]:
    """The entries of a payment as `{at, kind, title, detail, evidence}`.

    The only personal values are the last four digits that every list shows.
    """
    entries = [
        *_upload_entries(history),
        *_row_entries(history),
        *_check_entries(history),
        _approval_entry(payment, history),
        *_status_entries(history),
        *_webhook_entries(history),
        *_journal_entries(history),
        *_certificate_entries(history),
    ]
    entries.sort(key=lambda entry: entry.at)  # stable: equal times keep the order of the flow
    return [
        {
            "at": format_instant(entry.at),
            "kind": entry.kind,
            "title": entry.title,
            "detail": entry.detail,
            "evidence": str(entry.evidence),
        }
        for entry in entries
    ]


def _upload_entries(history: History) -> Iterator[Entry]:
    for batch in history["batch"]:
        detail = f"{batch.filename} by {batch.uploaded_by}"
        yield Entry(batch.uploaded_at, "upload", "File uploaded", detail, batch.batch_id)


def _row_entries(history: History) -> Iterator[Entry]:
    for row in history["rows"]:
        detail = (
            f"{display(row.amount_cents)} to loan …{row.loan_last4} at {row.institution_id}, "
            f"from account …{row.source_last4}, branch {row.branch_id}"
        )
        yield Entry(row.read_at, "row", f"Row {row.file_row} of the file", detail, row.row_id)


def _check_entries(history: History) -> Iterator[Entry]:
    for check in history["preflight"]:
        result = (
            "institutions, people and accounts were checked with the provider"
            if check.checked
            else "could not be checked with the provider"
        )
        detail = check.message or result
        evidence = f"revision {check.revision}"
        yield Entry(check.done_at, "check", "Checked before approval", detail, evidence)


def _approval_entry(payment: Any, history: History) -> Entry:
    digest = history["batch"][0].digest if history["batch"] else ""
    detail = f"{display(payment.amount_cents)} by {payment.approved_by}"
    return Entry(payment.approved_at, "approval", "Approved", detail, digest)


def _status_entries(history: History) -> Iterator[Entry]:
    for change in history["changes"]:
        title = payment_title(change.status, change.reason_code)
        evidence = f"{change.evidence_kind}: {change.evidence_id}"
        yield Entry(change.occurred_at, "status", title, _status_detail(change), evidence)


def _status_detail(change: Any) -> str:
    """What one version of a status says, as one line."""
    traced = change.source_trace_id or change.destination_trace_id
    parts = [
        f"version {change.version}",
        f"attempt {change.attempts}" if change.attempts else "",
        f"provider: {change.provider_status}" if change.provider_status else "",
        "a return is under way" if change.return_under_way else "",
        f"reversal {change.reversal_id}" if change.reversal_id else "",
        f"traces {change.source_trace_id} / {change.destination_trace_id}" if traced else "",
        f"by {change.changed_by}" if change.changed_by else "",
        change.reason or change.reason_code,
    ]
    return " · ".join(part for part in parts if part)


def _webhook_entries(history: History) -> Iterator[Entry]:
    for hint in history["provider_events"]:
        detail = f"{hint.webhook_type} for {hint.provider_id}"
        yield Entry(hint.received_at, "webhook", "Webhook received", detail, hint.provider_event)


def _journal_entries(history: History) -> Iterator[Entry]:
    for journal in history["journals"]:
        title = JOURNAL_TITLES[journal.kind]
        detail = f"{display(journal.amount_cents)}, the payment being {journal.status}"
        yield Entry(journal.posted_at, "journal", title, detail, journal.journal_id)


def _certificate_entries(history: History) -> Iterator[Entry]:
    for certificate in history["certificates"]:
        detail = f"version {certificate.version}: {certificate.outcome}"
        title = "Batch certified"
        yield Entry(certificate.issued_at, "certificate", title, detail, certificate.run_id)
