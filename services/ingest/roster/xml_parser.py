"""The streaming reader of a roster: bytes in, rows out, memory flat however large or hostile the file is.

The XML parser builds no tree; it calls `_Target` for each piece, which knows where in a roster it stands and refuses the file or the row at
the first piece that does not belong there. Rows given out before a FileRefused count for nothing.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import BufferedReader
from typing import IO, Final, NoReturn

from lxml import etree

from services.ingest.roster.issue_codes import FileRefused, Issue
from services.ingest.roster.row_rules import FIELDS, Place, Row, Structure, read_row

CHUNK_BYTES: Final = 65_536
MAX_DEPTH: Final = 6
MAX_VALUE_BYTES: Final = 4_096
MAX_ATTRIBUTES: Final = 100_000
MAX_NAME_CHARACTERS: Final = 256
MAX_UNKNOWN_ELEMENTS: Final = 1_000

_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(["'])(.*?)\1(?:\s+encoding\s*=\s*(["'])(.*?)\3)?""", re.ASCII
)
_LINE = re.compile(rb"[^\n]*\n+|[^\n]+")
_FILE_CODES: Final = {
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: "E_FILE_ENTITY",
    etree.ErrorTypes.ERR_DOCUMENT_END: "E_FILE_TRAILING",
    etree.ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING: "E_FILE_MALFORMED",
    etree.ErrorTypes.ERR_NAME_TOO_LONG: "E_FILE_NAME_LENGTH",
}


@dataclass(frozen=True)
class Limits:
    """How much of a file is read before it is refused, and what the child process may use up for it."""

    rows: int = 1_000_000
    inflated_bytes: int = 1 << 30
    amount_cents: int = 10_000_00
    memory_bytes: int = 2 << 30
    cpu_s: int = 600
    silence_s: int = 120


class _Node:
    """A place in a roster: what may stand there, and which field it is (-1: none)."""

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
    """Called by the parser for each piece of the document; finished rows gather in `rows`, what is odd outside of them in `issues`."""

    __slots__ = (
        "_above", "_attributes", "_containers", "_here", "_limits", "_lines", "_pieces", "_row_line", "_size", "_structure", "_texts", "_today",
        "_unknown", "file_row", "issues", "line", "rows",
    )  # fmt: skip

    def __init__(self, today: date, limits: Limits) -> None:
        self.rows: list[Row] = []
        self.issues: list[Issue] = []
        self.line = 1
        self.file_row = 0
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
        self._structure: Structure = {}  # a dict as an ordered set: a hostile row cannot make it grow

    def _refuse(self, code: str) -> NoReturn:
        raise FileRefused(code, self.line)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        above = self._here
        self._above.append(above)
        if len(self._above) > MAX_DEPTH:
            self._refuse("E_FILE_DEPTH")
        here = above.children.get(tag)
        if here is None:
            here = self._elsewhere(above, tag)
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
        if attributes:
            self._refuse_attributes(len(attributes))

    def _elsewhere(self, above: _Node, tag: str) -> _Node:
        if len(tag) > MAX_NAME_CHARACTERS:
            self._refuse("E_FILE_NAME_LENGTH")
        if ":" in tag or "{" in tag:
            self._refuse("E_FILE_NAMESPACE")
        if above is _BEFORE:
            return _ROOT
        if above.field >= 0:
            self._spoil(above)
        elif above is not _UNKNOWN:
            self._warn_unknown(above, f"{above.path}/{tag}" if above.path else tag)
        return _UNKNOWN

    def _warn_unknown(self, above: _Node, path: str) -> None:
        """Once per name in the file."""
        if path in self._unknown:
            return
        self._unknown.add(path)
        if len(self._unknown) > MAX_UNKNOWN_ELEMENTS:
            self._refuse("E_FILE_UNKNOWN_ELEMENTS")
        if above is _ROOT:
            self.issues.append(Issue(0, self.line, path, "W_UNKNOWN_ELEMENT", ""))
        else:
            self._structure[path, "W_UNKNOWN_ELEMENT"] = None

    def _refuse_attributes(self, count: int) -> None:
        self._attributes += count
        if self._attributes > MAX_ATTRIBUTES:
            self._refuse("E_FILE_ATTRIBUTES")
        if self._here is _ROOT:
            self._refuse("E_FILE_ATTRIBUTE")
        if self._here is not _UNKNOWN:
            self._structure[self._here.path or "row", "E_ATTRIBUTE"] = None

    def end(self, _tag: str) -> None:
        """An element ends."""
        here = self._here
        if here.field >= 0:
            text = "".join(self._pieces)
            self._pieces.clear()
            if len(text) * 4 > MAX_VALUE_BYTES and len(text.encode()) > MAX_VALUE_BYTES:
                self._refuse("E_FILE_VALUE_SIZE")
            self._texts[here.field] = text
            if self.line != self._row_line:
                self._lines[here.path] = self.line
        elif here is _ROW:
            self._end_row()
        self._here = self._above.pop()

    def _end_row(self) -> None:
        self.file_row += 1
        if self.file_row > self._limits.rows:
            self._refuse("E_FILE_ROWS")
        if self._structure or len(self._containers) < len(_CONTAINERS):
            self._settle_structure()
        place = Place(self.file_row, self._row_line, self._lines)
        self.rows.append(
            read_row(
                place, tuple(self._texts), self._structure, self._today, self._limits.amount_cents
            )
        )

    def _settle_structure(self) -> None:
        """Tell each fault once, at the outermost element that has it, and take no value from a leaf that has one."""
        gone = [path for path in _CONTAINERS if path not in self._containers]
        self._structure |= {
            (path, "E_MISSING"): None for path in gone if path.rpartition("/")[0] not in gone
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
                self._refuse("E_FILE_VALUE_SIZE")
            self._pieces.append(text)
        elif here is _UNKNOWN:
            self._size += len(text.encode())
            if self._size > MAX_VALUE_BYTES:
                self._refuse("E_FILE_VALUE_SIZE")
        elif not text.isspace():
            if here is _ROOT:
                self._refuse("E_FILE_STRAY_TEXT")
            self._structure[here.path or "row", "E_STRAY_TEXT"] = None

    def _spoil(self, leaf: _Node) -> None:
        """Half a value is no value: what was read of it is dropped, so pieces cannot gather either."""
        self._pieces.clear()
        self._structure[leaf.path, "E_MARKUP_IN_VALUE"] = None

    def comment(self, _text: str) -> None:
        """A comment: harmless between elements, but it would hide half of a value."""
        if self._here.field >= 0:
            self._spoil(self._here)

    def pi(self, _name: str, _data: str | None = None) -> None:
        """A processing instruction: as a comment."""
        self.comment("")

    def start_ns(self, _prefix: str, _uri: str) -> None:
        """A namespace is declared."""
        self._refuse("E_FILE_NAMESPACE")

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """A DOCTYPE begins; called before anything in it is read."""
        self._refuse("E_FILE_DOCTYPE")

    def close(self) -> None:
        """The document ended, or reading it."""


@dataclass(frozen=True)
class End:
    """The document was seen to its end, and it held this many rows. `issues` lie outside of any row (file_row 0)."""

    rows: int
    issues: tuple[Issue, ...]


def read(source: BufferedReader, limits: Limits, today: date) -> Iterator[Row | End]:
    """Read a roster, plain or gzip: its rows in order, then one End.

    Raises:
        FileRefused: at any point, also after rows were given out; then none of them counts.
    """
    target = _Target(today, limits)
    parser = etree.XMLParser(
        target=target,  # type: ignore[arg-type] # the stubs ask for a target that also takes bytes; lxml 6 gives text
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        recover=False,
    )
    otherwise = "E_FILE_MALFORMED"
    try:
        for chunk in _utf8(_inflated(source, limits.inflated_bytes)):
            for piece in _lines(chunk):
                parser.feed(piece)
                target.line += piece.count(b"\n")
            yield from _finished(parser, target)
        otherwise = "E_FILE_TRUNCATED"
        parser.close()
    except etree.XMLSyntaxError as error:
        # libxml2's own message is not shown, it can hold data of the file
        raise FileRefused(
            _FILE_CODES.get(getattr(error, "code", 0), otherwise), target.line
        ) from None
    yield from _finished(parser, target)
    if not target.file_row:
        raise FileRefused("E_FILE_NO_ROWS")
    yield End(target.file_row, tuple(target.issues))


def _finished(parser: etree.XMLParser, target: _Target) -> Iterator[Row]:
    """The rows that ended since the last call."""
    if parser.feed_error_log:  # what libxml2 itself lets pass: a prefix that was never declared
        raise FileRefused("E_FILE_NAMESPACE", parser.feed_error_log[0].line)
    yield from target.rows
    target.rows.clear()


def _inflated(source: BufferedReader, max_bytes: int) -> Iterator[bytes]:
    """The file in chunks, inflated if it begins like gzip; the cap is checked before the next chunk is made."""
    plain: IO[bytes] = gzip.open(source) if source.peek(2)[:2] == b"\x1f\x8b" else source  # type: ignore[assignment]  # noqa: SIM115
    size = 0
    try:
        while chunk := plain.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise FileRefused("E_FILE_TOO_LARGE")
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileRefused("E_FILE_GZIP") from None


def _utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The document as UTF-8 without a byte order mark; what is not XML 1.0 in UTF-8 or UTF-16 with a mark is refused."""
    head = next(chunks, b"")
    if not head.strip():
        raise FileRefused("E_FILE_EMPTY")
    wide = head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    if not wide and not head.removeprefix(codecs.BOM_UTF8).lstrip(b"\0 \t\r\n").startswith(b"<"):
        raise FileRefused("E_FILE_TYPE")
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")("strict")
    try:
        text = decoder.decode(head)
        _check_declaration(text, wide)
        yield text.encode()
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise FileRefused("E_FILE_ENCODING") from None


def _check_declaration(text: str, wide: bool) -> None:
    """Refuse another encoding or version of XML; the parser is told UTF-8 and would not look."""
    if "\0" in text[:4]:  # UTF-16 without a mark, or UTF-32
        raise FileRefused("E_FILE_ENCODING")
    declared = _DECLARATION.match(text)
    if declared is None:
        if text.startswith("<?xml "):
            raise FileRefused("E_FILE_MALFORMED", 1)
        return
    if declared[2] != "1.0":
        raise FileRefused("E_FILE_XML_VERSION", 1)
    if (declared[4] or "").lower() not in ({"", "utf-16"} if wide else {"", "utf-8"}):
        raise FileRefused("E_FILE_ENCODING", 1)


def _lines(chunk: bytes) -> Iterable[bytes]:
    """Cut after each run of line ends, so that the reader knows the line it is on; the parser does not tell it."""
    return _LINE.findall(chunk) if b"\n" in chunk else (chunk,)
