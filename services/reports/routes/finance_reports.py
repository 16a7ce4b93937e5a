"""HTTP: reports for finance over dates and batches. Each is made once and kept."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection, Row

from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.pagination import next_offset, read_offset
from libs.common.web.problem_details import Problem
from services.reports.domain.completeness import find_refusal
from services.reports.domain.finance_reports import (
    BATCHES_MAX,
    LINES_MAX,
    BatchVersion,
    Question,
)
from services.reports.domain.freshness import freshness_lines
from services.reports.export.finance_report import BYTE_ORDER_MARK, FinanceReport
from services.reports.export.kept_lines import largest
from services.reports.export.yearly_list import YearLine, YearlyList
from services.reports.routes.context import Context
from services.reports.routes.files import MEDIA_TYPES, POLL_S
from services.reports.schemas import FinanceOrder, YearOrder
from services.reports.store import finance_reports, given_names, queries

Limit = Annotated[int, Query(ge=1, le=1_000)]
FileName = Literal["report.csv", "report-bom.csv", "report.xlsx", "report.pdf"]
#: Who may see what was paid for single persons over all batches.
PERSONAL_ROLES = frozenset({"preparer", "approver", "auditor"})
LIST = "finance-reports"
PLOTTED_MAX = 20


def add_routes(routes: APIRouter, context: Context) -> None:
    """Make a report, list the reports that were made, and read one and its files again."""
    caller = Annotated[Actor, Depends(Caller(context.token))]

    @routes.post("/finance-reports")
    def make(order: FinanceOrder, actor: caller) -> dict[str, Any]:
        with context.export_slot():
            question = order.question()
            _check_roles(question.by, actor)
            return _keep(context, wait_for_finance_report(context, question, actor.person))

    @routes.post("/finance-reports/yearly")
    def make_yearly(order: YearOrder, actor: caller) -> dict[str, Any]:
        _check_roles(("person",), actor)
        with context.export_slot():
            with context.engine.connect() as connection:
                names = given_names.names_by_id(connection)
            return _keep(context, _yearly_list(order, names, actor.person))

    @routes.get("/finance-reports")
    def made(limit: Limit = 100, cursor: str = "") -> dict[str, Any]:
        offset = read_offset(cursor, LIST)
        with context.engine.connect() as connection:
            items, total = finance_reports.list_manifests(connection, limit, offset)
        after = next_offset(LIST, offset + len(items), total) if items else None
        return {"items": items, "next": after, "total": total}

    @routes.get("/finance-reports/{report_id}")
    def manifest(report_id: UUID) -> dict[str, Any]:
        found: dict[str, Any] = _find(context, report_id).manifest
        return found

    @routes.get("/finance-reports/{report_id}/lines")
    def largest_lines(report_id: UUID, actor: caller) -> dict[str, Any]:
        found = _find(context, report_id)
        _check_roles(found.manifest["question"]["by"], actor)
        return {"report_id": report_id, **largest(bytes(found.csv), PLOTTED_MAX)}

    @routes.get("/finance-reports/{report_id}/{name}")
    def file(report_id: UUID, name: FileName, actor: caller) -> Response:
        found = _find(context, report_id)
        _check_roles(found.manifest["question"]["by"], actor)
        kind = name.rpartition(".")[2]
        kept = getattr(found, kind)
        if kept is None:
            raise Problem(
                404,
                "reports.no-pdf",
                "This report was made before reports had a PDF.",
                "Take the workbook, or make the report again.",
            )
        content = bytes(kept)
        if name == "report-bom.csv":
            content = BYTE_ORDER_MARK + content
        made_on = found.manifest["made_at"][:10]
        headers = {
            "Content-Disposition": f'attachment; filename="finance-{made_on}-{report_id}.{kind}"',
            "Cache-Control": "no-store",
        }
        return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


def _keep(context: Context, report: FinanceReport | YearlyList) -> dict[str, Any]:
    """Keep a report unless it is there already; the manifest of the kept one."""
    report_id, (manifest, files) = report.report_id, report.files()
    with context.engine.begin() as connection:
        finance_reports.insert_report(connection, report_id, manifest, files)
        kept = finance_reports.find_manifest(connection, report_id)
    assert kept is not None, "it was just written, or was there before"
    return kept


def _yearly_list(order: YearOrder, names: Mapping[tuple[str, str], str], person: str) -> YearlyList:
    """The list that ingest has summed, with the names that people gave branches."""
    return YearlyList(
        order.year,
        order.limit_cents,
        [
            BatchVersion(**batch.model_dump(mode="json"), certificate_version=0)
            for batch in order.batches
        ],
        [
            YearLine(
                one.employee_id,
                one.branch_id,
                names.get(("branch", one.branch_id), ""),
                one.payments,
                one.counted_cents,
            )
            for one in order.people
        ],
        person,
        datetime.now(UTC),
    )


def _check_roles(by: Sequence[str], actor: Actor) -> None:
    """Refuse a report of single persons to who may not see persons over all batches."""
    if "person" in by and not actor.roles & PERSONAL_ROLES:
        raise Problem(
            403,
            "auth.forbidden",
            "This report lists single employees, which your role may not see.",
            "Ask a preparer, an approver or an auditor.",
        )


def _find(context: Context, report_id: UUID) -> Row[Any]:
    with context.engine.connect() as connection:
        found = finance_reports.find_report(connection, report_id)
    if found is None:
        raise Problem(
            404, "not-found", "There is no report of this id.", "Look at the list of reports."
        )
    return found


def wait_for_finance_report(context: Context, question: Question, person: str) -> FinanceReport:
    """A report on the first snapshot in which all its batches are complete.

    Raises:
        Problem: 404, 422 or 503; nothing was made.
    """
    until = time.monotonic() + context.certificate_wait_s
    while True:
        now = datetime.now(UTC)
        # measured before the snapshot, so that the report is never older than it says
        freshness = freshness_lines(context.read_freshness(), now)
        with queries.open_snapshot(context.engine) as connection:
            batches = _find_batches(connection, question)
            refusals = [
                (code, f"batch {batch.batch_id}: {reason}")
                for batch in batches
                if (refusal := find_refusal(queries.batch_snapshot(connection, batch)))
                for code, reason in [refusal]
            ]
            if not refusals:
                lines = finance_reports.sum_lines(
                    connection, [str(batch.batch_id) for batch in batches], question.columns()
                )
                versions = [_version(connection, batch) for batch in batches]
                _check_length(lines)
                names = given_names.names_by_id(connection)
                return FinanceReport(question, versions, lines, person, now, freshness, names)
        if time.monotonic() > until:
            code, reason = refusals[0]
            raise Problem(
                503,
                code,
                f"The figures of this report are not complete yet: {reason}.",
                "Try again in a few seconds, or leave this batch out.",
            )
        time.sleep(POLL_S)


def _find_batches(connection: Connection, question: Question) -> list[Row[Any]]:
    batches = finance_reports.find_batches(connection, question)
    missing = set(question.batch_ids) - {str(batch.batch_id) for batch in batches}
    if missing or not batches:
        raise Problem(
            404,
            "reports.no-batch",
            f"There is no batch {min(missing)} with a pay period of these days."
            if missing
            else "No approved batch has a pay period that begins in these days.",
            "Choose other days or batches.",
        )
    if len(batches) > BATCHES_MAX:
        raise _too_long(f"more than {BATCHES_MAX} batches")
    return batches


def _check_length(lines: list[Row[Any]]) -> None:
    if len(lines) > LINES_MAX:
        raise _too_long(f"more than {LINES_MAX} lines")


def _too_long(what: str) -> Problem:
    return Problem(
        422,
        "reports.too-long",
        f"This report would have {what}.",
        "Choose fewer days, or group by fewer columns.",
    )


def _version(connection: Connection, batch: Row[Any]) -> BatchVersion:
    certificate = queries.newest_certificate(connection, batch.batch_id)
    return BatchVersion(
        batch_id=str(batch.batch_id),
        period=batch.period,
        status=batch.status,
        version=batch.version,
        digest=batch.digest,
        certificate_version=0 if certificate is None else certificate.version,
    )
