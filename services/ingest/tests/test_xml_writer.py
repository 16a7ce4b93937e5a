"""A row that was read and is written reads the same again; comments are well-formed."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from services.ingest.roster.row_link import as_comment, read_link, write_comment
from services.ingest.roster.row_rules import FIELDS
from services.ingest.roster.xml_writer import write_row, written_texts
from services.ingest.tests.factories import GOOD, read, read_one, roster, row

ROOT = "0f6f7a4e-6c0a-5f0e-9c55-8d4f0f2a1b3c"
#: What a file can contain.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=("Cs", "Cc")),
    max_size=20,
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Employee/LastName": "&lt;b&gt; &amp;amp; O'Brien", "Payor/DBA": None},
        {"Employee/DOB": "1988-03-10", "Amount": " $1.00 "},
        {"Payee/LoanAccountNumber": "0123 4567", "Employee/FirstName": "a&#13;b"},
        {"Payor/EIN": "32120240", "Payor/Address/State": "ia", "Payor/AccountNumber": ""},
    ],
)
def test_a_row_that_is_written_reads_the_same(changes: Mapping[str, str | None]) -> None:
    once = read_one(changes)
    comment = write_comment(7, ROOT, ["Amount: not a number --> at all--"])
    (again,), _ = read(roster(write_row(once, [comment])))
    assert (again.values, again.written) == (once.values, once.written)
    assert [issue[2:] for issue in again.issues] == [issue[2:] for issue in once.issues]
    assert (once.mends, again.mends) == ("", ROOT)


def test_elements_that_are_missing_are_written_empty_so_that_they_can_be_filled_in() -> None:
    text = write_row(read_one({"Employee/DOB": None, "Payor/DBA": None}))
    assert "<DOB></DOB>" in text
    assert "DBA" not in text


def test_a_comment_counts_for_the_next_row_alone_and_only_between_rows() -> None:
    link = write_comment(1, ROOT, [])
    (first, second), _ = read(roster(link + row(), row()))
    assert (first.mends, second.mends) == (ROOT, "")
    (inside,), _ = read(roster(row().replace("<row>", f"<row>{link}")))
    assert inside.mends == ""
    (other,), _ = read(roster(f"{link}<!-- note -->{row()}"))
    assert other.mends == ROOT


@given(TEXT)
def test_any_text_makes_a_well_formed_comment(text: str) -> None:
    comment = as_comment(text)
    found = etree.fromstring(f"<a>{comment}</a>")[0].text or ""
    assert found.strip() == comment[5:-4].strip()
    assert "--" not in comment[4:-3]


@given(st.lists(TEXT, min_size=len(FIELDS), max_size=len(FIELDS)))
def test_texts_are_written_as_they_are(texts: list[str]) -> None:
    known = read_one({})
    changed = known._replace(written=dict(zip(FIELDS, texts, strict=True)))
    found = etree.fromstring(write_row(changed))
    by_path = {path: found.findtext(path) or "" for path in FIELDS}
    assert list(by_path.values()) == texts == written_texts(changed)


def test_only_a_comment_with_number_and_id_is_a_link() -> None:
    assert read_link(f" row 12 ({ROOT}): why") == ROOT
    for text in ("row 12", f"{ROOT}", f"row 12 ({ROOT[:-1]}): x", "row x ()", ""):
        assert read_link(text) == ""
    assert set(GOOD) == set(FIELDS)
