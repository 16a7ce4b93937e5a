"""Write rows of a roster as XML, in the format in which they are uploaded. Pure."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape  # nosec B406 - it writes XML, and parses none

from services.ingest.roster.row_rules import FIELDS, OPTIONAL, ParsedRow

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'
ROOT: Final = "root"
_DEPTHS: Final = {path: path.split("/") for path in FIELDS}
#: A parser reads a carriage return as a line feed, unless it is written as a reference.
_REFERENCES: Final = {"\r": "&#13;"}


def write_row(row: ParsedRow, comments: Sequence[str] = ()) -> str:
    """A row with the texts of its file, after these comments; indented, ending with a line feed.

    An element that the file does not have, or twice, is written empty, so that it can be filled in.
    """
    lines = [*(f"  {one}" for one in comments), "  <row>"]
    open_ones: list[str] = []
    for path, text in zip(FIELDS, written_texts(row), strict=True):
        *above, name = _DEPTHS[path]
        while open_ones and open_ones != above[: len(open_ones)]:
            lines.append(_indented(len(open_ones), f"</{open_ones.pop()}>"))
        for one in above[len(open_ones) :]:
            open_ones.append(one)
            lines.append(_indented(len(open_ones), f"<{one}>"))
        if text or path not in OPTIONAL:
            leaf = f"<{name}>{escape(text, _REFERENCES)}</{name}>"
            lines.append(_indented(len(open_ones) + 1, leaf))
    lines.append("  </row>")
    return "\n".join(lines) + "\n"


def written_texts(row: ParsedRow) -> list[str]:
    """The texts of a row as its file has them, in the order of FIELDS; empty: it has none."""
    values = (*row.values[:-1], None)  # an amount is always in `written`
    return [row.written.get(path, value or "") for path, value in zip(FIELDS, values, strict=True)]


def _indented(depth: int, text: str) -> str:
    return "  " * (depth + 1) + text
