"""Lines and tables on a page of a PDF, each text cut to its width.

The core fonts know Latin-1 only, so any other letter shows as `?`; the other files have it in full.
"""

from collections.abc import Sequence
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

LINE_MM = 4.6
ROW_MM = 4.4


def new_document(title: str, made_at: datetime) -> FPDF:
    """A document of A4 pages with its title on the first; the same content has the same bytes."""
    page = FPDF(format="A4")
    page.set_title(title)
    page.set_creation_date(made_at)
    page.set_auto_page_break(True, margin=14)
    page.add_page()
    page.set_font("Helvetica", "B", 15)
    write_line(page, title, 9)
    page.set_font("Helvetica", "", 9)
    return page


def write_table(
    page: FPDF, heads: Sequence[str], widths_mm: Sequence[float], lines: Sequence[Sequence[str]]
) -> None:
    """A table whose first column is at the left and whose others are at the right."""
    page.ln(4)
    for number, line in enumerate([heads, *lines]):
        page.set_font("Helvetica", "B" if number == 0 else "", 8)
        for column, (words, width_mm) in enumerate(zip(line, widths_mm, strict=True)):
            align = "L" if column == 0 else "R"
            fitted = _fit(page, words, width_mm - 2)
            page.cell(width_mm, ROW_MM, fitted, border="B", align=align)
        page.ln(ROW_MM)


def write_line(page: FPDF, words: str, height_mm: float = LINE_MM) -> None:
    """One line of text."""
    page.cell(0, height_mm, _fit(page, words, page.epw - 2), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def write_text(page: FPDF, words: str) -> None:
    """Text over as many lines as it needs."""
    page.multi_cell(0, LINE_MM, _latin(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _fit(page: FPDF, words: str, width_mm: float) -> str:
    """The words in Latin-1, cut to the width."""
    shown = _latin(words)
    while page.get_string_width(shown) > width_mm:
        shown = shown[:-1]
    return shown


def _latin(words: str) -> str:
    return words.replace("…", "...").encode("latin-1", "replace").decode("latin-1")
