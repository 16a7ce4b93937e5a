"""Warnings about what is unusual in a roster, compared with the one approved before it.

Each is one code, which an approver must acknowledge. A wrong file shows in one of them: amounts
with a misplaced decimal point, the employees of another company, a branch that was left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from libs.common.contracts.money import display
from services.ingest.domain.year_limit import YearLimits

AMOUNT_JUMP: Final = "W_AMOUNT_JUMP"
TOTAL_MOVED: Final = "W_TOTAL_MOVED"
MANY_NEW_PEOPLE: Final = "W_MANY_NEW_PEOPLE"
MANY_GONE_PEOPLE: Final = "W_MANY_GONE_PEOPLE"
SOURCE_NEW: Final = "W_SOURCE_NEW"
SOURCE_GREW: Final = "W_SOURCE_GREW"
BRANCH_GONE: Final = "W_BRANCH_GONE"
#: The codes about the batch as a whole; `AMOUNT_JUMP` is about rows.
BATCH_CODES: Final = (
    TOTAL_MOVED,
    MANY_NEW_PEOPLE,
    MANY_GONE_PEOPLE,
    SOURCE_NEW,
    SOURCE_GREW,
    BRANCH_GONE,
)
#: Smaller differences are no warning, whatever their share: a roster of three people changes.
PEOPLE_MIN: Final = 5
CENTS_MIN: Final = 100_00


@dataclass(frozen=True)
class Thresholds:
    """How large a change must be to become a warning; README.md explains the settings."""

    amount_times: int = 10
    total_percent: int = 25
    people_percent: int = 20
    source_times: int = 2
    year: YearLimits = field(default_factory=YearLimits)


@dataclass(frozen=True)
class RosterFigures:
    """The figures of one roster, without the rows that are refused. Money is in cents."""

    people: int
    cents: int
    sources: Mapping[str, int] = field(default_factory=dict)  # account -> cents
    branches: Mapping[str, int] = field(default_factory=dict)  # branch -> rows


@dataclass(frozen=True)
class RosterComparison:
    """The figures of a roster and of the one before, and how many people are in one of them only.

    `names` gives the id and the last digits of each source account.
    """

    before: RosterFigures
    after: RosterFigures
    new_people: int
    gone_people: int
    names: Mapping[str, str] = field(default_factory=dict)


def batch_warnings(found: RosterComparison, limits: Thresholds) -> Iterator[tuple[str, str, str]]:
    """What is unusual about the whole roster, as (code, value, sentence)."""
    yield from _total(found, limits)
    yield from _people(found, limits)
    yield from _sources(found, limits)
    yield from _branches(found)


def jump_sentence(times: int) -> str:
    """What an approver must know of rows whose amount is many times what it was."""
    return (
        f"The amount is at least {times} times what this person was paid for in the roster "
        "approved before. The decimal point may be misplaced."
    )


def jump_value(before_cents: int, after_cents: int) -> str:
    """Both amounts of such a row."""
    return f"{display(before_cents)} -> {display(after_cents)}"


def _total(found: RosterComparison, limits: Thresholds) -> Iterator[tuple[str, str, str]]:
    before, after = found.before.cents, found.after.cents
    moved = after - before
    if abs(moved) < CENTS_MIN or abs(moved) * 100 < limits.total_percent * before:
        return
    percent = _percent(moved, before)
    direction = "more" if moved > 0 else "less"
    yield (
        TOTAL_MOVED,
        percent,
        (
            f"The roster asks for {display(after)}, which is {display(abs(moved))} ({percent}) "
            f"{direction} than the roster approved before, {display(before)}."
        ),
    )


def _people(found: RosterComparison, limits: Thresholds) -> Iterator[tuple[str, str, str]]:
    new, gone = found.new_people, found.gone_people
    if new >= PEOPLE_MIN and new * 100 >= limits.people_percent * found.after.people:
        yield (
            MANY_NEW_PEOPLE,
            f"{new:,}/{found.after.people:,}",
            f"{new:,} of {found.after.people:,} people were not in the roster approved before.",
        )
    if gone >= PEOPLE_MIN and gone * 100 >= limits.people_percent * found.before.people:
        yield (
            MANY_GONE_PEOPLE,
            f"{gone:,}/{found.before.people:,}",
            (
                f"{gone:,} of {found.before.people:,} people of the roster approved before are not "
                "in this one."
            ),
        )


def _sources(found: RosterComparison, limits: Thresholds) -> Iterator[tuple[str, str, str]]:
    new = "The roster approved before did not use this source account."
    grew = (
        f"This source account pays at least {limits.source_times} times what it paid in the "
        "roster approved before."
    )
    for account, after in found.after.sources.items():
        before, name = found.before.sources.get(account), found.names.get(account, "")
        if before is None:
            yield SOURCE_NEW, f"{name}: {display(after)}", new
        elif after - before >= CENTS_MIN and after >= limits.source_times * before:
            yield SOURCE_GREW, f"{name}: {jump_value(before, after)}", grew


def _branches(found: RosterComparison) -> Iterator[tuple[str, str, str]]:
    sentence = "This branch of the roster approved before is not in this one."
    for branch, rows in found.before.branches.items():
        if branch not in found.after.branches:
            yield BRANCH_GONE, f"{branch}: {_rows(rows)}", sentence


def _percent(part: int, whole: int) -> str:
    """A signed share in whole per cent; of nothing there is none."""
    return "new" if whole == 0 else f"{round(part * 100 / whole):+d} %"


def _rows(number: int) -> str:
    return f"{number:,} row" + ("" if number == 1 else "s")
