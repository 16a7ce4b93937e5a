"""The corpus: files of one change, so that the place and the outcome of each are known."""

import fnmatch
import re
from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.issue_codes import SENTENCES, FileRejected
from services.ingest.roster.row_rules import ParsedRow
from services.ingest.tests.factories import read
from services.ingest.tests.roster_corpus import (
    file_cases,
    markup_cases,
    structure_cases,
    value_cases,
)
from services.ingest.tests.roster_corpus.builder import (
    CHANGED,
    LAYOUTS,
    ROWS,
    Built,
    Change,
    build,
    leaf,
    place_after,
)
from services.ingest.tests.roster_corpus.cases import Case, FileCase, MarkupCase, RowCase

ROW_CASES = (*value_cases.all_cases(), *structure_cases.all_cases())
MARKUP_CASES = tuple(markup_cases.all_cases())
FILE_CASES = tuple(file_cases.all_cases())
ALL: tuple[Case, ...] = (*ROW_CASES, *MARKUP_CASES, *FILE_CASES)
FINE: tuple[Case, ...] = (
    *(case for case in ROW_CASES if case.positive),
    *(case for case in FILE_CASES if case.positive),
)
PAGE = Path(__file__).parents[3] / "docs" / "roster-faults.md"

layouts = pytest.mark.parametrize("layout", LAYOUTS)


def named(one: Case) -> str:
    return re.sub(r"[^ -~]", "_", f"{one.kind}: {one.name}")


@cache
def good(layout: str) -> tuple[list[ParsedRow], RosterSummary]:
    return read(build({}, layout).data)


def refusal_of(data: bytes) -> FileRejected:
    with pytest.raises(FileRejected) as raised:
        read(data)
    return raised.value


def assert_unchanged(rows: list[ParsedRow], built: Built, layout: str, changed: set[int]) -> None:
    """All other rows are as in the good file, but for their lines."""
    assert [row.file_row for row in rows] == list(range(1, ROWS + 1))
    for row, before in zip(rows, good(layout)[0], strict=True):
        assert row.line == built.row_lines[row.file_row]
        if row.file_row not in changed:
            assert row == before._replace(line=row.line)


def test_the_good_roster_has_no_finding() -> None:
    for layout in LAYOUTS:
        rows, summary = good(layout)
        assert (len(rows), summary.refusals, summary.issues) == (ROWS, (), ())
        assert not any(row.issues for row in rows)


@layouts
@pytest.mark.parametrize("case", ROW_CASES, ids=named)
def test_a_changed_row_is_judged_and_no_other(case: RowCase, layout: str) -> None:
    built = build({CHANGED: case.change}, layout)
    rows, summary = read(built.data)
    row = rows[CHANGED - 1]
    assert {(issue.field, issue.code) for issue in row.issues} == set(case.codes)
    assert len(row.issues) == len(case.codes)
    for issue in row.issues:
        of_row = case.kind == "rules between rows"
        line = built.row_lines[CHANGED] if of_row else built.line_of(CHANGED, issue.field)
        assert (issue.file_row, issue.line) == (CHANGED, line)
        assert issue.message == SENTENCES[issue.code]
    assert row.refused == any(code.startswith("E_") for _, code in case.codes)
    assert tuple((one.code, one.key) for one in summary.refusals) == case.refused
    values = row.values._asdict()
    assert {name: values[name] for name in case.values or {}} == (case.values or {})
    assert_unchanged(rows, built, layout, {CHANGED})


@layouts
@pytest.mark.parametrize("case", MARKUP_CASES, ids=named)
def test_a_markup_fault_is_named_with_its_place(case: MarkupCase, layout: str) -> None:
    built = build({CHANGED: case.change}, layout)
    refusal = refusal_of(built.data)
    place = refusal.place
    assert (refusal.code, place.line) == (case.code, built.fault_line)
    whole = CHANGED if case.row_is_whole else CHANGED - 1
    assert {name: getattr(place, name) for name in place_after(whole)} == place_after(whole)
    assert (place.row, place.field) == (CHANGED if case.in_row else 0, case.field)
    assert place.found == case.found
    assert f"The row before it is row {whole} of employee …000" in refusal.message
    assert SENTENCES[case.code] in refusal.message


@layouts
@pytest.mark.parametrize("case", FILE_CASES, ids=named)
def test_a_whole_file_is_refused_by_its_name_or_read_as_before(case: FileCase, layout: str) -> None:
    built = build({}, layout)
    data = case.make(built.data)
    if case.positive:
        rows, summary = read(data)
        assert [(row.values, row.written) for row in rows] == [
            (row.values, row.written) for row in good(layout)[0]
        ]
        codes = {issue.code for issue in chain(summary.issues, *(row.issues for row in rows))}
        assert codes <= {"W_UNKNOWN_ELEMENT"}  # what a case writes beyond ASCII stands in a note
        assert summary.refusals == ()
        return
    refusal = refusal_of(data)
    assert refusal.code == case.code
    if case.row is not None:
        assert refusal.place.row == case.row
        assert refusal.place.rows_before in {max(case.row - 1, 0), *(() if case.row else (ROWS,))}
    if case.found is not None:
        assert fnmatch.fnmatch(refusal.place.found, f"{case.found}*")


def test_a_wrong_byte_is_named_with_its_position() -> None:
    for before in (b"", b"\xef\xbb\xbf", b'<?xml version="1.0" encoding="latin-1"?>'):
        data = before + build({}, "many lines").data.replace(b"Idaf", b"Id\xe9f")
        place = refusal_of(data).place
        position = data.index(b"\xe9") + 1
        assert place.found.startswith(f"byte 0xE9, which is byte {position:,} of the file")
        assert (place.row, place.field) == (CHANGED, "Employee/FirstName")
        assert place.line == 1 + data[:position].count(b"\n")


def test_a_fault_before_a_cut_is_named_and_not_the_cut() -> None:
    change = {"Payor/Name": leaf("Name", "Lee & Son")}
    for count in (3, 1_000):  # within a chunk of the file, and over many
        numbers = (*[6] * count, CHANGED, 6, 6)
        data = build({CHANGED: change}, "one line", numbers).data
        for end in (len(data), len(data) - 7, len(data) - 300):
            refusal = refusal_of(data[:end])
            assert (refusal.code, refusal.place.row) == ("E_FILE_AMPERSAND", count + 1)
        assert refusal_of(data.replace(b" & ", b" ")[:-7]).code == "E_FILE_TRUNCATED"


@layouts
def test_a_row_without_its_end_is_named_where_the_next_one_begins(layout: str) -> None:
    built = build({CHANGED: {"</row>": None}}, layout)
    refusal = refusal_of(built.data)
    assert (refusal.code, refusal.line) == ("E_FILE_TAGS", built.row_lines[CHANGED + 1])
    assert (refusal.place.row, refusal.place.rows_before) == (CHANGED, CHANGED - 1)


def test_lines_are_counted_beyond_what_two_bytes_hold() -> None:
    change = {"<row>": "\n" * 70_000 + "<row>", "Payor/Name": leaf("Name", "Lee < Son")}
    built = build({CHANGED: change}, "many lines")
    refusal = refusal_of(built.data)
    assert (refusal.line, refusal.place.row) == (built.leaf_lines[CHANGED, "Payor/Name"], CHANGED)
    assert refusal.line is not None
    assert refusal.line > 1 << 16


#: Cases that mean the same in any row: they have nothing of another row in them.
OF_VALUES = [
    case
    for case in ROW_CASES
    if case.kind not in {"rules between rows", "odd structure"}
    and "Employee/DunkinId" not in case.change
]


def outcome(changes: dict[int, Change], layout: str) -> dict[int, ParsedRow]:
    """What the changed rows are read as; that no other has changed is asserted."""
    built = build(changes, layout)
    rows, _ = read(built.data)
    assert_unchanged(rows, built, layout, set(changes))
    return {number: rows[number - 1] for number in changes}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(OF_VALUES), st.sampled_from(OF_VALUES), st.sampled_from(sorted(LAYOUTS)))
def test_two_changes_of_one_row_are_both_found(one: RowCase, two: RowCase, layout: str) -> None:
    assume(not _touched(one) & _touched(two))
    row = outcome({CHANGED: {**one.change, **two.change}}, layout)[CHANGED]
    assert {(issue.field, issue.code) for issue in row.issues} == {*one.codes, *two.codes}
    values = row.values._asdict()
    for name, expected in {**(one.values or {}), **(two.values or {})}.items():
        assert values[name] == expected


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(OF_VALUES), st.sampled_from(OF_VALUES), st.sampled_from(sorted(LAYOUTS)))
def test_changes_of_two_rows_do_not_meet(one: RowCase, two: RowCase, layout: str) -> None:
    assume(not _touched(one) & _touched(two))  # the same value in two rows is a rule between rows
    rows = outcome({CHANGED: one.change, 8: two.change}, layout)
    for case, number in ((one, CHANGED), (two, 8)):
        found = {(issue.field, issue.code) for issue in rows[number].issues}
        assert found == set(case.codes)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(MARKUP_CASES), st.sampled_from(OF_VALUES), st.sampled_from(sorted(LAYOUTS)))
def test_a_markup_fault_is_the_same_after_an_odd_row(
    markup: MarkupCase, odd: RowCase, layout: str
) -> None:
    alone = refusal_of(build({CHANGED: markup.change}, layout).data)
    both = refusal_of(build({3: odd.change, CHANGED: markup.change}, layout).data)
    assert (both.code, both.place._replace(line=None)) == (
        alone.code,
        alone.place._replace(line=None),
    )


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(MARKUP_CASES), st.sampled_from(MARKUP_CASES), st.sampled_from(sorted(LAYOUTS))
)
def test_of_two_markup_faults_the_first_is_named(
    one: MarkupCase, two: MarkupCase, layout: str
) -> None:
    alone = refusal_of(build({CHANGED: one.change}, layout).data)
    both = refusal_of(build({CHANGED: one.change, 8: two.change}, layout).data)
    if alone.code != "E_FILE_UNFINISHED":  # the second can end what the first has begun
        assert (both.code, both.place) == (alone.code, alone.place)


def _touched(case: RowCase) -> set[str]:
    """The pieces that a case changes, as their outermost groups."""
    return {piece.strip("</>").partition("/")[0] for piece in case.change}


def test_the_documentation_has_the_counts_of_the_corpus() -> None:
    counts = Counter(case.kind for case in ALL)
    fine = Counter(case.kind for case in FINE)
    table = {
        kind: (int(total), int(positive))
        for kind, total, positive in re.findall(
            r"^\| ([a-z ]+) \| (\d+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE
        )
    }
    total = (sum(counts.values()), sum(fine.values()))
    assert table.pop("all of them together") == total
    assert table == {kind: (counts[kind], fine[kind]) for kind in counts}
    assert total[0] >= 300
    assert total[1] >= 60
