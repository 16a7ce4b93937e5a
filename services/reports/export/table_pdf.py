"""A table for people as PDF: what it is about, its lines and its totals.

Long tables end after `LINES_MAX` lines and say how many more the workbook has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.reports.pdf_table import new_document, write_table, write_text

LINES_MAX = 500
WIDTH_MM = 190.0
NUMBER_MM = 25.0


@dataclass(frozen=True)
class PdfTable:
    """A table: the heads, the lines, and the totals of all columns but the first."""

    heads: Sequence[str]
    lines: Sequence[Sequence[str]]
    totals: Sequence[str]


def table_pdf(title: str, about: Mapping[str, str], table: PdfTable, made_at: datetime) -> bytes:
    """The document; the same table has the same bytes."""
    page = new_document(title, made_at)
    for name, words in about.items():
        if words:
            write_text(page, f"{name.replace('_', ' ')}: {words}")
    numbers = len(table.heads) - 1
    widths = (WIDTH_MM - numbers * NUMBER_MM, *(NUMBER_MM,) * numbers)
    shown = list(table.lines[:LINES_MAX])
    if more := len(table.lines) - len(shown):
        shown.append((f"and {more:,} more, in the workbook", *("",) * numbers))
    shown.append(("total", *table.totals))
    write_table(page, table.heads, widths, shown)
    return bytes(page.output())
