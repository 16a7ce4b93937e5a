"""The yearly limit up to which an employer may pay student loans free of tax (26 U.S.C. 127).

It is $5,250 for each employee and calendar year up to 2026; later years may have another one,
which is a setting. A payment counts in the year in which the last day of its pay period lies, if it
is approved and neither failed, cancelled nor reversed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.common.contracts.money import display

YEAR_LIMIT: Final = "W_YEAR_LIMIT"
YEAR_LIMIT_NEAR: Final = "W_YEAR_LIMIT_NEAR"
FIELD: Final = "Amount"
ROW_SENTENCE: Final = (
    "With this roster more is paid for this employee in the calendar year than is free of tax. "
    "What is over the limit is the employee's wages: payroll must know of it, or take the row out."
)
NEAR_SENTENCE: Final = (
    "With this roster nearly as much is paid for this employee in the calendar year as is free of "
    "tax."
)

#: (file row, line, field, value), as warnings about rows are stored.
Place = tuple[int, int, str, str]


def limit_cents(limits: Mapping[int, int], year: int) -> int:
    """The limit of a year in cents: that of the newest named year that is not later.

    A year before all that are named has the limit of the first one.
    """
    named = [one for one in limits if one <= year]
    return limits[max(named) if named else min(limits)]


@dataclass(frozen=True)
class YearLimits:
    """The limits by year, from which share on a person is near it, and whether it blocks."""

    cents: Mapping[int, int] = field(default_factory=lambda: {2026: 5_250_00})
    near_percent: int = 90
    blocks: bool = False

    def near_cents(self, year: int) -> int:
        """What a person may have before a warning says that the limit is near."""
        return limit_cents(self.cents, year) * self.near_percent // 100


@dataclass(frozen=True)
class YearRow:
    """A payable row, with what would be paid for its person in the year, this batch included."""

    file_row: int
    line: int
    person_key: str
    year_cents: int


def rows_over(rows: Iterable[YearRow], limit: int) -> list[YearRow]:
    """The rows of people for whom more than the limit would be paid."""
    return [row for row in rows if row.year_cents > limit]


def batch_warning(over: Sequence[YearRow], year: int, limit: int) -> list[tuple[str, str]]:
    """(value, sentence) about all of them together; none if nobody passes the limit."""
    if not over:
        return []
    beyond = sum({row.person_key: row.year_cents - limit for row in over}.values())
    people = len({row.person_key for row in over})
    who = "1 employee" if people == 1 else f"{people:,} employees"
    which = "1 row" if len(over) == 1 else f"{len(over):,} rows"
    sentence = (
        f"{who} would be paid more in {year} than {display(limit)}, which is free of tax: "
        f"{display(beyond)} over it in all, in {which} of this roster."
    )
    return [(f"{people:,}: {display(beyond)}", sentence)]


def row_places(rows: Iterable[YearRow], year: int, limit: int) -> list[Place]:
    """Where the warnings about rows stand, each with the sum of the year and the limit."""
    return [
        (
            row.file_row,
            row.line,
            FIELD,
            f"{display(row.year_cents)} of {display(limit)} in {year}",
        )
        for row in rows
    ]


def blocked_sentence(over: Sequence[YearRow], year: int, limit: int) -> str:
    """Why a batch cannot be approved while the limit blocks."""
    ((_, sentence),) = batch_warning(over, year, limit)
    return f"{sentence} Payments over the limit are switched off."
