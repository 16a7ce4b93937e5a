"""A bank's statement against what the ledger says left a source account. Pure.

A bank books a payment alone or a day's payments as one debit, and a day or more after the provider
has sent it. So the lines are matched in three steps, the surest first: by the provider's payment
id in the text, by the sum of a day, by the amount.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

#: A bank books at most so many days after the ledger; weekends and holidays are in it.
DAYS_LATER_MAX: Final = 5
#: And so many days before it: the days of a bank are not those of UTC.
DAYS_EARLIER_MAX: Final = 1


@dataclass(frozen=True, slots=True)
class BankLine:
    """One booked line. A debit is below zero: money left the account."""

    day: date
    amount_cents: int
    text: str


@dataclass(frozen=True, slots=True)
class Movement:
    """What one journal took out of the source account (below zero) or brought back."""

    journal_id: str
    payment_id: str
    provider_payment_id: str
    kind: str
    day: date
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Match:
    """Lines and movements of equal money, and by what they were recognised."""

    by: str
    lines: tuple[BankLine, ...]
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What matches, and what is on one side alone.

    Args:
        may_still_come: movements of the last days of the statement; the bank may book them later.
    """

    matches: tuple[Match, ...]
    only_in_statement: tuple[BankLine, ...]
    only_in_ledger: tuple[Movement, ...]
    may_still_come: tuple[Movement, ...]


def window(lines: Sequence[BankLine]) -> tuple[date, date]:
    """First and last day whose movements a statement may have."""
    days = [line.day for line in lines]
    return (
        min(days) - timedelta(days=DAYS_LATER_MAX),
        max(days) + timedelta(days=DAYS_EARLIER_MAX),
    )


def compare(
    lines: Sequence[BankLine], movements: Sequence[Movement], from_day: date, to_day: date
) -> Comparison:
    """Match a statement of these days with the ledger's movements.

    Movements before `from_day` may be matched, but are not missing: an earlier statement may have
    them.
    """
    open_lines = sorted(lines, key=lambda line: (line.day, line.amount_cents, line.text))
    open_movements = sorted(movements, key=lambda one: (one.day, one.amount_cents, one.journal_id))
    matches: list[Match] = []
    for step in (_by_reference, _by_sum_of_day, _by_amount):
        found = step(open_lines, open_movements)
        matches += found
        matched_lines = {id(line) for match in found for line in match.lines}  # some are equal
        taken = {one.journal_id for match in found for one in match.movements}
        open_lines = [line for line in open_lines if id(line) not in matched_lines]
        open_movements = [one for one in open_movements if one.journal_id not in taken]
    late_from = to_day - timedelta(days=DAYS_LATER_MAX)
    missing = [one for one in open_movements if from_day <= one.day <= to_day]
    return Comparison(
        tuple(matches),
        tuple(open_lines),
        tuple(one for one in missing if one.day <= late_from),
        tuple(one for one in missing if one.day > late_from),
    )


def _by_reference(lines: Iterable[BankLine], movements: Iterable[Movement]) -> list[Match]:
    """The text has the provider's payment id, and the money is the same."""
    by_id: dict[tuple[str, int], Movement] = {}
    for one in movements:
        if one.provider_payment_id:
            by_id.setdefault((one.provider_payment_id, one.amount_cents), one)
    found = []
    for line in lines:
        words = line.text.replace(",", " ").replace(";", " ").split()
        for word in words:
            key = (word, line.amount_cents)
            if key in by_id:
                found.append(Match("reference", (line,), (by_id.pop(key),)))
                break
    return found


def _by_sum_of_day(lines: Iterable[BankLine], movements: Iterable[Movement]) -> list[Match]:
    """One line is everything of one day that is still open, in one direction."""
    of_day: dict[tuple[date, bool], list[Movement]] = defaultdict(list)
    for one in movements:
        of_day[one.day, one.amount_cents < 0].append(one)
    days_of_sum: dict[int, list[tuple[date, bool]]] = defaultdict(list)
    for key, group in sorted(of_day.items()):
        if len(group) > 1:
            days_of_sum[sum(one.amount_cents for one in group)].append(key)
    found = []
    for line in lines:
        days = days_of_sum.get(line.amount_cents, [])
        day = next((key for key in days if _near(line.day, key[0])), None)
        if day is not None:
            days.remove(day)
            found.append(Match("sum of a day", (line,), tuple(of_day[day])))
    return found


def _by_amount(lines: Iterable[BankLine], movements: Iterable[Movement]) -> list[Match]:
    """The same money within the days that a bank may need; the oldest movement first.

    Movements of one amount are interchangeable here: which is whose changes nothing of what is
    left over.
    """
    of_amount: dict[int, deque[Movement]] = defaultdict(deque)
    for one in movements:
        of_amount[one.amount_cents].append(one)
    found = []
    for line in lines:  # both sides are in the order of their days
        candidates = of_amount[line.amount_cents]
        while candidates and (line.day - candidates[0].day).days > DAYS_LATER_MAX:
            candidates.popleft()  # too old for this line and for every later one
        if candidates and _near(line.day, candidates[0].day):
            found.append(Match("amount", (line,), (candidates.popleft(),)))
    return found


def _near(booked: date, moved: date) -> bool:
    return -DAYS_EARLIER_MAX <= (booked - moved).days <= DAYS_LATER_MAX
