"""The shell of the reader: a roster is read in a child process, so that no file can take the service down with it.

The child has limits on memory and time, no settings of the service in its environment, and writes one JSON array a line: rows, then a
conclusion or a refusal. Whatever ends it before that refuses the file.
"""

import json
import os
import resource
import select
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from services.ingest.roster import issue_codes, xml_parser
from services.ingest.roster.cross_row_rules import Conclusion, Correction, Refusal, WholeFile
from services.ingest.roster.issue_codes import FileRefused, Issue
from services.ingest.roster.row_rules import Row, Values
from services.ingest.roster.xml_parser import Limits

_ROOT: Final = Path(__file__).parents[3]
CHILD: Final = (sys.executable, "-m", "services.ingest.roster.sandbox")
_BLOCK_BYTES: Final = 1 << 16
_MAX_LINE_BYTES: Final = 1 << 20


def read(source: BufferedReader, limits: Limits, today: date) -> Iterator[Row | Conclusion]:
    """Read a roster in this process: its rows in order with all their issues, then one Conclusion.

    Raises:
        FileRefused: at any point, also after rows were given out; then none of them counts.
    """
    whole = WholeFile()
    for piece in xml_parser.read(source, limits, today):
        yield (
            whole.see(piece) if isinstance(piece, Row) else whole.conclude(piece.rows, piece.issues)
        )


def read_in_child(
    path: Path, limits: Limits, today: date, command: Sequence[str] = CHILD
) -> Iterator[Row | Conclusion]:
    """As `read`, in a child process under `limits`; a child that crashes, hangs or uses too much is FileRefused("E_PARSER").

    The child is killed when the iterator is closed early. `command` is what is started; the tests give worse ones.
    """
    order = json.dumps({"today": today.isoformat(), "limits": asdict(limits)})
    # an empty environment, because settings hold keys and passwords; the file as an open descriptor, because its name is not needed
    with path.open("rb") as source:
        child = subprocess.Popen(  # noqa: S603
            [*command, order], cwd=_ROOT, env={}, stdin=source, stdout=subprocess.PIPE
        )
    assert child.stdout is not None
    with child.stdout as answer:
        try:
            yield from _receive(_lines(answer.fileno(), limits.silence_s))
        finally:
            child.kill()
            child.wait()


def _receive(lines: Iterator[bytes]) -> Iterator[Row | Conclusion]:
    for line in lines:
        try:
            kind, *rest = json.loads(line)
            piece = _DECODE[kind](*rest)
        except (ValueError, KeyError, TypeError):
            raise FileRefused("E_PARSER") from None
        yield piece
        if isinstance(piece, Conclusion):
            return
    raise FileRefused("E_PARSER")


def _lines(answer: int, silence_s: float) -> Iterator[bytes]:
    """The lines the child writes, until it ends or is silent too long. Silence counts only while somebody waits for the next line."""
    waiting = select.poll()
    waiting.register(answer, select.POLLIN)
    rest = b""
    while waiting.poll(silence_s * 1000) and (block := os.read(answer, _BLOCK_BYTES)):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > _MAX_LINE_BYTES:
            return


def _row(
    file_row: int, line: int, values: list[Any], written: dict[str, str], issues: list[list[Any]]
) -> Row:
    return Row(
        file_row,
        line,
        Values._make(values),
        written,
        tuple(Issue(file_row, *issue) for issue in issues),
    )


def _conclusion(
    rows: int,
    issues: list[list[Any]],
    refusals: list[list[str]],
    sources: dict[str, str],
    corrections: list[list[str]],
) -> Conclusion:
    return Conclusion(
        rows,
        tuple(Issue(*issue) for issue in issues),
        tuple(Refusal(*refusal) for refusal in refusals),
        sources,
        tuple(Correction(*correction) for correction in corrections),
    )


def _refused(code: str, line: int | None) -> Conclusion:
    raise FileRefused(code if code in issue_codes.SENTENCES else "E_PARSER", line)


_DECODE: Final[dict[str, Callable[..., Row | Conclusion]]] = {
    "row": _row,
    "end": _conclusion,
    "refused": _refused,
}


def _encode(piece: Row | Conclusion) -> list[Any]:
    """A piece as the JSON array `_DECODE` reads."""
    if isinstance(piece, Conclusion):
        return ["end", *piece]
    return [
        "row",
        piece.file_row,
        piece.line,
        piece.values,
        piece.written,
        [issue[1:] for issue in piece.issues],
    ]


def _confine(limits: Limits) -> None:
    """Give this process less than it could take; there is no way back."""
    # no core dump: it would hold the roster
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _tell_without_data(
    kind: type[BaseException], _error: BaseException, where: TracebackType | None
) -> None:
    """Where a defect is, without its message: that could hold values of the roster."""
    sys.stderr.write("".join(traceback.format_tb(where)) + kind.__name__ + "\n")


def main() -> None:
    """The child: an order as argument, the file on standard input, the answer on standard output."""
    sys.excepthook = _tell_without_data
    order = json.loads(sys.argv[1])
    limits = Limits(**order["limits"])
    _confine(limits)
    dump = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
    source, out = open(0, "rb"), sys.stdout.buffer  # noqa: SIM115 - it lives as long as the process
    try:
        for piece in read(source, limits, date.fromisoformat(order["today"])):
            out.write(dump(_encode(piece)).encode())
            out.write(b"\n")
    except FileRefused as refused:
        out.write(dump(["refused", refused.code, refused.line]).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
