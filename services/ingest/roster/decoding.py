"""The bytes of a roster: inflated, and decoded to UTF-8."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import IO, Final

from services.ingest.roster.issue_codes import FileRejected

CHUNK_BYTES: Final = 65_536
# The file header record of a NACHA file: type 1, priority 01, destination, origin, date and time.
_NACHA = re.compile(rb"101[ 0-9][0-9]{9}[ 0-9A-Z]{10}[0-9]{10}[A-Z0-9]094101")
ISO_20022: Final = "urn:iso:std:iso:20022:tech:xsd:"
_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(["'])(.*?)\1(?:\s+encoding\s*=\s*(["'])(.*?)\3)?""", re.ASCII
)


def inflate(source: BufferedReader, max_bytes: int) -> Iterator[bytes]:
    """The file in chunks, inflated if it begins like gzip.

    The limit is checked before the next chunk is inflated.
    """
    is_gzip = source.peek(2)[:2] == b"\x1f\x8b"
    plain: IO[bytes] = gzip.open(source) if is_gzip else source  # type: ignore[assignment] # noqa: SIM115
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

    Rejected is all but XML 1.0 in UTF-8, or in UTF-16 with a byte order mark.
    """
    head = next(chunks, b"")
    if not head.strip():
        raise FileRejected("E_FILE_EMPTY")
    wide = head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    if not wide and not head.removeprefix(codecs.BOM_UTF8).lstrip(b"\0 \t\r\n").startswith(b"<"):
        raise FileRejected("E_FILE_NACHA" if _NACHA.match(head) else "E_FILE_TYPE")
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")("strict")
    try:
        text = decoder.decode(head)
        if ISO_20022 in text:
            raise FileRejected("E_FILE_ISO20022")
        _check_declaration(text, wide)
        yield text.encode()
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise FileRejected("E_FILE_ENCODING") from None


def _check_declaration(text: str, wide: bool) -> None:
    """Reject another encoding or version of XML; the XML parser, set to UTF-8, does not check."""
    if "\0" in text[:4]:  # UTF-16 without a mark, or UTF-32
        raise FileRejected("E_FILE_ENCODING")
    declared = _DECLARATION.match(text)
    if declared is None:
        if text.startswith("<?xml "):
            raise FileRejected("E_FILE_MALFORMED", 1)
        return
    if declared[2] != "1.0":
        raise FileRejected("E_FILE_XML_VERSION", 1)
    if (declared[4] or "").lower() not in ({"", "utf-16"} if wide else {"", "utf-8"}):
        raise FileRejected("E_FILE_ENCODING", 1)
