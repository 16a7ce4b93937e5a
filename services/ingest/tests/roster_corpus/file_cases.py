"""Cases of whole files: encodings, other kinds of files, cuts, and hostile ones."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator

from services.ingest.tests.roster_corpus.builder import CHANGED, good_values, leaf
from services.ingest.tests.roster_corpus.cases import FileCase

Make = Callable[[bytes], bytes]
_ROW_5 = leaf("DunkinId", good_values(CHANGED)["Employee/DunkinId"]).encode()
_CITY_5 = b"<LoanAccountNumber>" + good_values(CHANGED)["Payee/LoanAccountNumber"].encode()


def all_cases() -> Iterator[FileCase]:
    """All cases of whole files."""
    yield from _encodings()
    yield from _odd_encodings()
    yield from _odd_documents()
    yield from _other_files()
    yield from _cuts()
    yield from _hostile()


def _in_row_5(data: bytes, raw: bytes) -> bytes:
    """The file with these raw bytes in an unknown element of row 5."""
    return data.replace(_ROW_5, _ROW_5 + b"<Note>" + raw + b"</Note>")


def _declared(name: str) -> bytes:
    return f'<?xml version="1.0" encoding="{name}"?>\n'.encode()


def _put(raw: bytes, before: bytes = b"") -> Make:
    return lambda data: before + _in_row_5(data, raw)


def _after(before: bytes) -> Make:
    return lambda data: before + data


def _always(content: bytes) -> Make:
    return lambda _: content


def _recode(code: str, before: bytes = b"", declaration: str = "") -> Make:
    return lambda data: before + (declaration + data.decode()).encode(code)


def _encodings() -> Iterator[FileCase]:
    kind, bad = "encodings", "E_FILE_ENCODING"
    for name, raw, byte in (
        ("Windows-1252 as UTF-8", "José".encode("cp1252"), "E9"),
        ("a Windows-1252 apostrophe", "D’Arcy".encode("cp1252"), "92"),
        ("Mac Roman as UTF-8", "José".encode("mac-roman"), "8E"),
        ("DOS code page as UTF-8", "José ".encode("cp850"), "82"),
        ("half a character", "é".encode()[:1], "C3"),
        ("a surrogate in UTF-8", b"\xed\xa0\x80", "ED"),
        ("an overlong character", b"\xc0\xaf", "C0"),
        ("a character beyond Unicode", b"\xf5\x80\x80\x80", "F5"),
        ("byte FF", b"\xff", "FF"),
    ):
        yield FileCase(kind, name, _put(raw), bad, CHANGED, f"byte 0x{byte}, ")
        declared = _put(raw, _declared("UTF-8"))
        yield FileCase(kind, f"{name}, UTF-8 declared", declared, bad, CHANGED, f"byte 0x{byte}, ")
    for name in ("ISO-8859-1", "windows-1252", "US-ASCII", "UTF-16", "IBM037", "x-unknown"):
        wrong = _put("José".encode(), _declared(name))
        found = f"byte 0xC3, * and {name} declared"
        yield FileCase(
            kind, f"{name} declared over UTF-8", wrong, f"{bad}_DECLARED", CHANGED, found
        )
    wrong = _put(b"Jos\xe9", _declared("ISO-8859-1"))
    yield FileCase(kind, "ISO-8859-1 in truth", wrong, f"{bad}_DECLARED", CHANGED, "byte 0xE9, ")
    utf_8 = '<?xml version="1.0" encoding="UTF-8"?>'
    for code in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-32"):
        yield FileCase(kind, f"{code}, no mark", _recode(code), f"{bad}_NO_MARK")
    yield FileCase(
        kind,
        "UTF-8 declared in UTF-16",
        _recode("utf-16", declaration=utf_8),
        f"{bad}_DECLARED",
        None,
        "UTF-8 declared, UTF-16 found",
    )
    yield FileCase(
        kind,
        "half of a pair in UTF-16",
        lambda data: (
            _in_row_5(data, b"@@")
            .decode()
            .encode("utf-16")
            .replace("@@".encode("utf-16-le"), b"\x00\xd8@\0")
        ),
        bad,
        CHANGED,
        "byte 0x00, ",
    )
    yield FileCase(kind, "EBCDIC", _recode("cp037"), "E_FILE_TYPE")


def _odd_encodings() -> Iterator[FileCase]:
    kind = "odd encodings"
    for name in (
        *("UTF-8", "utf-8", "UTF8", "ISO-8859-1", "windows-1252", "US-ASCII", "UTF-16", "utf-16le"),
        *("IBM037", "x-unknown", "cp1252"),
    ):
        yield FileCase(kind, f"{name} declared over ASCII", _after(_declared(name)))
    mark = b"\xef\xbb\xbf"
    yield FileCase(kind, "UTF-8 mark", lambda data: mark + data)
    yield FileCase(
        kind, "UTF-8 mark, UTF-8 declared", lambda data: mark + _declared("UTF-8") + data
    )
    yield FileCase(kind, "UTF-8 mark, ASCII", lambda data: mark + _declared("us-ascii") + data)
    yield FileCase(kind, "UTF-16 with mark", _recode("utf-16"))
    yield FileCase(kind, "UTF-16 big-endian with mark", _recode("utf-16-be", b"\xfe\xff"))
    declared = '<?xml version="1.0" encoding="UTF-16"?>'
    yield FileCase(kind, "UTF-16 with mark, declared", _recode("utf-16", declaration=declared))
    names = _put("José 李 😀".encode())
    yield FileCase(
        kind, "UTF-8 beyond ASCII, UTF-8 declared", lambda d: _declared("utf-8") + names(d)
    )
    yield FileCase(kind, "UTF-16 beyond ASCII", lambda data: names(data).decode().encode("utf-16"))
    yield FileCase(kind, "gzip", gzip.compress)
    yield FileCase(
        kind, "gzip in two parts", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])
    )
    yield FileCase(kind, "UTF-16 in gzip", lambda d: gzip.compress(d.decode().encode("utf-16")))


def _odd_documents() -> Iterator[FileCase]:
    kind = "odd documents"
    for name, make in (
        ("a standalone declaration", lambda d: b"<?xml version='1.0' standalone='yes'?>\r\n" + d),
        ("a style sheet", lambda d: b"<?xml-stylesheet href='x'?>" + d),
        ("a comment before", lambda d: b"<!-- export of &c <x> -->\n" + d),
        ("a comment after", lambda d: d + b"\n<!-- end -->\n"),
        ("empty lines before", lambda d: b"\n\n  " + d),
        ("empty lines after", lambda d: d + b"\r\n\r\n"),
        ("another root", lambda d: d.replace(b"root>", b"Contributions>")),
        ("a root in another script", lambda d: d.replace(b"root>", "Löhne>".encode())),
        ("a root called html5", lambda d: d.replace(b"root>", b"html5>")),
        ("carriage returns", lambda d: d.replace(b"<row>", b"\r\n<row>\r\n")),
        ("an instruction at the end", lambda d: d + b"<?end?>"),
        ("an empty comment in each row", lambda d: d.replace(b"<Payee>", b"<!----><Payee>")),
    ):
        yield FileCase(kind, name, make)


def _zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


_NACHA = "101 02100002112345678902601151300A094101FIRST BANK             DUNKIN DONUTS"
_SHEET_XML = 'xmlns="urn:schemas-microsoft-com:office:spreadsheet"'
_XLSX = ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml")
_XML = '<?xml version="1.0"?>'
_ISO = "urn:iso:std:iso:20022:tech:xsd:"
_OTHER_FILES: dict[str, dict[str, str | bytes]] = {
    "E_FILE_EMPTY": {"no byte": "", "spaces": " \r\n ", "a mark": "\ufeff"},
    "E_FILE_TYPE": {
        "a sentence": "The roster follows by mail.",
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "DOCX": _zip("[Content_Types].xml", "word/document.xml"),
        "RTF": r"{\rtf1\ansi roster}",
        "zeros": bytes(512),
        "YAML": "rows: 5",
    },
    "E_FILE_ARCHIVE": {
        "zip": _zip("roster.xml"),
        "7z": b"7z\xbc\xaf\x27\x1c" + bytes(99),
        "RAR": b"Rar!\x1a\7\0",
        "bzip2": b"BZh91AY&SY" + bytes(99),
        "xz": b"\xfd7zXZ\0" + bytes(99),
        "PGP": "-----BEGIN PGP MESSAGE-----\n\nhQEMA",
        "zstd": b"\x28\xb5\x2f\xfd" + bytes(99),
    },
    "E_FILE_SPREADSHEET": {
        "XLSX": _zip(*_XLSX),
        "XLS": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "ODS": b"PK\3\4" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
        "Excel XML": f'{_XML}\n<?mso-application progid="Excel.Sheet"?>\n<Workbook {_SHEET_XML}/>',
    },
    "E_FILE_PDF": {"PDF": "%PDF-1.7\n1 0 obj\n"},
    "E_FILE_CSV": {
        "commas": "EmployeeId,Name,Amount\n1,Ida,$7.03\n",
        "semicolons": "a;b;c\n1;2;3\n",
        "tabs": "a\tb\n1\t2\n",
        "one line": "a,b,c",
        "Unicode text": "\ufeffa\tb\r\n1\t2\r\n",
        "Excel's Unicode text": "a\tb\r\n1\t2\r\n".encode("utf-16"),
    },
    "E_FILE_JSON": {"an object": '{"rows": []}', "a list": " [1, 2]"},
    "E_FILE_HTML": {
        "HTML": "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
        "no doctype": "<html><body>Session expired</body></html>",
        "XHTML": '<?xml version="1.0"?>\n<!-- x --><!DOCTYPE html PUBLIC "x" "y"><html/>',
        "capitals": "<HTML><BODY>",
    },
    "E_FILE_NACHA": {
        "NACHA": _NACHA,
        "NACHA with lines before": f"\r\n{_NACHA}\r\n5200",
        "NACHA without a time": _NACHA.replace("1300A", "    A"),
    },
    "E_FILE_ISO20022": {
        "pain.001": f'{_XML}<Document xmlns="{_ISO}pain.001.001.09"><CstmrCdtTrfInitn/></Document>',
        "pain.008": f"<Document xmlns='{_ISO}pain.008.001.08'><CstmrDrctDbtInitn/></Document>",
        "camt.053": f'<Document xmlns="{_ISO}camt.053.001.08"><BkToCstmrStmt/></Document>',
        "with a prefix": f'<p:Document xmlns:p="{_ISO}pain.001.001.03"></p:Document>',
        "without a namespace": "<Document>\n  <CstmrCdtTrfInitn/></Document>",
    },
    "E_FILE_BANK": {
        "OFX": "OFXHEADER:100\r\nDATA:OFXSGML",
        "OFX 2": '<?xml version="1.0"?><?OFX OFXHEADER="200"?><OFX/>',
        "QIF": "!Type:Bank\nD01/02/2026",
        "IIF": "!TRNS\tTRNSID\tTRNSTYPE",
        "MT": "{1:F01BANKUS33AXXX}",
        "BAI2": "01,122099999,123456789,260115,0200,1,80,1,2/",
        "X12": "ISA*00*          *00*",
        "EDIFACT": "UNB+UNOA:1",
    },
    "E_FILE_PAYROLL": {
        "EFW2": "RA123456789SOMEPIN",
        "1099": "T2026 123456789",
        "HR-XML": '<PayrollInputs xmlns="http://www.hr-xml.org/3"/>',
        "Workday": '<wd:Report_Data xmlns:wd="urn:com.workday.report/X"/>',
        "IRS": '<Return xmlns="http://www.irs.gov/efile"/>',
    },
    "E_FILE_OTHER_XML": {
        "no row": "<payroll><employee><id>1</id></employee></payroll>",
        "rows": "<root><Row/><Row/></root>",
        "deep": f"<a>{'<b>' * 9}{'</b>' * 9}</a>",
    },
    "E_FILE_NO_ROWS": {"empty root": "<root/>", "spaces in the root": "<root>\n</root>"},
    "E_FILE_NAMESPACE": {
        "RSS": '<rss xmlns:a="http://www.w3.org/2005/Atom"/>',
        "SOAP": '<s:Envelope xmlns:s="x"/>',
    },
}


def _other_files() -> Iterator[FileCase]:
    for code, files in _OTHER_FILES.items():
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            yield FileCase("other files", f"{code}: {name}", _always(data), code)
    yield FileCase(
        "other files",
        "gzip in gzip",
        lambda data: gzip.compress(gzip.compress(data)),
        "E_FILE_ARCHIVE",
    )


def _cuts() -> Iterator[FileCase]:
    """Files that really end early, in row 5, between rows, and in each kind of markup."""
    kind, code = "cut files", "E_FILE_TRUNCATED"

    def cut(marker: bytes, keep: int, add: bytes = b"") -> Make:
        return lambda data: data[: data.index(marker) + keep] + add

    for name, make in (
        ("in a start tag", cut(_CITY_5, 5)),
        ("before the end of a start tag", cut(_CITY_5, 18)),
        ("after a start tag", cut(_CITY_5, 19)),
        ("in a value", cut(_CITY_5, 23)),
        ("in an end tag", cut(_CITY_5, len(_CITY_5) + 4)),
        ("in a reference", cut(_CITY_5, 23, b"&am")),
        ("at an &", cut(_CITY_5, 23, b"&")),
        ("in a character reference", cut(_CITY_5, 23, b"&#4")),
        ("at a <", cut(_CITY_5, 23, b"<")),
        ("in CDATA", cut(_CITY_5, 19, b"<![CDATA[012")),
        ("in the begin of CDATA", cut(_CITY_5, 19, b"<![CD")),
        ("in a comment", cut(_CITY_5, 19, b"<!-- x")),
        ("in an instruction", cut(_CITY_5, 19, b"<?x y")),
        ("in an attribute", cut(_CITY_5, 18, b" a='x")),
        ("in a character", cut(_CITY_5, 23, "é".encode()[:1])),
        ("with an empty line", cut(_CITY_5, 23, b"\r\n")),
    ):
        yield FileCase(kind, name, make, code, CHANGED)
    for name, make in (
        ("after a row", lambda data: data[: data.rindex(b"</row>") + 6]),
        ("in the last end tag", lambda data: data[: data.rindex(b"</root>") + 4]),
        ("before the last >", lambda data: data[:-1]),
    ):
        yield FileCase(kind, name, make, code, 0)
    yield FileCase(kind, "half of the root", lambda data: data[:3], code, 0)
    yield FileCase(kind, "UTF-16 by a byte", lambda d: d.decode().encode("utf-16")[:-1], code, 0)
    yield FileCase(kind, "gzip", lambda data: gzip.compress(data)[:-9], "E_FILE_GZIP")
    yield FileCase(kind, "half of gzip", lambda data: gzip.compress(data)[:99], "E_FILE_GZIP")


def _hostile() -> Iterator[FileCase]:
    kind = "hostile files"
    laughs = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    for name, make, code in (
        ("a DOCTYPE", lambda d: b"<!DOCTYPE root>" + d, "E_FILE_DOCTYPE"),
        ("laughs", lambda d: laughs + d.replace(b"Ames", b"&b;", 1), "E_FILE_DOCTYPE"),
        (
            "an external DTD",
            lambda d: b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x">' + d,
            "E_FILE_DOCTYPE",
        ),
        ("XML 1.1", lambda d: b'<?xml version="1.1"?>' + d, "E_FILE_XML_VERSION"),
        ("no version", lambda d: b"<?xml encoding='utf-8'?>" + d, "E_FILE_DECLARATION"),
        ("a late declaration", lambda d: b"\n<?xml version='1.0'?>" + d, "E_FILE_DECLARATION"),
        (
            "a namespace",
            lambda d: d.replace(b"<root>", b'<root xmlns="urn:x">'),
            "E_FILE_NAMESPACE",
        ),
        (
            "an attribute of the root",
            lambda d: d.replace(b"<root>", b"<root v='2'>"),
            "E_FILE_ATTRIBUTE",
        ),
        ("text before the rows", lambda d: d.replace(b"<root>", b"<root>x"), "E_FILE_STRAY_TEXT"),
        ("an unknown prefix", lambda d: d.replace(b"<row>", b"<x:row/><row>"), "E_FILE_NAMESPACE"),
        ("two rosters", lambda d: d + d, "E_FILE_TRAILING"),
        ("bytes after it", lambda d: d + b"\0\0", "E_FILE_TRAILING"),
        ("half a character after it", lambda d: d + b"\xc3", "E_FILE_TRAILING"),
        ("junk after gzip", lambda d: gzip.compress(d) + b"junk", "E_FILE_GZIP"),
        ("gzip in name", lambda d: b"\x1f\x8b" + d, "E_FILE_GZIP"),
        (
            "many attributes",
            lambda d: d.replace(b"</root>", b"<x a='1'/>" * 100_001 + b"</root>"),
            "E_FILE_ATTRIBUTES",
        ),
        (
            "unknown elements",
            lambda d: d.replace(
                b"</root>", b"".join(b"<a%d/>" % i for i in range(1001)) + b"</root>"
            ),
            "E_FILE_UNKNOWN_ELEMENTS",
        ),
        ("a million comments", lambda d: b"<!---->" * 200_000 + b"<x" + d, "E_FILE_TAGS"),
    ):
        yield FileCase(kind, name, make, code)
