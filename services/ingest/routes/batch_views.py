"""What people see: batches, rows, issues, changes, and single payments."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from services.ingest import finalize, roster_diff
from services.ingest.domain.approval_request import OPEN_BATCHES
from services.ingest.domain.approval_rules import Rule
from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import RequestError
from services.ingest.routes.context import (
    Dependencies,
    next_cursor,
    parse_id,
    read_page,
    request_errors,
)
from services.ingest.schemas import answers
from services.ingest.schemas.requests import PageQuery
from services.ingest.store import (
    approval_requests,
    approval_rules,
    batches,
    certificates,
    corrections,
    first_approvals,
    issues,
    mended_rows,
    payments,
    queries,
    roster_diff_queries,
    sources,
    totals,
)
from services.ingest.store.queries import Listed, Page


def add_lists(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the lists."""
    engine = dependencies.engine
    paged = Annotated[PageQuery, Depends(PageQuery)]

    @router.get("/batches", dependencies=[caller])
    def list_batches(query: paged, status: str = "", sha256: str = "") -> dict[str, Any]:
        page = read_page(query, queries.BATCHES)
        with engine.connect() as connection:
            found = queries.list_batches(connection, page, status, sha256)
            items = _batch_items(connection, found)
        return _page_answer(page, items, found)

    @router.get("/batches/{batch_id}/rows", dependencies=[caller])
    def list_rows(batch_id: str, query: paged, request: Request) -> dict[str, Any]:
        page = read_page(query, queries.ROWS)
        filters = {
            name: request.query_params[name]
            for name in queries.ROW_FILTERS
            if name in request.query_params
        }
        with request_errors(), engine.connect() as connection:
            batch = batches.get_batch(connection, parse_id(batch_id, "batch"))
            found = queries.list_rows(connection, batch.batch_id, page, filters)
            refused = [row.file_row for row in found.items if row.status == "refused"]
            why = issues.list_of_rows(connection, batch.batch_id, refused, "row") if refused else ()
        return _page_answer(
            page, answers.row_items(found.items, why, dependencies.encryption), found
        )

    @router.get("/batches/{batch_id}/issues", dependencies=[caller])
    def list_issues(
        batch_id: str, query: paged, code: str = "", outcome: str = ""
    ) -> dict[str, Any]:
        page = read_page(query, queries.ISSUES)
        with request_errors(), engine.connect() as connection:
            batch = batches.get_batch(connection, parse_id(batch_id, "batch"))
            found = queries.list_issues(connection, batch.batch_id, page, code, outcome)
        return _page_answer(page, [answers.issue_item(one) for one in found.items], found)

    @router.get("/batches/{batch_id}/changes", dependencies=[caller])
    def list_changes(batch_id: str, query: paged, kind: str = "") -> dict[str, Any]:
        page = read_page(query, roster_diff_queries.CHANGES)
        with request_errors(), engine.connect() as connection:
            found = roster_diff.compare(connection, parse_id(batch_id, "batch"), page, kind)
        return answers.changes_answer(found, next_cursor(page, len(found.items), found.total))

    @router.get("/batches/{batch_id}/compared", dependencies=[caller])
    def compare_totals(batch_id: str) -> dict[str, Any]:
        with request_errors(), engine.connect() as connection:
            found = roster_diff.compare_totals(connection, parse_id(batch_id, "batch"))
        return answers.compared_answer(found)


def add_details(router: APIRouter, dependencies: Dependencies, caller: Any) -> None:
    """Add the routes of single batches and payments."""
    engine = dependencies.engine

    @router.get("/batches/{batch_id}", dependencies=[caller])
    def show_batch(batch_id: str) -> dict[str, Any]:
        with request_errors(), engine.connect() as connection:
            batch = batches.get_batch(connection, parse_id(batch_id, "batch"))
            details = _details(connection, batch, dependencies.settings.ready_days)
            return answers.batch_answer(details)

    @router.get("/payments/{payment_id}", dependencies=[caller])
    def show_payment(payment_id: str) -> dict[str, Any]:
        known_id = parse_id(payment_id, "payment")
        with request_errors(), engine.connect() as connection:
            rows = payments.list_paid_rows(connection, known_id)
            if not rows:
                raise RequestError(
                    "not_found",
                    "payment.unknown",
                    "There is no such approved payment.",
                    "Look at the payments of the batch.",
                )
            batch = batches.get_batch(connection, rows[0].batch_id)
            about = issues.list_of_rows(connection, batch.batch_id, [row.file_row for row in rows])
        return answers.payment_answer(known_id, batch, rows, about, dependencies.encryption)


def _page_answer(page: Page, items: list[answers.Answer], found: Listed) -> answers.Answer:
    return answers.page_answer(items, next_cursor(page, len(items), found.total), found.total)


def _batch_items(connection: Connection, found: Listed) -> list[answers.Answer]:
    summed = totals.list_source_totals(connection, [batch.batch_id for batch in found.items])
    ids = [batch.batch_id for batch in found.items]
    asked = approval_requests.list_newest(connection, ids)
    first = first_approvals.list_standing(connection, ids)
    return [
        answers.batch_item(
            batch,
            [one for one in summed if one.batch_id == batch.batch_id],
            asked.get(batch.batch_id),
            first.get(batch.batch_id),
        )
        for batch in found.items
    ]


def _rules_hit(connection: Connection, batch: Batch) -> list[Rule]:
    """The rules by which a batch that can be approved needs two approvers."""
    if batch.status not in OPEN_BATCHES:
        return []
    current = approval_rules.find_current(connection)
    return approval_rules.list_hit(connection, batch.batch_id, current)


def _details(connection: Connection, batch: Batch, ready_days: int) -> answers.BatchDetails:
    return answers.BatchDetails(
        batch,
        totals.list_totals(connection, batch.batch_id),
        sources.list_sources(connection, batch.batch_id),
        issues.count_by_code(connection, batch.batch_id),
        corrections.list_corrections(connection, batch.batch_id),
        certificates.find_newest_certificate(connection, batch.batch_id),
        issues.find_file_fault(connection, batch.batch_id) if batch.error_code else None,
        approval_requests.list_requests(connection, batch.batch_id),
        ready_days,
        _rules_hit(connection, batch),
        first_approvals.find_standing(connection, batch.batch_id),
        mended_rows.list_children(connection, batch.batch_id),
        _payments_digest(connection, batch),
    )


def _payments_digest(connection: Connection, batch: Batch) -> str | None:
    """The digest of the payments of an approval that does not cover them; people compare it."""
    if batch.status not in {"approved", "paused"} or batch.contents_digest:
        return None
    return finalize.digest_payments(connection, batch.batch_id)
