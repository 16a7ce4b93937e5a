"""An accounting export as the files that accounting systems read.

Each file has every line of the export, in the same order, and no figure of its own.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from libs.common.contracts.money import CURRENCY, dollars
from services.ledger.domain.accounting import Line, account_name

FORMULA_STARTS: Final = ("=", "+", "-", "@")
MEMOS: Final = {
    "settle": "Student loan payments",
    "reverse": "Returned student loan payments",
    "correction": "Provider differences explained by two people",
}


@dataclass(frozen=True)
class ExportFile:
    """How one kind of file is written. The text has the line ends of its format."""

    media_type: str
    write: Callable[[int, Sequence[Line]], str]


def document(number: int, entry: int) -> str:
    """The number of a document: unique over all exports."""
    return f"PD-{number}-{entry}"


def entries(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines, entry by entry."""
    for _, group in groupby(lines, lambda line: line.entry):
        yield list(group)


def generic_csv(number: int, lines: Sequence[Line]) -> str:
    """RFC 4180 with every field, debit and credit in columns of their own."""
    header = (
        *("export", "document", "posting_date", "document_date", "account", "account_type"),
        *("cost_centre", "debit", "credit", "currency", "batch_id", "kind", "memo"),
    )
    return _csv(
        header,
        (
            [
                str(number),
                document(number, line.entry),
                line.posting_date,
                line.document_date,
                _text_cell(line.gl_account),
                line.gl_type,
                _text_cell(line.cost_centre),
                dollars(line.debit_cents),
                dollars(line.credit_cents),
                CURRENCY,
                line.batch_id,
                line.kind,
                MEMOS[line.kind],
            ]
            for line in lines
        ),
    )


def quickbooks_iif(number: int, lines: Sequence[Line]) -> str:
    """QuickBooks Desktop: tab-separated, a TRNS and its SPL lines that add up to zero."""
    columns = "TRNSTYPE\tDATE\tACCNT\tCLASS\tAMOUNT\tDOCNUM\tMEMO"
    result = [f"!TRNS\t{columns}", f"!SPL\t{columns}", "!ENDTRNS"]
    for entry in entries(lines):
        for at, line in enumerate(entry):
            fields = (
                "SPL" if at else "TRNS",
                "GENERAL JOURNAL",
                _us_date(line.posting_date),
                _plain(line.gl_account),
                _plain(line.cost_centre),
                dollars(line.debit_cents - line.credit_cents),
                document(number, line.entry),
                f"{MEMOS[line.kind]}, batch {line.batch_id}",
            )
            result.append("\t".join(fields))
        result.append("ENDTRNS")
    return "\r\n".join(result) + "\r\n"


def netsuite_csv(number: int, lines: Sequence[Line]) -> str:
    """NetSuite's import of journal entries: lines of one External ID are one journal."""
    header = (
        *("External ID", "Date", "Currency", "Memo", "Account", "Debit", "Credit"),
        *("Department", "Line Memo"),
    )
    return _csv(
        header,
        (
            [
                document(number, line.entry),
                _us_date(line.posting_date),
                CURRENCY,
                MEMOS[line.kind],
                _text_cell(line.gl_account),
                dollars(line.debit_cents) if line.debit_cents else "",
                dollars(line.credit_cents) if line.credit_cents else "",
                _text_cell(line.cost_centre),
                f"{line.document_date} batch {line.batch_id}",
            ]
            for line in lines
        ),
    )


def sap_flat_file(number: int, lines: Sequence[Line]) -> str:
    """Semicolons, a header record H and item records I, as SAP's batch input of documents has them.

    H;document;document type SA;document date;posting date;currency;reference;text
    I;document;item;posting key;G/L account;S debit or H credit;amount;cost centre;text
    Posting keys: 40 debit, 50 credit. Dates are YYYYMMDD. The company code is the import's.
    """
    result = []
    for entry in entries(lines):
        first = entry[0]
        name = document(number, first.entry)
        dates = (first.document_date.replace("-", ""), first.posting_date.replace("-", ""))
        result.append(";".join(("H", name, "SA", *dates, CURRENCY, name, MEMOS[first.kind])))
        for item, line in enumerate(entry, start=1):
            key, side = ("40", "S") if line.debit_cents else ("50", "H")
            amount = dollars(line.debit_cents or line.credit_cents)
            fields = (
                *("I", name, str(item), key, _plain(line.gl_account), side, amount),
                *(_plain(line.cost_centre), f"batch {line.batch_id}"),
            )
            result.append(";".join(fields))
    return "\r\n".join(result) + "\r\n"


def beancount_text(number: int, lines: Sequence[Line]) -> str:
    """Plain-text accounting that `beancount` reads, alone or included in a larger file."""
    result = [f"; paydown accounting export {number}", 'plugin "beancount.plugins.auto_accounts"']
    for entry in entries(lines):
        first = entry[0]
        result += [
            "",
            f'{first.posting_date} * "paydown" "{MEMOS[first.kind]}"',
            f'  document-number: "{document(number, first.entry)}"',
            f"  document-date: {first.document_date}",
            f'  batch: "{first.batch_id}"',
        ]
        for line in entry:
            amount = dollars(line.debit_cents - line.credit_cents)
            name = account_name(line.gl_type, line.gl_account)
            result.append(f"  {name}  {amount} {CURRENCY}")
            if line.cost_centre:
                result.append(f'    cost-centre: "{_quoted(line.cost_centre)}"')
    return "\n".join(result) + "\n"


#: The files of an export, by name; the first is the one that every system can be taught to read.
FILES: Final[dict[str, ExportFile]] = {
    "journals.csv": ExportFile("text/csv; charset=utf-8", generic_csv),
    "quickbooks.iif": ExportFile("text/plain; charset=utf-8", quickbooks_iif),
    "netsuite.csv": ExportFile("text/csv; charset=utf-8", netsuite_csv),
    "sap.txt": ExportFile("text/plain; charset=utf-8", sap_flat_file),
    "journals.beancount": ExportFile("text/plain; charset=utf-8", beancount_text),
}


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _plain(text: str) -> str:
    """A text without the separators of the flat files. A branch's id comes from the roster."""
    return "".join(" " if char in ";\t\r\n" or not char.isprintable() else char for char in text)


def _text_cell(text: str) -> str:
    """A text that no spreadsheet reads as a formula."""
    plain = " ".join(text.split())
    return f"'{plain}" if plain.startswith(FORMULA_STARTS) else plain


def _quoted(text: str) -> str:
    """A text within beancount's quotes."""
    return _plain(text).replace("\\", "\\\\").replace('"', '\\"')


def _us_date(day: str) -> str:
    return date.fromisoformat(day).strftime("%m/%d/%Y")
