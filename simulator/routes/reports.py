"""Reports and their downloads. Pure: a state and a request in, an answer out."""

import csv
import io
from collections.abc import Iterable

from simulator import serializers, validation
from simulator.clock import day
from simulator.messages import Answer, Refusal, Request, dump, not_found, success
from simulator.models import Payment, Report
from simulator.state import ProviderState

REPORTS = {
    "payments.created.current",
    "payments.created.previous",
    "payments.created.previous_day",
    "payments.updated.current",
    "payments.updated.previous",
    "payments.failed.previous_day",
    "ach.pull.upcoming",
    "ach.pull.previous",
    "ach.pull.nightly",
    "ach.reversals.nightly",
    "ach.debit.daily",
    "entities.created.previous_day",
    "reserve_fbo_balance.created.previous_day",
}
REPORT_COLUMNS = (
    "id",
    "source",
    "destination",
    "amount",
    "description",
    "status",
    "error",
    "created_at",
    "updated_at",
)
DAY_MS = 86_400_000


def create_report(state: ProviderState, request: Request) -> Answer:
    """POST /reports. Completed at once, as in the provider's development environment."""
    body = request.json()
    if body.get("type") not in REPORTS:
        raise Refusal("INVALID_REQUEST", "type is not a known report.")
    seq, report_id = state.new_id(state.reports)
    metadata = validation.metadata(body, "REPORT")
    report = Report(
        seq=seq,
        id=report_id,
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        metadata=metadata,
        type=body["type"],
    )
    state.put(state.reports, report)
    return success(serializers.report(report, request.host))


def _report(state: ProviderState, request: Request) -> Report:
    found = state.reports.by_id.get(request.ids[0])
    if found is None:
        raise not_found("The report")
    return found


def report(state: ProviderState, request: Request) -> Answer:
    """GET /reports/{id}."""
    return success(serializers.report(_report(state, request), request.host))


def download(state: ProviderState, request: Request) -> Answer:
    """GET /reports/{id}/download: CSV, no envelope."""
    found = _report(state, request)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(REPORT_COLUMNS)
    for p in report_lines(state.payments.items, found):
        shape = serializers.payment(p, request.version)
        writer.writerow(
            [
                dump(shape[c]).decode() if isinstance(shape[c], dict) else shape[c]
                for c in REPORT_COLUMNS
            ]
        )
    name = f'attachment; filename="{found.id}.csv"'.encode()
    return Answer(
        200, out.getvalue().encode(), ((b"content-disposition", name),), b"text/csv; charset=utf-8"
    )


def report_lines(payments: Iterable[Payment], report: Report) -> list[Payment]:
    """The payments of a report.

    By its type: those of its day by creation or change, the failed ones, those still to be debited,
    or those with a reversal.
    """
    words = report.type.split(".")
    at_ms = report.created_ms - (0 if words[-1] in ("current", "upcoming") else DAY_MS)
    if words[0] not in ("payments", "ach"):
        return []
    if "upcoming" in words:
        return [p for p in payments if p.status == "pending"]
    if words[0] == "ach":
        days = (day(at_ms), day(report.created_ms))
        return [
            p
            for p in payments
            if p.status != "pending"
            and day(p.updated_ms) in days
            and (p.reversal_id or "reversals" not in words)
        ]
    moments = (
        (p, p.created_ms if words[1] == "created" else p.updated_ms)
        for p in payments
        if words[1] != "failed" or p.status == "failed"
    )
    return [p for p, ms in moments if day(ms) == day(at_ms)]
