"""Pages of lists: by number or cursor, newest first, filtered by date, totals in headers. Pure."""

import re
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from simulator.messages import Headers, Refusal, Request
from simulator.models import Record, RecordTable, between

R = TypeVar("R", bound=Record)
LIMIT_MAX = 100


def moment(text: str, *, end: bool) -> int:
    """A date or timestamp as ms since 1970; a date means its first millisecond, as an end its last.

    Raises:
        Refusal: it is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            start = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return int((start + timedelta(days=1) if end else start).timestamp() * 1000) - end
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Refusal(
            "INVALID_SEARCH_PARAMETERS", "from_date and to_date must be dates, YYYY-MM-DD."
        ) from None


def number(request: Request, name: str, default: int, largest: int) -> int:
    """A whole number of the query, from 1 to `largest`."""
    text = request.one(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= largest:
        raise Refusal("INVALID_SEARCH_PARAMETERS", f"{name} must be between 1 and {largest}.")
    return int(text)


def page(
    request: Request, table: RecordTable[R], items: list[R], matches: Callable[[R], bool] | None
) -> tuple[list[R], Headers]:
    """One page of `items` (oldest first, of `table`), newest first, and its paging headers.

    Cursor-Next is absent on the last page. A reader by cursor gets each older record once, whatever
    is added meanwhile.
    """
    from_text, to_text = request.one("from_date"), request.one("to_date")
    start, end = between(
        items,
        moment(from_text, end=False) if from_text else None,
        moment(to_text, end=True) if to_text else None,
    )
    if matches is not None:
        items = [record for record in items[start:end] if matches(record)]
        start, end = 0, len(items)
    limit, total = number(request, "page_limit", LIMIT_MAX, LIMIT_MAX), end - start
    cursor, page_number = request.one("page_cursor"), number(request, "page", 1, 10**9)
    stop = end - (page_number - 1) * limit
    if cursor is not None:
        stop = _position(table, items, start, end, cursor)
        page_number = (end - stop) // limit + 1
    stop = max(stop, start)
    first = max(stop - limit, start)
    found = items[first:stop][::-1]
    headers = [
        (b"pagination-page", page_number),
        (b"pagination-page-count", max(1, -(-total // limit))),
        (b"pagination-page-limit", limit),
        (b"pagination-total-count", total),
    ]
    cursors = []
    if first > start and found:
        cursors.append((b"pagination-page-cursor-next", found[-1].id.encode()))
    if stop + limit < end:
        cursors.append((b"pagination-page-cursor-prev", items[stop + limit].id.encode()))
    return found, (*((name, b"%d" % value) for name, value in headers), *cursors)


def _position(table: RecordTable[R], items: list[R], start: int, end: int, cursor: str) -> int:
    """The end of the records that are older than the cursor's."""
    record = table.by_id.get(cursor)
    if record is None:
        raise Refusal("INVALID_SEARCH_PARAMETERS", "page_cursor is not the id of a known resource.")
    return min(max(bisect_left(items, record.seq, key=lambda r: r.seq), start), end)
