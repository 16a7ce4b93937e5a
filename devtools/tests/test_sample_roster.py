"""The sample rosters have the statistics that a real one has."""

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from devtools import sample_roster

ROWS = 10_000


@pytest.fixture(scope="module")
def data() -> bytes:
    return sample_roster.make(ROWS, seed=5)


@pytest.fixture(scope="module")
def rows(data: bytes) -> list[ET.Element]:
    return ET.fromstring(data).findall("row")


def texts(rows: list[ET.Element], path: str) -> list[str]:
    return [row.findtext(path) or "" for row in rows]


def test_the_same_seed_is_the_same_bytes_and_another_is_not(data: bytes, tmp_path: Path) -> None:
    sample_roster.write(tmp_path / "a.xml", ROWS, 5)
    assert (tmp_path / "a.xml").read_bytes() == data
    assert sample_roster.make(100, seed=6) != sample_roster.make(100, seed=5)


def test_it_is_one_line_without_declaration_and_725_bytes_a_row(data: bytes) -> None:
    assert data.startswith(b"<root><row><Employee><DunkinId>EMP-")
    assert b"\n" not in data
    assert abs(len(data) / ROWS - 725) < 5


def test_people_have_about_five_rows_and_one_branch_each(rows: list[ET.Element]) -> None:
    people = Counter(texts(rows, "Employee/DunkinId"))
    assert abs(len(people) - ROWS / 5) < 40
    assert 11 <= max(people.values()) <= 20
    assert len(
        set(
            zip(texts(rows, "Employee/DunkinId"), texts(rows, "Employee/DunkinBranch"), strict=True)
        )
    ) == len(people)
    assert len(set(texts(rows, "Employee/DunkinBranch"))) == 30


def test_five_accounts_of_one_corporation_pay(rows: list[ET.Element]) -> None:
    assert (
        len(set(texts(rows, "Payor/DunkinId"))) == len(set(texts(rows, "Payor/AccountNumber"))) == 5
    )
    assert set(texts(rows, "Payor/EIN")) == {"32120240"}
    routings = set(texts(rows, "Payor/ABARouting"))
    assert sum(routing.startswith("0") for routing in routings) == 1
    assert all(
        sum(int(d) * (3, 7, 1)[i % 3] for i, d in enumerate(routing)) % 10 == 0
        for routing in routings
    )


def test_loans_are_distinct_text_with_leading_zeros(rows: list[ET.Element]) -> None:
    loans = list(
        zip(texts(rows, "Payee/PlaidId"), texts(rows, "Payee/LoanAccountNumber"), strict=True)
    )
    assert len(set(loans)) == ROWS
    assert {len(number) for _, number in loans} == {8}
    assert 0.09 < sum(number.startswith("0") for _, number in loans) / ROWS < 0.11
    institutions = Counter(name for name, _ in loans)
    assert len(institutions) == 10
    assert 0.09 < institutions["ins_116527"] / ROWS < 0.11


def test_amounts_and_names_are_like_real_ones(rows: list[ET.Element]) -> None:
    cents = [int(text.removeprefix("$").replace(".", "")) for text in texts(rows, "Amount")]
    assert (min(cents), max(cents)) == (100, 1099)
    assert abs(sum(cents) / ROWS - 599.5) < 10
    quoted = sum(
        "'" in first + last
        for first, last in zip(
            texts(rows, "Employee/FirstName"), texts(rows, "Employee/LastName"), strict=True
        )
    )
    assert 0.009 < quoted / ROWS < 0.026


def test_phones_have_the_shape_the_provider_takes(rows: list[ET.Element]) -> None:
    assert all(
        re.fullmatch(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", phone)
        for phone in texts(rows, "Employee/PhoneNumber")
    )
