"""The child process: it reads as the parent would, and no file can harm the service through it."""

import io
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from devtools import sample_roster
from libs.common.crypto.field_encryption import DecryptionFailed, FieldCipher
from libs.common.crypto.file_encryption import (
    CHUNK_BYTES,
    TAG_BYTES,
    EncryptingWriter,
    open_encrypted,
)
from services.ingest.roster import sandbox
from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.issue_codes import FileRejected
from services.ingest.roster.row_rules import ParsedRow
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.tests.factories import TODAY, row
from services.ingest.tests.factories import roster as roster_of
from services.ingest.tests.harness import KEY

LIMITS = ReadLimits(memory_bytes=1 << 30, cpu_s=30, silence_s=20)


def read_in_child(
    path: Path, limits: ReadLimits, today: date, command: Sequence[str] = sandbox.CHILD
) -> Generator[ParsedRow | RosterSummary, None, None]:
    with path.open("rb") as source:
        yield from sandbox.read_in_child(source, limits, today, command)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return written(tmp_path / "good.xml", sample_roster.make(300, seed=3))


def rejection(
    path: Path, limits: ReadLimits = LIMITS, command: Sequence[str] = sandbox.CHILD
) -> tuple[str, int | None]:
    with pytest.raises(FileRejected) as raised:
        list(read_in_child(path, limits, TODAY, command))
    return raised.value.code, raised.value.line


def behaving(code: str) -> Sequence[str]:
    """A child that runs this instead of the reader."""
    return (sys.executable, "-c", code)


def test_the_child_answers_what_the_reader_says(tmp_path: Path) -> None:
    odd: dict[str, str | None] = {
        "Payor/Address/Zip": "67485",
        "Employee/FirstName": "Jose\u0301 \u674e",
        "Amount": "$1,234.56",
    }
    two_people = row({"Employee/DOB": "01-01-1990", "Amount": "($5.00)"})
    data = roster_of("<x/>", row(odd), row({**odd, "Payor/DunkinId": "CORP-0"}), two_people)
    path = written(tmp_path / "odd.xml", data)
    with path.open("rb") as source:
        expected = list(sandbox.read_roster(source, LIMITS, TODAY))
    conclusion = expected[-1]
    assert isinstance(conclusion, RosterSummary)
    assert conclusion.refusals
    assert conclusion.corrections
    assert conclusion.issues
    assert list(read_in_child(path, LIMITS, TODAY)) == expected


def test_a_sample_roster_comes_through_whole(good: Path) -> None:
    *rows, conclusion = read_in_child(good, LIMITS, TODAY)
    assert isinstance(conclusion, RosterSummary)
    assert [piece.file_row for piece in rows if isinstance(piece, ParsedRow)] == list(range(1, 301))
    assert conclusion.rows == 300
    assert not any(piece.refused for piece in rows if isinstance(piece, ParsedRow))


def test_a_rejected_file_says_why_and_where(tmp_path: Path) -> None:
    data = sample_roster.make(200)
    assert rejection(written(tmp_path / "cut.xml", data[:-20])) == ("E_FILE_TRUNCATED", 1)
    assert rejection(
        written(tmp_path / "twice.xml", data.replace(b"<row>", b"\n<row>") + b"x")
    ) == (
        "E_FILE_TRAILING",
        201,
    )
    assert rejection(written(tmp_path / "empty.xml", b"")) == ("E_FILE_EMPTY", None)


def test_limits_reach_the_child(good: Path) -> None:
    assert rejection(good, replace(LIMITS, rows=299))[0] == "E_FILE_ROWS"
    assert rejection(good, replace(LIMITS, inflated_bytes=1000))[0] == "E_FILE_TOO_LARGE"
    (first, *_) = read_in_child(good, replace(LIMITS, amount_cents=50), TODAY)
    assert isinstance(first, ParsedRow)
    assert "E_AMOUNT_ABOVE_LIMIT" in {issue.code for issue in first.issues}


def test_a_child_that_crashes_rejects_the_file(good: Path) -> None:
    assert rejection(
        good, command=behaving("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    ) == ("E_PARSER", None)


def test_a_child_that_dies_after_some_rows_rejects_the_file(good: Path) -> None:
    dying = """
import os, signal
from services.ingest.roster import sandbox

encode = sandbox._encode

def encode_or_die(piece):
    if not isinstance(piece, sandbox.ParsedRow):
        os.kill(os.getpid(), signal.SIGSEGV)
    return encode(piece)

sandbox._encode = encode_or_die
sandbox.main()
"""
    rows: list[ParsedRow | RosterSummary] = []
    with pytest.raises(FileRejected, match="crashed"):
        rows.extend(read_in_child(good, LIMITS, TODAY, behaving(dying)))
    assert rows


def test_a_child_that_hangs_is_killed(good: Path) -> None:
    started = time.monotonic()
    assert rejection(
        good, replace(LIMITS, silence_s=1), behaving("import time; time.sleep(600)")
    ) == ("E_PARSER", None)
    assert time.monotonic() - started < 60


def test_a_child_that_spins_is_stopped_by_its_limit_on_time(good: Path) -> None:
    spinning = """
from services.ingest.roster import sandbox

def spin(*_):
    while True:
        pass

sandbox.read_roster = spin
sandbox.main()
"""
    assert rejection(good, replace(LIMITS, cpu_s=1), behaving(spinning)) == ("E_PARSER", None)


def test_a_child_that_wants_too_much_memory_gets_none(
    good: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    greedy = """
from services.ingest.roster import sandbox

def allocate(*_):
    yield bytearray(3 << 30)

sandbox.read_roster = allocate
sandbox.main()
"""
    assert rejection(good, command=behaving(greedy)) == ("E_PARSER", None)
    assert "MemoryError" in capfd.readouterr().err


@pytest.mark.parametrize(
    "noise",
    [
        "print('hello')",
        "print('[\"row\"]')",
        "print('[\"end\", 1]')",
        "print('x' * 3_000_000)",
        "print('{}')",
        "pass",
    ],
)
def test_an_answer_that_is_none_rejects_the_file(good: Path, noise: str) -> None:
    assert rejection(good, command=behaving(noise)) == ("E_PARSER", None)


def test_a_defect_is_reported_without_values(good: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = """
from services.ingest.roster import sandbox

def fail(*_):
    raise ValueError('Ida 01234567')

sandbox._encode = fail
sandbox.main()
"""
    assert rejection(good, command=behaving(broken)) == ("E_PARSER", None)
    reported = capfd.readouterr().err
    assert "ValueError" in reported
    assert "01234567" not in reported


def test_the_child_sees_no_settings_and_not_the_name_of_the_file(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYDOWN_INGEST_SEAL_KEYS", "secret")
    seen = tmp_path / "seen"
    spy = f"""
import os, sys, pathlib

pathlib.Path({str(seen)!r}).write_text(repr((dict(os.environ), sys.argv)))
"""
    rejection(good, command=behaving(spy))
    assert "secret" not in seen.read_text()
    assert "good.xml" not in seen.read_text()


def children() -> set[str]:
    return {
        child
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
    }


def test_closing_early_leaves_no_child_behind(good: Path) -> None:
    before = children()  # a server that other tests have started is one, too
    answer = read_in_child(good, LIMITS, TODAY)
    next(answer)
    assert children() > before
    answer.close()
    assert children() == before


def test_a_file_that_is_not_there_is_not_the_files_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_in_child(tmp_path / "none.xml", LIMITS, TODAY))


@pytest.mark.parametrize("spaces", [100_000, 10_000_000])
def test_a_file_whose_end_was_cut_off_is_not_read_even_if_the_document_is_whole(
    spaces: int,
) -> None:
    cipher, stored = FieldCipher.parse(f"k1:{KEY}"), io.BytesIO()
    writer = EncryptingWriter(stored, cipher, "a")
    writer.write(roster_of(row()) + b" " * spaces)
    writer.finish()
    whole = stored.getvalue()

    def read(data: bytes) -> list[ParsedRow | RosterSummary]:
        with open_encrypted(io.BytesIO(data), cipher, "a") as source:
            return list(sandbox.read_in_child(source, LIMITS, TODAY))

    assert isinstance(read(whole)[-1], RosterSummary)
    last_chunk = (len(roster_of(row())) + spaces) % CHUNK_BYTES + TAG_BYTES
    with pytest.raises(DecryptionFailed):
        read(whole[:-last_chunk])


def test_memory_stays_small_on_a_large_file(tmp_path: Path) -> None:
    def peak_mb(rows: int) -> int:
        path, note = tmp_path / f"{rows}.xml", tmp_path / f"{rows}.txt"
        sample_roster.write(path, rows)
        script = f"""
import pathlib, resource
from services.ingest.roster import sandbox

encode = sandbox._encode

def encode_and_note(piece):
    if not isinstance(piece, sandbox.ParsedRow):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pathlib.Path({str(note)!r}).write_text(str(peak))
    return encode(piece)

sandbox._encode = encode_and_note
sandbox.main()
"""
        assert sum(1 for _ in read_in_child(path, LIMITS, TODAY, behaving(script))) == rows + 1
        return int(note.read_text()) // 1024

    assert peak_mb(25_000) - peak_mb(10) < 25
