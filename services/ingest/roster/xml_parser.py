"""The streaming parser of a roster: bytes in, rows out, in constant memory for any file.

The XML parser builds no tree. It calls `_Target` for each piece. The target knows its place in the
roster, and rejects the file or refuses the row at the first piece that does not belong there. Rows
that were yielded before a FileRejected do not count.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import BufferedReader
from typing import Final, NoReturn

from lxml import etree

from services.ingest.roster.decoding import decode, inflate
from services.ingest.roster.file_end import FileEnd
from services.ingest.roster.file_place import FilePlace, masked_employee
from services.ingest.roster.issue_codes import FileRejected, Issue
from services.ingest.roster.markup_faults import classify
from services.ingest.roster.row_link import read_link
from services.ingest.roster.row_rules import FIELDS, ParsedRow, RowPosition, Structure, parse_row

MAX_DEPTH: Final = 6
MAX_VALUE_BYTES: Final = 4_096
MAX_ATTRIBUTES: Final = 100_000
MAX_NAME_CHARACTERS: Final = 256
MAX_UNKNOWN_ELEMENTS: Final = 1_000

_LINE = re.compile(rb"[^\n]*\n+|[^\n]+")


@dataclass(frozen=True)
class ReadLimits:
    """How much of a file is read before it is rejected, and what the child process may use."""

    rows: int = 1_000_000
    inflated_bytes: int = 1 << 30
    amount_cents: int = 10_000_00
    memory_bytes: int = 2 << 30
    cpu_s: int = 600
    silence_s: int = 120


class _Node:
    """An element of a roster: its allowed children, and which field it is (-1: none)."""

    __slots__ = ("children", "field", "path")

    def __init__(self, path: str, children: dict[str, "_Node"] | None = None) -> None:
        self.path = path
        self.children = children or {}
        self.field = FIELDS.index(path) if path in FIELDS else -1


def _grow(prefix: str) -> dict[str, _Node]:
    names = dict.fromkeys(
        field.removeprefix(prefix).split("/")[0] for field in FIELDS if field.startswith(prefix)
    )
    return {name: _Node(prefix + name, _grow(f"{prefix}{name}/")) for name in names}


_ROW: Final = _Node("", _grow(""))
_ROOT: Final = _Node("", {"row": _ROW})
_CONTAINERS: Final = ("Employee", "Payor", "Payor/Address", "Payee")
_BEFORE: Final = _Node("")
_UNKNOWN: Final = _Node("")


class _Target:
    """Called by the XML parser for each piece of the document.

    Finished rows are collected in `rows`, issues outside of any row in `issues`.
    """

    __slots__ = (
        *("_today", "_limits", "_above", "_here", "_unknown", "_attributes", "_pieces", "_size"),
        *("_row_line", "_texts", "_lines", "_containers", "_structure", "_employee_before"),
        *("file_row", "line", "rows", "issues", "root", "_row_in_row_line", "_tag_line"),
        "_mends",
    )

    def __init__(self, today: date, limits: ReadLimits) -> None:
        self.rows: list[ParsedRow] = []
        self.issues: list[Issue] = []
        self.line = 1
        self.file_row = 0
        self.root = ""
        self._employee_before = ""
        self._row_in_row_line = 0
        self._tag_line = 1  # of the last tag
        self._mends = ""  # what the last comment between two rows names
        self._today = today
        self._limits = limits
        self._here = _BEFORE
        self._above: list[_Node] = []
        self._pieces: list[str] = []
        self._size = 0
        self._attributes = 0
        self._unknown: set[str] = set()
        self._begin_row()

    def _begin_row(self) -> None:
        self._row_line = self.line
        self._texts: list[str | None] = [None] * len(FIELDS)
        self._lines: dict[str, int] = {}
        self._containers: set[str] = set()
        self._structure: Structure = {}  # an ordered set, so a hostile row cannot make it grow

    def _reject(self, code: str) -> NoReturn:
        raise FileRejected(code, self.line)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        above = self._here
        self._above.append(above)
        if len(self._above) > MAX_DEPTH:
            self._reject("E_FILE_DEPTH" if self.in_row or self.file_row else "E_FILE_OTHER_XML")
        here = above.children.get(tag)
        if here is None:
            here = self._unexpected(above, tag)
        elif here.field >= 0:
            if self._texts[here.field] is not None:
                self._structure[here.path, "E_TWICE"] = None
        elif here is _ROW:
            self._begin_row()
        elif here.path in self._containers:
            self._structure[here.path, "E_TWICE"] = None
        else:
            self._containers.add(here.path)
        self._here = here
        self._size = 0
        self._tag_line = self.line
        if attributes:
            self._add_attributes(len(attributes))

    def _unexpected(self, above: _Node, tag: str) -> _Node:
        if len(tag) > MAX_NAME_CHARACTERS:
            self._reject("E_FILE_NAME_LENGTH")
        if ":" in tag or "{" in tag:
            self._reject("E_FILE_NAMESPACE")
        if above is _BEFORE:
            self.root = tag
            return _ROOT
        if tag == "row" and above is not _ROOT and not self._row_in_row_line:
            self._row_in_row_line = self.line  # most likely the end tag of the row is missing
        if above.field >= 0:
            self._drop_value(above)
        elif above is not _UNKNOWN:
            self._warn_unknown(above, f"{above.path}/{tag}" if above.path else tag)
        return _UNKNOWN

    def _warn_unknown(self, above: _Node, path: str) -> None:
        """Warn about an unknown element, once per name in the file."""
        if path in self._unknown:
            return
        self._unknown.add(path)
        if len(self._unknown) > MAX_UNKNOWN_ELEMENTS:
            self._reject("E_FILE_UNKNOWN_ELEMENTS")
        if above is _ROOT:
            self.issues.append(Issue(0, self.line, path, "W_UNKNOWN_ELEMENT", ""))
        else:
            self._structure[path, "W_UNKNOWN_ELEMENT"] = None

    def _add_attributes(self, count: int) -> None:
        self._attributes += count
        if self._attributes > MAX_ATTRIBUTES:
            self._reject("E_FILE_ATTRIBUTES")
        if self._here is _ROOT:
            self._reject("E_FILE_ATTRIBUTE")
        if self._here is not _UNKNOWN:
            self._structure[self._here.path or "row", "E_ATTRIBUTE"] = None

    def end(self, _tag: str) -> None:
        """An element ends."""
        here = self._here
        if here.field >= 0:
            text = "".join(self._pieces)
            self._pieces.clear()
            if len(text) * 4 > MAX_VALUE_BYTES and len(text.encode()) > MAX_VALUE_BYTES:
                self._reject("E_FILE_VALUE_SIZE")
            self._texts[here.field] = text
            if self.line != self._row_line:
                self._lines[here.path] = self.line
        elif here is _ROW:
            self._end_row()
        self._here = self._above.pop()
        self._tag_line = self.line

    def _end_row(self) -> None:
        self.file_row += 1
        self._employee_before = self._texts[0] or ""
        if self.file_row > self._limits.rows:
            self._reject("E_FILE_ROWS")
        if self._structure or len(self._containers) < len(_CONTAINERS):
            self._resolve_structure()
        position = RowPosition(self.file_row, self._row_line, self._lines, self._mends)
        self._mends = ""
        self.rows.append(
            parse_row(
                position,
                tuple(self._texts),
                self._structure,
                self._today,
                self._limits.amount_cents,
            )
        )

    def _resolve_structure(self) -> None:
        """Report each fault once, at the outermost element that has it.

        A leaf that has a fault gives no value.
        """
        missing = [path for path in _CONTAINERS if path not in self._containers]
        self._structure |= {
            (path, "E_MISSING"): None for path in missing if path.rpartition("/")[0] not in missing
        }
        twice = tuple(f"{path}/" for path, code in self._structure if code == "E_TWICE")
        for path, code in list(self._structure):
            if path in FIELDS and code != "W_UNKNOWN_ELEMENT":
                self._texts[FIELDS.index(path)] = None
            if path.startswith(twice):
                del self._structure[path, code]

    def data(self, text: str) -> None:
        """A piece of text, or of a CDATA section."""
        here = self._here
        if here.field >= 0:
            self._size += len(text)
            if self._size > MAX_VALUE_BYTES:
                self._reject("E_FILE_VALUE_SIZE")
            self._pieces.append(text)
        elif here is _UNKNOWN:
            self._size += len(text.encode())
            if self._size > MAX_VALUE_BYTES:
                self._reject("E_FILE_VALUE_SIZE")
        elif not text.isspace():
            if here is _ROOT:
                self._reject("E_FILE_STRAY_TEXT")
            self._structure[here.path or "row", "E_STRAY_TEXT"] = None

    def _drop_value(self, leaf: _Node) -> None:
        """Drop a value that is interrupted by markup, so that its pieces cannot pile up either."""
        self._pieces.clear()
        self._structure[leaf.path, "E_MARKUP_IN_VALUE"] = None

    def comment(self, text: str) -> None:
        """A comment: harmless between elements, but within a value it would hide a part of it."""
        if self._here.field >= 0:
            self._drop_value(self._here)
        elif self._here is _ROOT:
            self._mends = read_link(text) or self._mends

    def pi(self, _name: str, _data: str | None = None) -> None:
        """A processing instruction: as a comment."""
        self.comment("")

    def start_ns(self, _prefix: str, _uri: str) -> None:
        """A namespace is declared."""
        self._reject("E_FILE_NAMESPACE")

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """A DOCTYPE begins; called before anything in it is read."""
        self._reject("E_FILE_DOCTYPE")

    def close(self) -> None:
        """The document ended, or reading it."""

    @property
    def in_row(self) -> bool:
        """Whether a row has begun that has not ended."""
        return self._here is _ROW or _ROW in self._above

    @property
    def ended(self) -> bool:
        """Whether the document has ended."""
        return bool(self.root) and not self._above

    @property
    def in_unknown(self) -> bool:
        """Whether the innermost open element is one that a roster does not have."""
        return self._here is _UNKNOWN

    def _known(self) -> _Node:
        """The innermost open element that a roster has."""
        open_ones = (*self._above, self._here)
        return next(one for one in reversed(open_ones) if one is not _UNKNOWN)

    @property
    def in_value(self) -> bool:
        """Whether reading is within a field."""
        return self._known().field >= 0

    def place(self) -> FilePlace:
        """Where reading is, or has stopped."""
        return FilePlace(
            line=self.line if self.root else None,
            row=self.file_row + 1 if self.in_row else 0,
            field=self._known().path,
            rows_before=self.file_row,
            employee_before=masked_employee(self._employee_before),
        )

    def line_of(self, code: str, line: int) -> int:
        """The line to show for a fault that libxml2 noticed in `line`: where it has its cause."""
        if code == "E_FILE_TAGS" and self._row_in_row_line:
            return self._row_in_row_line
        return self._tag_line if code == "E_FILE_UNFINISHED" else line


@dataclass(frozen=True)
class EndOfRoster:
    """The end of the document: its number of rows, and the issues outside of any row."""

    rows: int
    issues: tuple[Issue, ...]


def parse(
    source: BufferedReader, limits: ReadLimits, today: date
) -> Iterator[ParsedRow | EndOfRoster]:
    """Parse a roster, plain or gzip: its rows in order, then one EndOfRoster.

    Raises:
        FileRejected: at any point, also after rows were yielded; then none of them counts.
    """
    target = _Target(today, limits)
    parser = etree.XMLParser(
        target=target,  # type: ignore[arg-type] # the stubs ask for bytes as well; lxml 6 gives text
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        recover=False,
    )
    end = FileEnd()
    try:
        for chunk in decode(inflate(source, limits.inflated_bytes)):
            end.add(chunk)
            for piece in _lines(chunk):
                parser.feed(piece)
                target.line += piece.count(b"\n")
            yield from _finished(parser, target)
        end.is_reached = True
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _rejection(error, target, end) from None
    except _PrefixFound:
        raise
    except FileRejected as rejected:
        if rejected.code == "E_FILE_TRUNCATED" and target.ended:
            raise FileRejected("E_FILE_TRAILING").at(target.place()) from None
        raise rejected.at(target.place()) from None
    yield from _finished(parser, target)
    if not target.file_row:
        raise FileRejected("E_FILE_OTHER_XML" if target.issues else "E_FILE_NO_ROWS")
    yield EndOfRoster(target.file_row, tuple(target.issues))


class _PrefixFound(FileRejected):
    """A rejection of which only the line is known."""


def _rejection(error: etree.XMLSyntaxError, target: _Target, end: FileEnd) -> FileRejected:
    """The rejection of markup that libxml2 refuses.

    Its message is not shown, as it can contain data of the file.
    """
    line, column = error.position
    if line >= target.line and end.is_cut(target.root, column):
        return FileRejected("E_FILE_TRUNCATED").at(target.place())
    fault = classify(getattr(error, "code", 0), error.msg or "", target.in_value, target.in_unknown)
    shown = target.line_of(fault.code, line)
    return FileRejected(fault.code, shown, fault.found).at(target.place())


def _finished(parser: etree.XMLParser, target: _Target) -> Iterator[ParsedRow]:
    """The rows that ended since the last call."""
    if parser.feed_error_log:
        # A prefix that was never declared: libxml2 only logs it. The target is beyond it already.
        raise _PrefixFound("E_FILE_NAMESPACE", parser.feed_error_log[0].line)
    yield from target.rows
    target.rows.clear()


def _lines(chunk: bytes) -> Iterable[bytes]:
    """The chunk, cut after line ends: the target counts lines, as lxml does not report them."""
    return _LINE.findall(chunk) if b"\n" in chunk else (chunk,)
