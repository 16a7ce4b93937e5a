"""The largest lines of a report that is kept, read from its CSV for a plot."""

import csv
import io
from typing import Any, Final

#: The columns of money, by their names in the answer. A yearly list has only the first.
MONEY: Final = {
    "amount_cents": "amount",
    "paid_cents": "paid_amount",
    "failed_cents": "failed_amount",
    "returned_cents": "reversed_amount",
}


def largest(content: bytes, count: int) -> dict[str, Any]:
    """The lines of the largest amounts, the largest first, and all the others as one.

    Equal amounts stay in the order of the file. Months stay in their order: they are a time line.
    """
    reader = csv.DictReader(io.StringIO(content.decode(), newline=""))
    columns = list(reader.fieldnames or ())
    about = columns[: columns.index("currency")]
    lines = [_line(row, about) for row in reader]
    if about != ["month"]:
        lines.sort(key=lambda line: -line["amount_cents"])
    shown, rest = lines[:count], lines[count:]
    sums = {name: sum(line[name] for line in rest) for name in ("rows", *MONEY)}
    return {
        "columns": about,
        "lines": shown,
        "others": {"about": [], **sums} if rest else None,
        "others_count": len(rest),
    }


def _line(row: dict[str, str], about: list[str]) -> dict[str, Any]:
    return {
        "about": [row[column] for column in about],
        "rows": int(row.get("rows") or row.get("payments") or 0),
        **{name: _cents(row.get(column, "0.00")) for name, column in MONEY.items()},
    }


def _cents(text: str) -> int:
    """Dollars with two places, as our own files write them, in cents."""
    return int(text.replace(".", ""))
