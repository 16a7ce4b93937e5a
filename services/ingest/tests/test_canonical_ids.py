"""The canonical forms of employee ids and loan numbers."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.ingest.roster.canonical_ids import canonical_loan, canonical_person

SPACES = " \t\u00a0\u2002\u2007\u202f\u3000\u2028\u0085"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u202e\u115f\u3164\uffa0\u034f\x00"
SEPARATORS = " -./_#:\u2010\u2011\u2013\u2014\u2212\u00a0\u00b7\u200b'"
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
plain_ids = st.from_regex(r"EMP-[0-9a-f]{8}(-[0-9a-f]{4}){3}", fullmatch=True)
numbers = st.from_regex(r"[0-9A-Z]{4,20}", fullmatch=True)
ends = st.text(st.sampled_from(SPACES + INVISIBLE), max_size=4)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("EMP-1", "emp-1"),
        ("EMP-1", "EMP-1\u00a0"),
        ("EMP-1", "\u200bEMP-1"),
        ("EMP-1", "\ufeffEMP-1\u2060"),
        ("EMP-1", "ＥＭＰ-１"),
        ("EMP-1", "EM\u00adP-1"),
        ("EMP 1", "EMP\u00a0 \u30001"),
        ("STRASSE", "straße"),
        ("José", "JOSE\u0301"),
        ("ﬁ", "FI"),
        ("\u1fb3", "\u0391\u0399"),  # its case folding needs NFKC again
    ],
)
def test_spellings_of_one_person(written: str, same: str) -> None:
    assert canonical_person(written) == canonical_person(same)


@pytest.mark.parametrize(
    ("written", "other"),
    [("EMP-1", "EMP-01"), ("EMP-1", "EMP1"), ("EMP 1", "EMP1"), ("EMP-1", "EMP-2"), ("O", "0")],
)
def test_spellings_of_two_people(written: str, other: str) -> None:
    assert canonical_person(written) != canonical_person(other)


@given(ids)
@example("\u0345\u0301")
def test_the_canonical_form_of_a_person_is_canonical(written: str) -> None:
    once = canonical_person(written)
    assert once
    assert canonical_person(once) == once


@given(plain_ids, ends, ends)
def test_ends_and_letters_do_not_count(written: str, before: str, after: str) -> None:
    assert canonical_person(before + written.swapcase() + after) == canonical_person(written)


@given(plain_ids, plain_ids)
def test_two_ids_that_differ_by_more_than_letters_are_two_people(one: str, other: str) -> None:
    assume(one.lower() != other.lower())
    assert canonical_person(one) != canonical_person(other)


@given(ids)
def test_a_person_in_any_unicode_form(written: str) -> None:
    # Which characters compose to which is the same in all four forms of a text.
    forms = {unicodedata.normalize("NFKC", written), unicodedata.normalize("NFKD", written)}
    assert len({canonical_person(form) for form in forms if form}) <= 1


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("00123456", "123456"),
        ("1234-5678", "12345678"),
        ("1234 5678", "12345678"),
        ("12.34/56_78", "12345678"),
        ("ab123456", "AB123456"),
        ("１２３４", "1234"),
        ("0-0012", "12"),
        ("12\u20133", "123"),
        ("0000", "0"),
    ],
)
def test_spellings_of_one_loan(written: str, same: str) -> None:
    assert canonical_loan(written) == canonical_loan(same)


@pytest.mark.parametrize(
    ("written", "other"),
    [("12345678", "12345679"), ("1200", "12"), ("A123", "123"), ("---", "***"), ("10", "1")],
)
def test_spellings_of_two_loans(written: str, other: str) -> None:
    assert canonical_loan(written) != canonical_loan(other)


@given(ids)
def test_the_canonical_form_of_a_loan_is_canonical(written: str) -> None:
    once = canonical_loan(written)
    assert once
    assert canonical_loan(once) == once


@given(numbers, st.integers(0, 6), st.lists(st.sampled_from(SEPARATORS), max_size=30))
def test_zeros_separators_and_letters_do_not_count(
    number: str, zeros: int, separators: list[str]
) -> None:
    spelled = "".join(
        digit + separator
        for digit, separator in zip(
            "0" * zeros + number.swapcase(), [*separators, *[""] * 99], strict=False
        )
    )
    assert canonical_loan(spelled) == canonical_loan(number)


@given(st.integers(0, 99_999_999), st.integers(0, 99_999_999))
def test_loan_numbers_of_one_length_stay_different(one: int, other: int) -> None:
    assert (canonical_loan(f"{one:08d}") == canonical_loan(f"{other:08d}")) == (one == other)
