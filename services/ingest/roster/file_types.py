"""What a file that is no roster seems to be. Pure: the first bytes in, a code and a name out.

People upload the file that lies beside the roster: the one for the bank, the export for the tax
office, the page of an expired log-in. To say "not XML" does not help them; its name does.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple


class FileKind(NamedTuple):
    """A kind of file: the code of its refusal, and its name (empty: the code says enough)."""

    code: str
    name: str = ""


_ARCHIVE: Final = "E_FILE_ARCHIVE"
_SHEET: Final = "E_FILE_SPREADSHEET"
_BANK: Final = "E_FILE_BANK"
_PAYROLL: Final = "E_FILE_PAYROLL"
_TYPE: Final = "E_FILE_TYPE"

#: By the first bytes.
_MAGIC: Final[Sequence[tuple[bytes, FileKind]]] = (
    (b"%PDF-", FileKind("E_FILE_PDF")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind(_SHEET, "an old Office file (such as .xls)")),
    (b"7z\xbc\xaf\x27\x1c", FileKind(_ARCHIVE, "7z")),
    (b"Rar!", FileKind(_ARCHIVE, "RAR")),
    (b"BZh", FileKind(_ARCHIVE, "bzip2")),
    (b"\xfd7zXZ\0", FileKind(_ARCHIVE, "xz")),
    (b"\x28\xb5\x2f\xfd", FileKind(_ARCHIVE, "zstd")),
    (b"\x1f\x8b", FileKind(_ARCHIVE, "gzip within gzip")),
    (b"-----BEGIN PGP", FileKind(_ARCHIVE, "encrypted with PGP")),
    (b"\x89PNG", FileKind(_TYPE, "a picture")),
    (b"\xff\xd8\xff", FileKind(_TYPE, "a picture")),
    (b"{\\rtf", FileKind(_TYPE, "a text document (RTF)")),
)
#: By what is within a zip, of which the first names are in its head.
_ZIPPED: Final[Sequence[tuple[bytes, FileKind]]] = (
    (b"xl/", FileKind(_SHEET, "XLSX")),
    (b"opendocument.spreadsheet", FileKind(_SHEET, "ODS")),
    (b"word/", FileKind(_TYPE, "a text document (DOCX)")),
)
#: By how a text begins. NACHA: the file header, which is record type 1, priority 01, destination,
#: origin, date and time, modifier, and `094101`.
_TEXTS: Final[Sequence[tuple[re.Pattern[str], FileKind]]] = tuple(
    (re.compile(pattern, re.ASCII), kind)
    for pattern, kind in (
        (r"101[ 0-9][0-9]{9}.{10}[0-9]{6}[0-9 ]{4}[A-Z0-9]094101", FileKind("E_FILE_NACHA")),
        (r"OFXHEADER:", FileKind(_BANK, "OFX")),
        (r"!Type:|!Account\b", FileKind(_BANK, "QIF")),
        (r"!(?:TRNS|HDR|ACCNT|TIMERHDR)\b", FileKind(_BANK, "QuickBooks IIF")),
        (r"01,[^,\n]*,[^,\n]*,[0-9]{6},[0-9]{4},", FileKind(_BANK, "BAI2")),
        (r"\{1:F[0-9]{2}|:20:", FileKind(_BANK, "SWIFT MT")),
        (r"ISA[*|~^]", FileKind(_BANK, "EDI X12")),
        (r"UN[AB][+: .]", FileKind(_BANK, "EDIFACT")),
        (r"A000000001[0-9]{10}", FileKind(_BANK, "CPA 005")),
        (r"VOL1", FileKind(_BANK, "Bacs")),
        (r"RA[0-9]{9}", FileKind(_PAYROLL, "EFW2, for the Social Security Administration")),
        (r"T20[0-9]{2}[ P]", FileKind(_PAYROLL, "1099, for the Internal Revenue Service")),
    )
)
#: By what is in the first start tag, of its name or its namespaces, or right after it.
_ROOTS: Final[Sequence[tuple[re.Pattern[str], FileKind]]] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"<[^>]*urn:iso:std:iso:20022:tech:xsd:", FileKind("E_FILE_ISO20022")),
        (
            r"<Document\b[^>]*>\s*<(?:CstmrCdtTrfInitn|CstmrDrctDbtInitn|BkToCstmr|CstmrPmt)",
            FileKind("E_FILE_ISO20022"),
        ),
        (r"<[^>]*urn:schemas-microsoft-com:office:spreadsheet", FileKind(_SHEET, "Excel XML")),
        (r"<[^>]*urn:oasis:names:tc:opendocument", FileKind(_SHEET, "OpenDocument")),
        (r"<OFX\b", FileKind(_BANK, "OFX")),
        (r"<[^>]*hr-xml\.org", FileKind(_PAYROLL, "HR-XML")),
        (r"<[^>]*urn:com\.workday", FileKind(_PAYROLL, "Workday")),
        (r"<[^>]*\birs\.gov/efile", FileKind(_PAYROLL, "for the Internal Revenue Service")),
        (r"<[^>]*govtalk\.gov\.uk", FileKind(_PAYROLL, "for HM Revenue & Customs")),
    )
)
#: What may be before the first start tag. The groups are atomic: without that, a file of a thousand
#: comments would keep the search busy for ever.
_PROLOG: Final = re.compile(r"(?>\s|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_HTML: Final = re.compile(r"<(?:!doctype\s+)?html\b", re.IGNORECASE)
BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_DELIMITERS: Final = ",;\t|"
_EXCERPT_CHARACTERS: Final = 8_192


def kind_of_other(head: bytes) -> FileKind:
    """What a file seems to be that does not begin as XML does; `E_FILE_TYPE` if nobody knows."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK"):
        return next((kind for part, kind in _ZIPPED if part in head), FileKind(_ARCHIVE, "zip"))
    text = _text(head).lstrip()
    for pattern, kind in _TEXTS:
        if pattern.match(text):
            return kind
    if text[:1] in {"{", "["}:
        return FileKind("E_FILE_JSON")
    return FileKind("E_FILE_CSV") if _is_table(text) else FileKind(_TYPE)


def kind_of_xml(text: str) -> FileKind | None:
    """What an XML file seems to be that is no roster; None if it may be one."""
    text = text[:_EXCERPT_CHARACTERS]
    prolog = _PROLOG.match(text)
    root = text[prolog.end() :] if prolog else text
    if _HTML.match(root):
        return FileKind("E_FILE_HTML")
    return next((kind for pattern, kind in _ROOTS if pattern.match(root)), None)


def _text(head: bytes) -> str:
    for bom, code in BYTE_ORDER_MARKS:
        if head.startswith(bom):
            return head[len(bom) :][:_EXCERPT_CHARACTERS].decode(code, "replace")
    return head[:_EXCERPT_CHARACTERS].decode("latin-1")


def _is_table(text: str) -> bool:
    """Whether the first two lines have the same number of the same delimiter."""
    if "\0" in text:
        return False
    first, *more = [line for line in text.splitlines() if line.strip()] or [""]
    second = more[0] if more else first
    return any(0 < first.count(one) == second.count(one) for one in _DELIMITERS)
