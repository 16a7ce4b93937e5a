"""HTTP: lists of a batch's payments, and one payment with its timeline."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy.exc import DataError

from libs.common.web.pagination import read_cursor, refuse_cursor, write_cursor
from libs.common.web.problem_details import Problem
from services.reports.payment_timeline import timeline
from services.reports.routes.context import Context
from services.reports.schemas import payment_filter, payment_item, with_names
from services.reports.store import payment_queries, queries
from services.reports.store.payment_queries import Page, PaymentFilter

LIMIT_MAX = 1_000


def add_routes(routes: APIRouter, context: Context) -> None:
    """Lists of payments, and single payments."""

    @routes.get("/batches/{batch_id}/payments")
    def payments(
        batch_id: UUID,
        wanted: Annotated[PaymentFilter, Depends(payment_filter)],
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
        cursor: str = "",
        sort: str = "file_row",
    ) -> dict[str, Any]:
        page = read_page(sort, limit + 1, cursor)  # one more: it shows whether a page follows
        try:
            with queries.open_snapshot(context.engine) as connection:
                if any(character.isalpha() for character in wanted.q):
                    names = payment_queries.read_names(connection, batch_id)
                    wanted = with_names(wanted, names, context.cipher)
                found, total = payment_queries.list_payments(connection, batch_id, wanted, page)
        except DataError:  # only the cursor's value is read as a number or a time by the database
            refuse_cursor()
        more = len(found) > limit
        return {
            "items": [payment_item(row, context.cipher) for row in found[:limit]],
            "next": write_position(found[limit - 1], sort) if more else None,
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
            history = payment_queries.find_history(connection, found)
            return payment_item(found, context.cipher) | {
                "batch_id": str(found.batch_id),
                "return_under_way": found.return_under_way,
                "timeline": timeline(found, history),
            }


def read_page(sort: str, limit: int, cursor: str) -> Page:
    """The page that a request asks for.

    Raises:
        Problem: 422; an unknown sort order, or a cursor of another list or order.
    """
    name = sort.removeprefix("-")
    if name not in payment_queries.SORTS:
        raise Problem(
            422,
            "request.invalid",
            f"Payments cannot be sorted by {name!r}.",
            f"Sort by one of {', '.join(payment_queries.SORTS)}.",
        )
    return Page(name, sort.startswith("-"), limit, read_position(cursor, sort))


def write_position(row: Any, sort: str) -> str:
    """The cursor of the page after this row of `list_payments`."""
    return write_cursor(f"payments:{sort}", row.sorted_by, str(row.payment_id))


def read_position(cursor: str, sort: str) -> tuple[str, str] | None:
    """The (sort value, payment_id) in a cursor; None for an empty one.

    Raises:
        Problem: 422 `cursor.invalid`.
    """
    if not cursor:
        return None
    value, payment_id = read_cursor(cursor, f"payments:{sort}", (str, str))
    try:
        return str(value), str(UUID(str(payment_id)))
    except ValueError:
        refuse_cursor()
