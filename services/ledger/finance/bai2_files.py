"""Read a bank's statement in the BAI2 format (Cash Management Balance Reporting, version 2).

Strict: every control total and every count of records in the file must be right, or nothing of it
is read. The lines are the records 16 (transaction details); 03 names the account, 02 the day.
A type code from 100 to 399 is a credit, from 400 to 699 a debit; 700 and up are loans and
information, which move nothing on the account, and 890 (no amount) is text.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from libs.common.contracts.errors import PaydownError
from libs.common.contracts.money import CURRENCY
from services.ledger.domain.bank_statement import BankLine

WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,15}")
CREDITS, DEBITS, OTHERS = range(100, 400), range(400, 700), range(700, 1_000)
#: Fields after the funds type, by funds type: how the amount is spread over days.
AVAILABILITY_FIELDS: Final = {"": 0, "0": 0, "1": 0, "2": 0, "Z": 0, "S": 3, "V": 2}
#: Group status: 1 update, 4 test only. Deletions and corrections change another file.
GROUP_STATUSES: Final = frozenset({"1"})


class Bai2Unreadable(PaydownError):
    """The file breaks the format; the text says at which line and why."""

    code = "bank.unreadable"


@dataclass
class Record:
    """A record with its continuations: its code, its fields, and the lines it stands on.

    `closed`: a slash ends its last field. Only the text of a transaction has none, and goes on.
    """

    code: str
    fields: list[str]
    line: int
    closed: bool
    lines: int = 1

    def extend(self, rest: str, closed: bool) -> None:
        """Take in a continuation."""
        if self.code == "16" and not self.closed:
            self.fields[-1] += f" {rest}"
        else:
            self.fields += rest.split(",")
        self.closed = closed
        self.lines += 1

    def at(self, position: int) -> str:
        """A field; "" if it is not there."""
        return self.fields[position] if position < len(self.fields) else ""

    def fail(self, why: str) -> Bai2Unreadable:
        """The error about this record."""
        return Bai2Unreadable(f"Line {self.line} (record {self.code}): {why}.")

    def number(self, position: int) -> int:
        """A field as a whole number; an empty one is 0."""
        text = self.at(position) or "0"
        if not WHOLE_NUMBER.fullmatch(text):
            raise self.fail(f"{text!r} is no whole number")
        return int(text)


@dataclass
class Section:
    """What an open file, group or account has so far."""

    record: Record
    cents: int = 0
    children: int = 0
    lines: int = 0
    currency: str = CURRENCY
    day: date | None = None


@dataclass
class Statement:
    """What was read: the booked lines, and the numbers of the accounts that have any."""

    lines: list[BankLine] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)


def read_bai2(text: str) -> Statement:
    """The transactions of a BAI2 file.

    Raises:
        Bai2Unreadable: a record is missing, misplaced or malformed, or a control is wrong.
    """
    return _Reader().read(list(_records(text)))


def _records(text: str) -> Iterator[Record]:
    """The records of the lines; a line 88 continues the record before it."""
    current: Record | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        if not line:
            continue
        code, _, rest = line.rstrip("/").partition(",")
        if not re.fullmatch(r"\d\d", code):
            raise Bai2Unreadable(f"Line {number}: no record begins with {code[:8]!r}.")
        closed = line.endswith("/")
        if code == "88" and current is not None:
            current.extend(rest, closed)
            continue
        if current is not None:
            yield current
        current = Record(code, rest.split(","), number, closed)
    if current is not None:
        yield current


class _Reader:
    """Walks through the records and checks every total at its trailer."""

    def __init__(self) -> None:
        self.found = Statement()
        self.file: Section | None = None
        self.group: Section | None = None
        self.account: Section | None = None
        self.ended = False

    def read(self, records: list[Record]) -> Statement:
        """All of it."""
        handlers: dict[str, Callable[[Record], None]] = {
            "01": self._file_begins,
            "02": self._group_begins,
            "03": self._account_begins,
            "16": self._transaction,
            "49": self._account_ends,
            "98": self._group_ends,
            "99": self._file_ends,
        }
        for record in records:
            handle = handlers.get(record.code)
            if handle is None:
                raise record.fail("there is no such record in BAI2")
            if self.ended:
                raise record.fail("it stands behind the end of the file")
            for section in (self.file, self.group, self.account):
                if section is not None:
                    section.lines += record.lines
            handle(record)
        if not self.ended:
            raise Bai2Unreadable("The file is cut short: its last record (99) is missing.")
        return self.found

    def _file_begins(self, record: Record) -> None:
        _must(record, self.file is None, "a second file begins")
        _must(record, record.number(7) == 2, "it is not version 2 of BAI")
        self.file = Section(record, lines=record.lines)

    def _group_begins(self, record: Record) -> None:
        _must(record, self.file is not None and self.group is None, "it is out of place")
        status = record.at(2)
        _must(record, status in GROUP_STATUSES, f"group status {status!r} is no update of a day")
        self.group = Section(
            record,
            lines=record.lines,
            currency=record.at(5) or CURRENCY,
            day=_day(record, record.at(3)),
        )

    def _account_begins(self, record: Record) -> None:
        _must(record, self.group is not None and self.account is None, "it is out of place")
        assert self.group is not None
        _must(record, bool(record.at(0)), "it names no account")
        currency = record.at(1) or self.group.currency
        _must(record, currency == CURRENCY, f"it is in {currency}, not in US dollars")
        self.account = Section(record, lines=record.lines, cents=_summaries(record))

    def _transaction(self, record: Record) -> None:
        _must(record, self.account is not None, "it belongs to no account")
        assert self.account is not None
        assert self.group is not None
        type_code, cents = record.number(0), record.number(1)
        _must(record, cents >= 0, "an amount below zero has no side")
        self.account.cents += cents
        known = any(type_code in codes for codes in (CREDITS, DEBITS, OTHERS))
        _must(record, known, f"there is no type code {record.at(0)!r}")
        if type_code in OTHERS:
            return
        after = 3 + _availability(record, 2)
        texts = (*record.fields[after : after + 2], ",".join(record.fields[after + 2 :]))
        words = " ".join(part.strip() for part in texts if part.strip())
        assert self.group.day is not None
        sign = 1 if type_code in CREDITS else -1
        self.found.lines.append(BankLine(self.group.day, sign * cents, words))
        self.found.accounts.add(self.account.record.at(0))

    def _account_ends(self, record: Record) -> None:
        _must(record, self.account is not None, "no account has begun")
        assert self.account is not None
        assert self.group is not None
        _control(record, self.account.cents, record.number(0), "the total of the account")
        _control(record, self.account.lines, record.number(1), "the lines of the account")
        self.group.cents += self.account.cents
        self.group.children += 1
        self.account = None

    def _group_ends(self, record: Record) -> None:
        _must(record, self.group is not None and self.account is None, "it is out of place")
        assert self.file is not None
        assert self.group is not None
        _control(record, self.group.cents, record.number(0), "the total of the group")
        _control(record, self.group.children, record.number(1), "the accounts of the group")
        _control(record, self.group.lines, record.number(2), "the lines of the group")
        self.file.cents += self.group.cents
        self.file.children += 1
        self.group = None

    def _file_ends(self, record: Record) -> None:
        _must(record, self.file is not None and self.group is None, "it is out of place")
        assert self.file is not None
        _control(record, self.file.cents, record.number(0), "the total of the file")
        _control(record, self.file.children, record.number(1), "the groups of the file")
        _control(record, self.file.lines, record.number(2), "the lines of the file")
        self.ended = True


def _must(record: Record, holds: bool, otherwise: str) -> None:
    if not holds:
        raise record.fail(otherwise)


def _control(record: Record, found: int, declared: int, what: str) -> None:
    _must(record, found == declared, f"{what} should be {declared} and is {found}")


def _summaries(record: Record) -> int:
    """The sum of the amounts in an account's record: type, amount, items, funds type, and so on."""
    at, cents = 2, 0
    while at < len(record.fields):
        if record.at(at):
            record.number(at)
            cents += record.number(at + 1)
        at += 4 + _availability(record, at + 3)
    return cents


def _availability(record: Record, at: int) -> int:
    """How many fields after the funds type say when the money is available."""
    funds = record.at(at)
    if funds == "D":
        return 1 + 2 * record.number(at + 1)
    if funds not in AVAILABILITY_FIELDS:
        raise record.fail(f"there is no funds type {funds!r}")
    return AVAILABILITY_FIELDS[funds]


def _day(record: Record, text: str) -> date:
    try:
        return datetime.strptime(text, "%y%m%d").date()  # noqa: DTZ007 - a bank's day has no zone
    except ValueError:
        raise record.fail(f"{text!r} is no day like 261120") from None
