"""HTTP: the reports of a batch as files, each made from one snapshot of the database."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from libs.common.web.problem_details import Problem
from services.reports.domain.completeness import find_refusal
from services.reports.domain.freshness import freshness_lines
from services.reports.export.report import Report, spool
from services.reports.routes.context import Context
from services.reports.store import queries

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
POLL_S = 0.25

Table = Literal["sources", "branches", "payments"]
WriteReport = Callable[[Report], Iterator[bytes]]


def add_routes(routes: APIRouter, context: Context) -> None:
    """Three tables as CSV and as workbook, the summary as PDF, and all of it as an archive."""

    def answer(batch_id: UUID, name: str, kind: str, write: WriteReport) -> StreamingResponse:
        stems: list[str] = []

        def write_noting_stem(report: Report) -> Iterator[bytes]:
            stems.append(report.stem())
            return write(report)

        chunks = export(context, batch_id, write_noting_stem)
        first = next(chunks)  # starts the export, so that an error can still become an answer
        headers = {
            "Content-Disposition": f'attachment; filename="{stems[0]}-{name}.{kind}"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(
            itertools.chain([first], chunks), media_type=MEDIA_TYPES[kind], headers=headers
        )

    @routes.get("/batches/{batch_id}/reports/{name}.csv")
    def as_csv(batch_id: UUID, name: Table) -> StreamingResponse:
        return answer(batch_id, name, "csv", lambda report: report.csv(name))

    @routes.get("/batches/{batch_id}/reports/{name}.xlsx")
    def as_workbook(batch_id: UUID, name: Table) -> StreamingResponse:
        return answer(batch_id, name, "xlsx", lambda report: spool(partial(report.xlsx, name)))

    @routes.get("/batches/{batch_id}/reports/summary.pdf")
    def as_pdf(batch_id: UUID) -> StreamingResponse:
        return answer(batch_id, "summary", "pdf", lambda report: spool(report.pdf))

    @routes.get("/batches/{batch_id}/reports/all.zip")
    def as_archive(batch_id: UUID) -> StreamingResponse:
        return answer(batch_id, "all", "zip", lambda report: spool(report.archive))


def export(context: Context, batch_id: UUID, write: WriteReport) -> Iterator[bytes]:
    """The bytes of a report.

    Its snapshot and its slot are released when it ends, also when the reader goes away.

    Raises:
        Problem: 404 or 503; nothing was written yet.
    """
    with context.export_slot(), wait_for_report(context, batch_id) as report:
        yield from write(report)


@contextmanager
def wait_for_report(context: Context, batch_id: UUID) -> Iterator[Report]:
    """A report on the first snapshot that may be shown; waits for the batch's certificate.

    Raises:
        Problem: 404, the batch is unknown; 503, the reports are not complete after the wait.
    """
    until = time.monotonic() + context.certificate_wait_s
    while True:
        # measured before the snapshot, so that the report is never older than it says
        lines = freshness_lines(context.read_freshness(), datetime.now(UTC))
        with queries.open_snapshot(context.engine) as connection:
            batch = queries.find_batch(connection, batch_id)
            if batch is None:
                raise Problem(
                    404,
                    "batch.unknown",
                    "No batch of this id is known to the reports.",
                    "Check the id; a new batch is here in seconds.",
                )
            refusal = find_refusal(queries.batch_snapshot(connection, batch))
            if refusal is None:
                yield Report(connection, batch, context.cipher, lines)
                return
        if time.monotonic() > until:
            code, reason = refusal
            raise Problem(
                503,
                code,
                f"The reports of this batch are not complete yet: {reason}.",
                "Try again in a few seconds.",
                batch_id=str(batch_id),
            )
        time.sleep(POLL_S)
