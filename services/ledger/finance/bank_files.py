"""Read a bank's statement: CAMT.053, BAI2 or CSV. Only booked lines in US dollars count."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lxml import etree

from libs.common.contracts.errors import PaydownError
from libs.common.contracts.money import CURRENCY
from services.ledger.domain.bank_statement import BankLine
from services.ledger.finance.bai2_files import Bai2Unreadable, read_bai2

LINES_MAX: Final = 50_000
AMOUNT: Final = re.compile(r"[+-]?\d{1,12}(\.\d{1,2})?")
#: Names of columns that banks use, in lower case.
DATE_COLUMNS: Final = ("date", "posting date", "booking date", "posted date", "transaction date")
TEXT_COLUMNS: Final = ("description", "reference", "memo", "details", "payee")


class StatementUnreadable(PaydownError):
    """The file is no statement that can be read; the text says where and why."""

    code = "bank.unreadable"


@dataclass(frozen=True)
class BankFile:
    """The booked lines, and the last four characters of the account; "" if the file has none."""

    account_last4: str
    lines: tuple[BankLine, ...]


def read_bank_file(text: str) -> BankFile:
    """The lines of a statement: XML is CAMT.053, a file that begins with 01 BAI2, the rest CSV.

    Raises:
        StatementUnreadable
    """
    plain = text.lstrip("\ufeff \t\r\n")
    if plain.startswith("<"):
        found = _read_camt(plain)
    elif plain.startswith("01,"):
        found = _read_bai2(plain)
    else:
        found = BankFile("", tuple(_read_csv(plain)))
    if not found.lines:
        raise StatementUnreadable("The file has no booked line.")
    if len(found.lines) > LINES_MAX:
        raise StatementUnreadable(f"The file has more than {LINES_MAX} lines.")
    return found


def _read_camt(text: str) -> BankFile:
    # No entity is resolved and nothing is fetched: a statement comes from outside.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise StatementUnreadable(f"The file is no XML: {error.msg}.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise StatementUnreadable("A statement has no document type declaration.")
    statements = _children(root, "BkToCstmrStmt")
    if not statements:
        raise StatementUnreadable("The file is XML, but no CAMT.053 statement.")
    lines: list[BankLine] = []
    accounts: set[str] = set()
    for statement in root.iter("{*}Stmt"):
        for path in ("Acct/Id/IBAN", "Acct/Id/Othr/Id"):
            if number := _text(statement, path):
                accounts.add(number[-4:])
        for entry in _children(statement, "Ntry"):
            lines += _entry_lines(entry)
    return _one_account(accounts, lines)


def _read_bai2(text: str) -> BankFile:
    try:
        found = read_bai2(text)
    except Bai2Unreadable as error:
        raise StatementUnreadable(str(error)) from None
    return _one_account({number[-4:] for number in found.accounts}, found.lines)


def _one_account(last4: set[str], lines: list[BankLine]) -> BankFile:
    if len(last4) > 1:
        raise StatementUnreadable("The file has statements of several accounts. Upload one each.")
    return BankFile(next(iter(last4), ""), tuple(lines))


def _entry_lines(entry: Any) -> Iterator[BankLine]:  # Any: lxml's element
    """The lines of an entry: its single transactions where they make up the whole, else itself."""
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status not in ("BOOK", ""):
        return
    sign = {"DBIT": -1, "CRDT": 1}.get(_text(entry, "CdtDbtInd"))
    day = _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm")[:10]
    amounts = _children(entry, "Amt")
    if sign is None or not day or not amounts:
        raise StatementUnreadable("An entry has no amount, no direction or no booking date.")
    total = sign * _cents(_own_text(amounts[0]), amounts[0].get("Ccy", ""))
    booked = _date(day)
    details = list(entry.iterfind("{*}NtryDtls/{*}TxDtls"))
    parts = []
    for detail in details:
        own = _children(detail, "Amt") or list(detail.iterfind("{*}AmtDtls/{*}TxAmt/{*}Amt"))
        if own:
            cents = sign * _cents(_own_text(own[0]), own[0].get("Ccy", ""))
            parts.append(BankLine(booked, cents, _words(detail)))
    if len(parts) == len(details) > 0 and sum(part.amount_cents for part in parts) == total:
        yield from parts
    else:
        yield BankLine(booked, total, _words(entry))


def _read_csv(text: str) -> Iterator[BankLine]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        day_at = _column(names, DATE_COLUMNS)
        if day_at is None or not {"amount", "debit"} & set(names):
            raise StatementUnreadable(
                "The first line must name the columns: date, and amount or debit and credit."
            )
        for values in reader:
            if any(value.strip() for value in values):
                row = dict(zip(names, values, strict=False))
                yield BankLine(_date(row[names[day_at]].strip()), _csv_cents(row), _csv_text(row))
    except (csv.Error, KeyError) as error:
        raise StatementUnreadable(f"Line {reader.line_num} cannot be read: {error}.") from None


def _csv_cents(row: Mapping[str, str]) -> int:
    """An amount with its sign, or a debit and a credit column of positive amounts."""
    currency = row.get("currency", "").strip() or CURRENCY
    if amount := row.get("amount", "").strip():
        return _cents(amount, currency)
    debit, credit = (row.get(name, "").strip().lstrip("-") for name in ("debit", "credit"))
    if not debit and not credit:
        raise csv.Error("it has no amount")
    return _cents(credit or "0", currency) - _cents(debit or "0", currency)


def _csv_text(row: Mapping[str, str]) -> str:
    return " ".join(filter(None, (row.get(name, "").strip() for name in TEXT_COLUMNS)))


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _cents(text: str, currency: str) -> int:
    plain = text.strip().replace(",", "").replace("$", "")
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    if currency != CURRENCY:
        raise StatementUnreadable(
            f"An amount is in {currency or 'no currency'}, not in US dollars."
        )
    if not AMOUNT.fullmatch(plain):
        raise StatementUnreadable(f"{text!r} is no amount with at most two decimal places.")
    try:
        return int(Decimal(plain) * 100)
    except InvalidOperation:
        raise StatementUnreadable(f"{text!r} is no amount.") from None


def _date(text: str) -> date:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a bank's day has no zone
        except ValueError:
            continue
    raise StatementUnreadable(f"{text!r} is no day like 2026-11-20 or 11/20/2026.")


def _children(element: Any, name: str) -> list[Any]:  # Any: lxml's elements
    return list(element.iterfind(f"{{*}}{name}"))


def _text(element: Any, path: str) -> str:
    found = element.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    return "" if found is None else _own_text(found)


def _own_text(element: Any) -> str:
    return (element.text or "").strip()


def _words(element: Any) -> str:
    """References and remittance texts of an entry or of one of its transactions."""
    names = ("EndToEndId", "InstrId", "TxId", "Ustrd", "AddtlNtryInf", "AddtlTxInf")
    found = (_own_text(part) for name in names for part in element.iter(f"{{*}}{name}"))
    return " ".join(filter(None, found))
