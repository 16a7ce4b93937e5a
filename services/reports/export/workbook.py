"""A table as an Excel workbook."""

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from services.reports.export.tables import Cell

SHEET_ROWS_MAX = 1_048_576  # the format's limit; longer tables continue in another sheet
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write_workbook(
    out: IO[bytes],
    columns: Sequence[str],
    lines: Iterable[Sequence[Cell]],
    about: Mapping[str, str],
) -> None:
    """Write a table row by row, and what it is about in the last sheet.

    Text stays text: it never becomes a formula, a link or a number.
    """
    import xlsxwriter  # noqa: PLC0415 - a workbook is rare, and a start must not wait for it

    with xlsxwriter.Workbook(out, OPTIONS) as book:
        sheet, at = _add_sheet(book, columns), 1
        for line in lines:
            if at == SHEET_ROWS_MAX:
                sheet, at = _add_sheet(book, columns), 1
            for column, value in enumerate(line):
                if isinstance(value, int):
                    sheet.write_number(at, column, value)
                elif value:
                    sheet.write_string(at, column, value)
            at += 1
        _add_about(book, about)


def _add_sheet(book: Any, columns: Iterable[str]) -> Any:  # the package has no types
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, columns)
    return sheet


def _add_about(book: Any, about: Mapping[str, str]) -> None:  # the package has no types
    sheet = book.add_worksheet("about")
    for at, pair in enumerate(about.items()):
        for column, words in enumerate(pair):
            sheet.write_string(at, column, words)
