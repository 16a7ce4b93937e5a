"""HTTP of reports: counts, payments, one payment's life, live progress, and the files. Statuses are chosen here only."""

import base64
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError

from libs.common.contracts.money import dollars
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.web.internal_auth import Caller
from libs.common.web.problem_details import Problem
from services.reports.domain.completeness import find_refusal
from services.reports.domain.progress import snapshot_head, sum_by_status
from services.reports.export import Report, spooled
from services.reports.payment_timeline import timeline
from services.reports.store import payment_queries, queries

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
EXPORTS_MAX = 4  # each holds a connection and a snapshot for as long as its reader takes
POLL_S = 0.25
LIMIT_MAX = 1_000

LiveView = Callable[[Connection, UUID], dict[str, Any] | None]


@dataclass(frozen=True)
class Context:
    """What the routes work with. `live` answers a snapshot of a batch, or None when it is not up to date."""

    engine: Engine
    token: str
    sealer: FieldCipher
    certificate_wait_s: float
    live: LiveView


def router(context: Context) -> APIRouter:
    """All routes of reports, for the other services only."""
    routes = APIRouter(dependencies=[Depends(Caller(context.token))])
    add_reading(routes, context)
    add_files(routes, context)
    return routes


def add_reading(routes: APIRouter, context: Context) -> None:
    """Counts, lists and single payments."""

    @routes.get("/batches/{batch_id}/summary")
    def summary(batch_id: UUID) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = from_sql(connection, batch_id)
        return {name: found[name] for name in ("payments", "payment_amount_cents", "as_of")}

    @routes.get("/batches/{batch_id}/live")
    def live(batch_id: UUID) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = context.live(connection, batch_id)
            return (
                {"from": "faust"} | found
                if found is not None
                else {"from": "sql"} | from_sql(connection, batch_id)
            )

    @routes.get("/batches/{batch_id}/payments")
    def payments(
        batch_id: UUID,
        wanted: Annotated[payment_queries.PaymentFilter, Depends(asked)],
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
        cursor: str = "",
        sort: str = "file_row",
    ) -> dict[str, Any]:
        name = sort.removeprefix("-")
        if name not in payment_queries.SORTS:
            raise Problem(
                422,
                "request.invalid",
                f"Payments cannot be sorted by {name!r}.",
                f"Sort by one of {', '.join(payment_queries.SORTS)}.",
            )
        page = payment_queries.Page(
            name, sort.startswith("-"), limit + 1, read_cursor(cursor, sort)
        )
        try:
            with queries.open_snapshot(context.engine) as connection:
                found, total = payment_queries.list_payments(connection, batch_id, wanted, page)
        except DataError:
            raise foreign_cursor() from None  # the only value here that is read as a number or a time by the database
        more = len(found) > limit
        return {
            "items": [item(row) for row in found[:limit]],
            "next": write_cursor(found[limit - 1], sort) if more else None,
            "total": total,
        }

    @routes.get("/payments/{payment_id}")
    def payment(payment_id: UUID) -> dict[str, Any]:
        with queries.open_snapshot(context.engine) as connection:
            found = payment_queries.find_payment(connection, payment_id)
            if found is None:
                raise Problem(
                    404,
                    "payment.unknown",
                    "There is no approved payment of this id.",
                    "Look it up in its batch.",
                )
            return item(found) | {
                "batch_id": str(found.batch_id),
                "return_under_way": found.return_under_way,
                "timeline": timeline(found, payment_queries.find_history(connection, found)),
            }


def add_files(routes: APIRouter, context: Context) -> None:
    """The reports of a batch, each made from one snapshot."""
    slots = threading.BoundedSemaphore(EXPORTS_MAX)

    def answer(
        batch_id: UUID, name: str, kind: str, make: Callable[[Report], Iterator[bytes]]
    ) -> StreamingResponse:
        stems: list[str] = []

        def made(report: Report) -> Iterator[bytes]:
            stems.append(report.stem())
            return make(report)

        chunks = exported(context, slots, batch_id, made)
        first = next(
            chunks
        )  # starts it: errors become an answer, and from here on its end is its own
        headers = {
            "Content-Disposition": f'attachment; filename="{stems[0]}-{name}.{kind}"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(
            itertools.chain([first], chunks), media_type=MEDIA[kind], headers=headers
        )

    @routes.get("/batches/{batch_id}/reports/{name}.csv")
    def as_csv(
        batch_id: UUID, name: Literal["sources", "branches", "payments"]
    ) -> StreamingResponse:
        return answer(batch_id, name, "csv", lambda report: report.csv(name))

    @routes.get("/batches/{batch_id}/reports/{name}.xlsx")
    def as_workbook(
        batch_id: UUID, name: Literal["sources", "branches", "payments"]
    ) -> StreamingResponse:
        return answer(batch_id, name, "xlsx", lambda report: spooled(partial(report.xlsx, name)))

    @routes.get("/batches/{batch_id}/reports/summary.pdf")
    def as_pdf(batch_id: UUID) -> StreamingResponse:
        return answer(batch_id, "summary", "pdf", lambda report: spooled(report.pdf))

    @routes.get("/batches/{batch_id}/reports/all.zip")
    def as_archive(batch_id: UUID) -> StreamingResponse:
        return answer(batch_id, "all", "zip", lambda report: spooled(report.archive))


def exported(
    context: Context,
    slots: threading.BoundedSemaphore,
    batch_id: UUID,
    make: Callable[[Report], Iterator[bytes]],
) -> Iterator[bytes]:
    """The bytes of a report; the snapshot it reads and its slot are given back when it ends, also when the reader goes away."""
    if not slots.acquire(timeout=context.certificate_wait_s):
        raise Problem(
            503,
            "reports.busy",
            f"{EXPORTS_MAX} reports are being written at the moment.",
            "Try again in a few seconds.",
        )
    try:
        with agreed(context, batch_id) as report:
            yield from make(report)
    finally:
        slots.release()


@contextmanager
def agreed(context: Context, batch_id: UUID) -> Iterator[Report]:
    """A report on the first snapshot that may be shown, after at most the settled wait for the batch's certificate."""
    until = time.monotonic() + context.certificate_wait_s
    while True:
        with queries.open_snapshot(context.engine) as connection:
            known = queries.find_batch(connection, batch_id)
            if known is None:
                raise Problem(
                    404,
                    "batch.unknown",
                    "No batch of this id is known to the reports.",
                    "Check the id; a new batch is here in seconds.",
                )
            refusal = find_refusal(queries.batch_snapshot(connection, known))
            if refusal is None:
                yield Report(connection, known, context.sealer)
                return
        if time.monotonic() > until:
            code, why = refusal
            raise Problem(
                503,
                code,
                f"The reports of this batch are not complete yet: {why}.",
                "Try again in a few seconds.",
                batch_id=str(batch_id),
            )
        time.sleep(POLL_S)


def from_sql(connection: Connection, batch_id: UUID) -> dict[str, Any]:
    """A live snapshot read from the database; the same shape as the one from memory."""
    known = queries.find_batch(connection, batch_id)
    rows = payment_queries.sums_by_status(connection, batch_id)
    times = [row.as_of for row in rows] + ([known.changed_at] if known is not None else [])
    status, version, announced = (
        ("", 0, (0, 0))
        if known is None
        else (known.status, known.version, (known.payments, known.payments_cents))
    )
    head = snapshot_head(
        batch_id,
        status,
        version + sum(row.versions for row in rows),
        max(times, default=None),
        sum(row.ended for row in rows),
    )
    return head | sum_by_status({row.status: (row.payments, row.cents) for row in rows}, announced)


def asked(
    status: str = "",
    source: str = "",
    branch: str = "",
    institution: str = "",
    reason_code: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
) -> payment_queries.PaymentFilter:
    """The filters of a list of payments; several statuses are separated by commas."""
    return payment_queries.PaymentFilter(
        tuple(filter(None, status.split(","))), source, branch, institution, reason_code, q.strip()
    )


def item(row: Any) -> dict[str, Any]:
    """A payment as lists and single answers show it."""
    return {
        "payment_id": str(row.payment_id),
        "status": row.status,
        "version": row.version,
        "amount": dollars(row.amount_cents),
        "amount_cents": row.amount_cents,
        "source_account_id": row.source_account_id,
        "employee_id": row.employee_id,
        "institution_id": row.institution_id,
        "loan_last4": row.loan_last4,
        "rows": row.file_rows,
        "provider_payment_id": row.provider_payment_id,
        "provider_status": row.provider_status,
        "attempts": row.attempts,
        "reason_code": row.reason_code,
        "reason": row.reason,
    }


def write_cursor(row: Any, sort: str) -> str:
    """Where the next page begins: after this row, in this order."""
    return (
        base64.urlsafe_b64encode(json.dumps([sort, row.sorted_by, str(row.payment_id)]).encode())
        .decode()
        .rstrip("=")
    )


def read_cursor(cursor: str, sort: str) -> tuple[str, str] | None:
    """The position in a cursor, None for the first page; 422 for one that is not ours or of another order."""
    if not cursor:
        return None
    try:
        made_for, value, payment_id = json.loads(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        )
        position = (str(value), str(UUID(payment_id)))
    except (ValueError, TypeError, AttributeError):
        raise foreign_cursor() from None
    if made_for != sort:
        raise foreign_cursor()
    return position


def foreign_cursor() -> Problem:
    """The answer to a cursor that this list did not give."""
    return Problem(
        422,
        "request.cursor",
        "This cursor does not belong to this list.",
        "Start again without a cursor.",
    )
