"""How values are written in reports: times, safe CSV cells, reasons and the approval rule."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

#: Every other outcome must have a reason.
OUTCOMES_WITHOUT_REASON = frozenset({"paid", "pending", "cancelled"})
FORMULA_STARTS = frozenset("=+-@\t\r\n")
#: Between cells stands a NUL: a text that begins as a formula does, or a line break anywhere.
UNSAFE_CELL = re.compile(r"\0[=+\-@\t\r\n]|[\r\n]")
LINE_BREAKS = str.maketrans("\r\n", "  ")


def safe_cell(value: str) -> str:
    """A text for a CSV cell: no spreadsheet reads it as a formula, and it stays on one line.

    A leading `= + - @`, tab or line break gets an apostrophe before it. Line breaks inside become
    spaces. Everything else is unchanged.
    """
    safe = "'" + value if value[:1] in FORMULA_STARTS else value
    if "\n" in safe or "\r" in safe:  # tested first: a report has a million cells
        return safe.translate(LINE_BREAKS)
    return safe


def safe_line(line: Sequence[str | int]) -> list[str | int]:
    """A line of a CSV with each text as `safe_cell` makes it.

    The line is searched once, because a report has a million cells and few that must be changed.
    """
    if UNSAFE_CELL.search("\0".join(("", *map(str, line)))) is None:
        return list(line)
    return [safe_cell(cell) if isinstance(cell, str) else cell for cell in line]


def reason_or_code(outcome: str, code: str, text: str) -> str:
    """The reason that a line shows; never empty for an outcome that needs one."""
    if text or outcome in OUTCOMES_WITHOUT_REASON:
        return text
    return code or "no reason was recorded"


def approval_rule(one_person: bool, uploaded_by: str, approved_by: str) -> str:
    """The rule under which a batch was approved, in words; "" before its approval."""
    if not approved_by:
        return ""
    if not one_person:
        return f"two people: uploaded by {uploaded_by}, approved by {approved_by}"
    people = (
        f"uploaded and approved by {approved_by}"
        if uploaded_by == approved_by
        else f"uploaded by {uploaded_by}, approved by {approved_by}"
    )
    return f"SINGLE CONTROL: the rule that another person approves was switched off; {people}"


@lru_cache(maxsize=1_024)  # most lines of a report have the same times
def format_instant(at: datetime | None) -> str:
    """ISO-8601 in UTC with milliseconds, "" for None. The database connection speaks UTC."""
    return "" if at is None else at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
