"""What must hold for every file, whatever is in it."""

import json
from datetime import date
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any, Final

from services.ingest.roster import sandbox
from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.issue_codes import SENTENCES, FileRejected
from services.ingest.roster.row_rules import ParsedRow
from services.ingest.roster.xml_parser import ReadLimits

TODAY: Final = date(2026, 11, 20)
LIMITS: Final = ReadLimits(rows=500, inflated_bytes=1 << 20)
SENTENCE_CHARACTERS: Final = 1_000
_DUMP: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode

Outcome = tuple[list[ParsedRow], RosterSummary | None, FileRejected | None]


class _Drops(RawIOBase):
    """A file that gives a few bytes at a time, as a slow disk or pipe may."""

    def __init__(self, data: bytes) -> None:
        self._data = BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._data.read(min(len(buffer), 7))
        buffer[: len(piece)] = piece
        return len(piece)


def read_whole(data: bytes) -> None:
    """Read a file; raises AssertionError if what must hold does not."""
    rows, summary, rejected = outcome(BufferedReader(BytesIO(data)))
    assert (summary is None) != (rejected is None), "read, or rejected"
    for number, row in enumerate(rows, 1):
        _check_row(number, row)
    if summary is not None:
        assert summary.rows == len(rows) > 0
        _sent(summary)
    if rejected is not None:
        _check_rejection(len(rows), rejected)
    again = outcome(BufferedReader(_Drops(data), buffer_size=7))
    assert (
        again[:2] == (rows, summary) if summary else _code(again) == _code((rows, None, rejected))
    )


def outcome(source: BufferedReader) -> Outcome:
    """The rows, and the summary or the rejection."""
    rows: list[ParsedRow] = []
    summary = None
    try:
        for piece in sandbox.read_roster(source, LIMITS, TODAY):
            if isinstance(piece, ParsedRow):
                rows.append(piece)
            else:
                summary = piece
    except FileRejected as rejected:
        return rows, None, rejected
    return rows, summary, None


def _check_row(number: int, row: ParsedRow) -> None:
    assert row.file_row == number
    assert row.line >= 1
    for issue in row.issues:
        assert issue.code in SENTENCES
        assert (issue.file_row, issue.outcome != "file") == (number, True)
    values = row.values
    if not row.refused:
        assert values.employee_id
        assert values.loan
        assert values.account
        assert values.amount_cents is not None
        assert 100 <= values.amount_cents <= LIMITS.amount_cents
    _sent(row)


def _check_rejection(rows: int, rejected: FileRejected) -> None:
    place = rejected.place
    assert rejected.code in SENTENCES
    assert place.rows_before >= rows, "rows that were yielded were read"
    assert place.row in {0, place.rows_before + 1} or not place.rows_before
    assert place.line is None or place.line >= 1
    assert len(rejected.message) <= SENTENCE_CHARACTERS
    _DUMP(["refused", rejected.code, place]).encode()


def _sent(piece: ParsedRow | RosterSummary) -> None:
    """The child sends each piece as a line of JSON, which must come back as it was."""
    line = _DUMP(sandbox._encode(piece)).encode()
    assert b"\n" not in line
    kind, *rest = json.loads(line)
    assert sandbox._DECODE[kind](*rest) == piece


def _code(found: Outcome) -> str:
    assert found[2] is not None, "rejected in one go, and read in pieces"
    return found[2].code
