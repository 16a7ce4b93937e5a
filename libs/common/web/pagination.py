"""Cursors of lists: where the next page begins, as a text that clients do not interpret."""

import base64
import json
from collections.abc import Sequence
from typing import NoReturn

from libs.common.web.problem_details import Problem

CURSOR_MAX = 1_000  # characters
OFFSET_MAX = 1 << 31
OFFSET_DIGITS_MAX = 10


def write_cursor(order: str, *position: str | int) -> str:
    """The cursor of the page that begins after `position` in a list of this order.

    Args:
        order: the list's name and sort order, such as `payments:-amount`. A cursor is refused
            by a list of another order.
        position: the sort values of the page's last item, or how many items come before.
    """
    text = json.dumps([order, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, order: str, kinds: Sequence[type[str] | type[int]]) -> list[str | int]:
    """The position in a cursor.

    Args:
        cursor: as a client sent it; not empty.
        order: as it was written with.
        kinds: the type of each part of the position.

    Raises:
        Problem: 422 `cursor.invalid`; the cursor is not one of this list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, *position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        refuse_cursor()
    if found != order or [type(part) for part in position] != list(kinds):
        refuse_cursor()
    return list(position)


def read_offset(cursor: str, order: str) -> int:
    """How many items come before the page; 0 for an empty cursor.

    A client may also send the number alone, in base64. So it opens any page of a list directly,
    as the dashboard does for page 500; a number means the same in every order.

    Raises:
        Problem: 422 `cursor.invalid`.
    """
    if not cursor:
        return 0
    alone = _number_alone(cursor)
    (offset,) = [alone] if alone is not None else read_cursor(cursor, order, (int,))
    if not 0 <= int(offset) <= OFFSET_MAX:
        refuse_cursor()
    return int(offset)


def _number_alone(cursor: str) -> int | None:
    """The number that a cursor is, if it is nothing else."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return int(text) if text.isdigit() and len(text) <= OFFSET_DIGITS_MAX else None


def next_offset(order: str, end: int, total: int) -> str | None:
    """The cursor of the page after one that ended at `end` items; None after the last page."""
    return write_cursor(order, end) if end < total else None


def refuse_cursor() -> NoReturn:
    """Refuse a cursor that does not belong to this list.

    Raises:
        Problem: 422 `cursor.invalid`.
    """
    raise Problem(
        422,
        "cursor.invalid",
        "This cursor does not belong to this list.",
        "Start again without a cursor.",
    )
