"""The bytes of a roster: inflated, and decoded to UTF-8."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader
from itertools import chain
from typing import Final

from services.ingest.roster.file_types import BYTE_ORDER_MARKS, kind_of_other, kind_of_xml
from services.ingest.roster.issue_codes import FileRejected

CHUNK_BYTES: Final = 65_536
_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(["'])(.*?)\1(?:\s+encoding\s*=\s*(["'])(.*?)\3)?""", re.ASCII
)
_UTF_8_NAMES: Final = frozenset({"", "utf-8", "utf8"})
_UTF_16_NAMES: Final = frozenset({"", "utf-16", "utf-16le", "utf-16be"})
_ENCODING_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,30}")
_NOT_ASCII = re.compile(rb"[^\x00-\x7f]")


def inflate(source: BufferedReader, max_bytes: int) -> Iterator[bytes]:
    """The file in chunks, inflated if it begins like gzip.

    The limit is checked before the next chunk is inflated.
    """
    is_gzip = source.peek(2)[:2] == b"\x1f\x8b"
    plain: BufferedIOBase = gzip.GzipFile(fileobj=source) if is_gzip else source
    size = 0
    try:
        while chunk := plain.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise FileRejected("E_FILE_TOO_LARGE")
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileRejected("E_FILE_GZIP") from None


def decode(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The document as UTF-8 without a byte order mark.

    Rejected is all but XML 1.0 in UTF-8, or in UTF-16 with a byte order mark. Another encoding may
    be declared if every byte is ASCII, because then all encodings mean the same. What is before a
    wrong byte is yielded before the rejection, so that the reader knows in which row it is.
    """
    head = next(chunks, b"")
    mark, code = next((one for one in BYTE_ORDER_MARKS if head.startswith(one[0])), (b"", "utf-8"))
    text = head[len(mark) :].decode(code, "replace")
    if not text.strip():
        raise FileRejected("E_FILE_EMPTY")
    if not text.lstrip("\0 \t\r\n").startswith("<"):
        kind = kind_of_other(head)
        raise FileRejected(kind.code, found=kind.name)
    if "\0" in text[:4]:  # UTF-16 without a mark, or UTF-32
        raise FileRejected("E_FILE_ENCODING_NO_MARK")
    if other := kind_of_xml(text):
        raise FileRejected(other.code, found=other.name)
    declared = _declared_encoding(text)
    if code != "utf-8" and declared.lower() not in _UTF_16_NAMES:
        raise FileRejected("E_FILE_ENCODING_DECLARED", 1, f"{declared} declared, UTF-16 found")
    decoder = _Decoder(code, declared if declared.lower() not in _UTF_8_NAMES else "", len(mark))
    for chunk in chain((head[len(mark) :],), chunks):
        yield from decoder.decode(chunk)
    decoder.end()


class _Decoder:
    """Decodes chunks to UTF-8, and knows where the first wrong byte is.

    Args:
        declared: the encoding that is declared, if only ASCII is allowed because of it.
        offset: how many bytes of the file are before the first chunk.
    """

    def __init__(self, code: str, declared: str, offset: int) -> None:
        self._code = code
        self._declared = declared if code == "utf-8" else ""
        self._offset = offset
        self._decoder = codecs.getincrementaldecoder(code)("strict")

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        if self._declared and not chunk.isascii():
            wrong = _NOT_ASCII.search(chunk)
            assert wrong is not None
            yield chunk[: wrong.start()]
            found = self._describe(chunk, wrong.start())
            raise FileRejected(
                "E_FILE_ENCODING_DECLARED", found=f"{found}, and {self._declared} declared"
            )
        try:
            yield self._decoder.decode(chunk).encode()
        except UnicodeDecodeError as error:
            data, start = error.object, error.start  # with the rest of the chunk before
            yield data[:start].decode(self._code).encode()
            self._offset += len(chunk) - len(data)
            raise FileRejected("E_FILE_ENCODING", found=self._describe(data, start)) from None
        self._offset += len(chunk)

    def end(self) -> None:
        """Raises FileRejected if the last character is not complete: the file was cut."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise FileRejected("E_FILE_TRUNCATED") from None

    def _describe(self, data: bytes, start: int) -> str:
        return f"byte 0x{data[start]:02X}, which is byte {self._offset + start + 1:,} of the file"


def _declared_encoding(text: str) -> str:
    """The declared encoding, empty if there is none; rejects another version of XML.

    The XML parser, set to UTF-8, does not look at it.
    """
    declared = _DECLARATION.match(text)
    if declared is None:
        if text.startswith("<?xml "):
            raise FileRejected("E_FILE_DECLARATION", 1)
        return ""
    if declared[2] != "1.0":
        raise FileRejected("E_FILE_XML_VERSION", 1)
    name = declared[4] or ""
    return name if not name or _ENCODING_NAME.fullmatch(name) else "another encoding"
