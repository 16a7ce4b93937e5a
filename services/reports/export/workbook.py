"""A table as an Excel workbook.

Columns whose name ends in `amount` are numbers with two places, so that SUM adds them. Everything
else that is text stays text, above all ids and the last digits of accounts.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
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
    *,
    with_totals: bool = False,
    created: datetime | None = None,
) -> None:
    """Write a table row by row, and what it is about in the last sheet.

    Text never becomes a formula or a link, and only amounts become numbers. The header stays in
    view and has filters.

    Args:
        with_totals: below each sheet stands the sum of every number in it, as a formula that
            follows the filters, with its value.
        created: when the file was made, in UTC; with it, the same table gives the same bytes.
    """
    import xlsxwriter  # noqa: PLC0415 - a workbook is rare, and a start must not wait for it

    with xlsxwriter.Workbook(out, OPTIONS) as book:
        if created is not None:
            book.set_properties({"created": created})
        amount = book.add_format({"num_format": AMOUNT_FORMAT})
        amounts = frozenset(at for at, name in enumerate(columns) if name.endswith("amount"))
        totals = _Totals(book, amounts) if with_totals else None
        rows_max = SHEET_ROWS_MAX - with_totals
        sheet, at = _add_sheet(book, columns), 1
        for line in lines:
            if at == rows_max:
                _end_sheet(sheet, columns, at, totals)
                sheet, at = _add_sheet(book, columns), 1
            if totals is not None:
                totals.add(line)
            for column, value in enumerate(line):
                if isinstance(value, int):
                    sheet.write_number(at, column, value)
                elif column in amounts:
                    # 16 digits are exact, which is more than any total of cents here has.
                    sheet.write_number(at, column, Decimal(value), amount)
                elif value:
                    sheet.write_string(at, column, value)
            at += 1
        _end_sheet(sheet, columns, at, totals)
        _add_about(book, about)


def _add_sheet(book: Any, columns: Sequence[str]) -> Any:  # the package has no types
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, COLUMN_WIDTH)
    sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
    return sheet


class _Totals:
    """The sums of a sheet's numbers, written below it."""

    def __init__(self, book: Any, amounts: frozenset[int]) -> None:
        self.amounts = amounts
        self.bold = book.add_format({"bold": True})
        self.bold_amount = book.add_format({"bold": True, "num_format": AMOUNT_FORMAT})
        self.sums: dict[int, Decimal] = {}

    def add(self, line: Sequence[Cell]) -> None:
        """Count a line of the sheet."""
        for column, value in enumerate(line):
            if isinstance(value, int) or column in self.amounts:
                self.sums[column] = self.sums.get(column, Decimal(0)) + Decimal(value)

    def write(self, sheet: Any, rows: int) -> None:
        """Write the sums into the row below the table, and begin again at zero."""
        sheet.write_string(rows, 0, "total", self.bold)
        for column, value in self.sums.items():
            letter = _column_letters(column)
            # 109: the sum of what a filter shows; the value is that of all lines
            formula = f"=SUBTOTAL(109,{letter}2:{letter}{rows})"
            form = self.bold_amount if column in self.amounts else self.bold
            # as a number: programs that do not calculate when they open would have text
            sheet.write_formula(rows, column, formula, form, value)
        self.sums = {}


def _column_letters(column: int) -> str:
    """The name of a column, counted from 0: 0 is A, 27 is AB."""
    first, last = divmod(column, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)


def _end_sheet(sheet: Any, columns: Sequence[str], rows: int, totals: _Totals | None) -> None:
    """Give the table its filters, and its totals if it has some."""
    sheet.autofilter(0, 0, rows - 1, len(columns) - 1)
    if totals is not None and rows > 1:
        totals.write(sheet, rows)


def _add_about(book: Any, about: Mapping[str, str]) -> None:  # the package has no types
    sheet = book.add_worksheet("about")
    for at, pair in enumerate(about.items()):
        for column, words in enumerate(pair):
            sheet.write_string(at, column, words)
