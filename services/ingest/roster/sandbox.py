"""Read a roster in a confined child process, so that no file can crash or block the service.

The child has limits on memory and time, and no settings of the service in its environment. It
writes one JSON array a line: rows, then a summary or a rejection. If it ends before that, the file
is rejected.
"""

import json
import os
import resource
import select
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from services.ingest.roster import issue_codes, xml_parser
from services.ingest.roster.cross_row_rules import (
    CrossRowRules,
    GroupRefusal,
    OfferedCorrection,
    RosterSummary,
)
from services.ingest.roster.file_place import FilePlace
from services.ingest.roster.issue_codes import FileRejected, Issue
from services.ingest.roster.row_rules import ParsedRow, RowValues
from services.ingest.roster.xml_parser import ReadLimits

_ROOT: Final = Path(__file__).parents[3]
CHILD: Final = (sys.executable, "-m", "services.ingest.roster.sandbox")
_BLOCK_BYTES: Final = 1 << 16
_MAX_LINE_BYTES: Final = 1 << 20


def read_roster(
    source: BufferedReader, limits: ReadLimits, today: date
) -> Iterator[ParsedRow | RosterSummary]:
    """Read a roster in this process: its rows in order with all their issues, then its summary.

    Raises:
        FileRejected: at any point, also after rows were yielded; then none of them counts.
    """
    rules = CrossRowRules()
    for piece in xml_parser.parse(source, limits, today):
        yield (
            rules.check_row(piece)
            if isinstance(piece, ParsedRow)
            else rules.summarize(piece.rows, piece.issues)
        )


def read_in_child(
    source: BufferedReader, limits: ReadLimits, today: date, command: Sequence[str] = CHILD
) -> Iterator[ParsedRow | RosterSummary]:
    """Read a roster as `read_roster` does, in a child process under `limits`.

    The child is killed when the iterator is closed early.

    Args:
        source: the file. It is sent through a pipe, so that the child needs neither its name nor
            the key that decrypts it.
        command: the command of the child; tests start faulty ones.

    Raises:
        FileRejected: as above; `E_PARSER` if the child crashes, hangs or exceeds a limit.
        Exception: what reading the source raised; then no row counts.
    """
    job = json.dumps({"today": today.isoformat(), "limits": asdict(limits)})
    # The environment is empty, because settings contain keys and passwords.
    child = subprocess.Popen(  # noqa: S603 - our own program and arguments
        [*command, job], cwd=_ROOT, env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    feeder = _Feeder(source, child)
    feeder.start()
    with child.stdout as answer:
        try:
            yield from _receive(_lines(answer.fileno(), limits.silence_s))
        except FileRejected:
            feeder.check()
            raise
        finally:
            child.kill()
            child.wait()
            feeder.join()
    feeder.check()


class _Feeder(threading.Thread):
    """Sends a file to the child. If it cannot be read to its end, the child is killed.

    The end of the file is the child's sign that it has all of it. It gets that sign only when the
    last byte was read here, and so was decrypted.
    """

    def __init__(self, source: BufferedReader, child: "subprocess.Popen[bytes]") -> None:
        super().__init__(name="roster-feeder", daemon=True)
        self.source, self.child = source, child
        self.failure: Exception | None = None

    def run(self) -> None:
        """Send all of it; stop when the child has gone."""
        pipe = self.child.stdin
        assert pipe is not None
        try:
            while piece := self.source.read(_BLOCK_BYTES):
                try:
                    pipe.write(piece)
                except OSError:
                    break
        except Exception as error:  # noqa: BLE001 - raised again by `check`
            self.failure = error
            self.child.kill()
        with suppress(OSError):
            pipe.close()

    def check(self) -> None:
        """Raise what reading the source raised."""
        if self.failure is not None:
            raise self.failure


def _receive(lines: Iterator[bytes]) -> Iterator[ParsedRow | RosterSummary]:
    for line in lines:
        try:
            kind, *rest = json.loads(line)
            piece = _DECODE[kind](*rest)
        except (ValueError, KeyError, TypeError):
            raise FileRejected("E_PARSER") from None
        yield piece
        if isinstance(piece, RosterSummary):
            return
    raise FileRejected("E_PARSER")


def _lines(answer: int, silence_s: float) -> Iterator[bytes]:
    """The lines of the child, until it ends or is silent too long.

    Silence counts only while the caller waits for the next line.
    """
    waiting = select.poll()
    waiting.register(answer, select.POLLIN)
    rest = b""
    while waiting.poll(silence_s * 1000) and (block := os.read(answer, _BLOCK_BYTES)):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > _MAX_LINE_BYTES:
            return


def _row(
    file_row: int,
    line: int,
    values: list[Any],
    written: dict[str, str],
    issues: list[list[Any]],
    mends: str,
) -> ParsedRow:
    return ParsedRow(
        file_row,
        line,
        RowValues._make(values),
        written,
        tuple(Issue(file_row, *issue) for issue in issues),
        mends,
    )


def _conclusion(
    rows: int,
    issues: list[list[Any]],
    refusals: list[list[str]],
    sources: dict[str, str],
    corrections: list[list[str]],
) -> RosterSummary:
    return RosterSummary(
        rows,
        tuple(Issue(*issue) for issue in issues),
        tuple(GroupRefusal(*refusal) for refusal in refusals),
        sources,
        tuple(OfferedCorrection(*correction) for correction in corrections),
    )


def _rejected(code: str, place: list[Any]) -> RosterSummary:
    known = code if code in issue_codes.SENTENCES else "E_PARSER"
    raise FileRejected(known).at(FilePlace(*place))


_DECODE: Final[dict[str, Callable[..., ParsedRow | RosterSummary]]] = {
    "row": _row,
    "end": _conclusion,
    "refused": _rejected,
}


def _encode(piece: ParsedRow | RosterSummary) -> list[Any]:
    """A piece as the JSON array that `_DECODE` reads."""
    if isinstance(piece, RosterSummary):
        return ["end", *piece]
    return [
        "row",
        piece.file_row,
        piece.line,
        piece.values,
        piece.written,
        [issue[1:] for issue in piece.issues],
        piece.mends,
    ]


def _confine(limits: ReadLimits) -> None:
    """Limit the memory and the time of this process, for good."""
    # No core dump: it would contain the roster.
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _report_defect(
    kind: type[BaseException], _error: BaseException, where: TracebackType | None
) -> None:
    """Report where a defect is, without its message: that could contain values of the roster."""
    sys.stderr.write("".join(traceback.format_tb(where)) + kind.__name__ + "\n")


def main() -> None:
    """The child: the job as argument, the file on standard input, the answer on standard output."""
    sys.excepthook = _report_defect
    job = json.loads(sys.argv[1])
    limits = ReadLimits(**job["limits"])
    _confine(limits)
    dump = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
    source, out = open(0, "rb"), sys.stdout.buffer  # noqa: SIM115 - open until the process ends
    try:
        for piece in read_roster(source, limits, date.fromisoformat(job["today"])):
            out.write(dump(_encode(piece)).encode())
            out.write(b"\n")
    except FileRejected as rejected:
        out.write(dump(["refused", rejected.code, rejected.place]).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
