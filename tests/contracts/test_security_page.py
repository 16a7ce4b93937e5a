"""docs/security.md names each requirement of ASVS 5.0 level 2 once, and tests that exist."""

import re
from collections.abc import Iterator
from functools import cache

import pytest

from devtools import paths

PAGE = paths.ROOT / "docs" / "security.md"
STATES = ("met", "not met", "not applicable")
#: How many requirements of level 1 and 2 each section has; those of level 3 come after them.
LEVEL_2 = {
    "1.1": 2,
    "1.2": 9,
    "1.3": 11,
    "1.4": 3,
    "1.5": 2,
    "2.1": 3,
    "2.2": 3,
    "2.3": 4,
    "2.4": 1,
    "3.2": 2,
    "3.3": 4,
    "3.4": 6,
    "3.5": 5,
    "3.7": 2,
    "4.1": 3,
    "4.2": 1,
    "4.3": 2,
    "4.4": 4,
    "5.1": 1,
    "5.2": 3,
    "5.3": 2,
    "5.4": 3,
    "6.1": 3,
    "6.2": 12,
    "6.3": 4,
    "6.4": 4,
    "6.5": 5,
    "6.6": 3,
    "6.8": 4,
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 2,
    "7.6": 2,
    "8.1": 2,
    "8.2": 3,
    "8.3": 1,
    "8.4": 1,
    "9.1": 3,
    "9.2": 4,
    "10.1": 2,
    "10.2": 2,
    "10.3": 4,
    "10.4": 11,
    "10.5": 5,
    "10.6": 2,
    "10.7": 3,
    "11.1": 2,
    "11.2": 3,
    "11.3": 3,
    "11.4": 4,
    "11.5": 1,
    "11.6": 1,
    "12.1": 3,
    "12.2": 2,
    "12.3": 4,
    "13.1": 1,
    "13.2": 5,
    "13.3": 2,
    "13.4": 5,
    "14.1": 2,
    "14.2": 4,
    "14.3": 3,
    "15.1": 3,
    "15.2": 3,
    "15.3": 7,
    "16.1": 1,
    "16.2": 5,
    "16.3": 4,
    "16.4": 3,
    "16.5": 3,
    "17.1": 1,
    "17.2": 4,
    "17.3": 2,
}


def rows() -> list[list[str]]:
    """The cells of each line of the table."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if re.match(r"\| \d+\.\d+\.\d+", line)
    ]


def numbers(cell: str) -> Iterator[tuple[int, ...]]:
    """The requirements that a first cell names: `1.2.3`, `1.2.3, 1.2.5` or `1.2.3-1.4.2`."""
    for part in cell.split(", "):
        first, _, last = part.partition("-")
        begin, end = as_number(first), as_number(last or first)
        yield from (one for one in expected() if begin <= one <= end)


def as_number(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@cache
def expected() -> tuple[tuple[int, ...], ...]:
    return tuple(
        (*as_number(section), last)
        for section, count in LEVEL_2.items()
        for last in range(1, count + 1)
    )


@cache
def existing_tests() -> frozenset[str]:
    return frozenset(
        name
        for folder in ("libs", "services", "simulator", "ops", "devtools", "cli", "tests")
        for file in (paths.ROOT / folder).rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))
    )


@cache
def dashboard_tests() -> frozenset[str]:
    return frozenset(
        name
        for file in (paths.ROOT / "dashboard" / "tests").glob("*.test.ts*")
        for name in re.findall(r'test\("([^"]+)"', file.read_text(encoding="utf-8"))
    )


def test_each_requirement_is_named_once() -> None:
    named = [one for row in rows() for one in numbers(row[0])]
    assert len(named) == len(set(named))
    assert sorted(named) == sorted(expected())
    assert len(named) == 253


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_what_is_met_names_a_test_and_what_is_not_says_why(row: list[str]) -> None:
    _, words, state, why = row
    assert words
    assert state in STATES
    found = re.findall(r"`(test_\w+)`", why)
    assert set(found) <= existing_tests()
    of_dashboard = re.findall(r"dashboard test `([^`]+)`", why)
    assert set(of_dashboard) <= dashboard_tests()
    assert (found or of_dashboard) if state == "met" else why
