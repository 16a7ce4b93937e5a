"""A table as an Excel workbook.

Columns whose name ends in `amount` are numbers with two places, so that SUM adds them. Everything
else that is text stays text, above all ids and the last digits of accounts.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

from services.reports.export.tables import Cell

SHEET_ROWS_MAX = 1_048_576  # the format's limit; longer tables continue in another sheet
AMOUNT_FORMAT = "#,##0.00"
COLUMN_WIDTH = 16  # characters
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

    Text never becomes a formula or a link, and only amounts become numbers. The header stays in
    view and has filters.
    """
    import xlsxwriter  # noqa: PLC0415 - a workbook is rare, and a start must not wait for it

    with xlsxwriter.Workbook(out, OPTIONS) as book:
        amount = book.add_format({"num_format": AMOUNT_FORMAT})
        amounts = frozenset(at for at, name in enumerate(columns) if name.endswith("amount"))
        sheet, at = _add_sheet(book, columns), 1
        for line in lines:
            if at == SHEET_ROWS_MAX:
                _add_filters(sheet, columns, at)
                sheet, at = _add_sheet(book, columns), 1
            for column, value in enumerate(line):
                if isinstance(value, int):
                    sheet.write_number(at, column, value)
                elif column in amounts:
                    # 16 digits are exact, which is more than any total of cents here has.
                    sheet.write_number(at, column, Decimal(value), amount)
                elif value:
                    sheet.write_string(at, column, value)
            at += 1
        _add_filters(sheet, columns, at)
        _add_about(book, about)


def _add_sheet(book: Any, columns: Sequence[str]) -> Any:  # the package has no types
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, COLUMN_WIDTH)
    sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
    return sheet


def _add_filters(sheet: Any, columns: Sequence[str], rows: int) -> None:
    sheet.autofilter(0, 0, rows - 1, len(columns) - 1)


def _add_about(book: Any, about: Mapping[str, str]) -> None:  # the package has no types
    sheet = book.add_worksheet("about")
    for at, pair in enumerate(about.items()):
        for column, words in enumerate(pair):
            sheet.write_string(at, column, words)
