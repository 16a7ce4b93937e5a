"""What rejects a file as a whole: wrong bytes, hostile XML, limits. And memory stays constant."""

import gzip
import time
import tracemalloc
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.roster import sandbox
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.tests.factories import TODAY, codes, read_one, rejection, roster, row

ONE = roster(row())
LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]>"
)
REJECTED = {
    "E_FILE_EMPTY": [
        b"",
        b" \n",
        gzip.compress(b""),
    ],
    "E_FILE_NO_ROWS": [
        b"<root></root>",
        b"<root/>",
    ],
    "E_FILE_TYPE": [
        b"hello",
    ],
    "E_FILE_JSON": [
        b'{"a": 1}',
    ],
    "E_FILE_CSV": [
        b"a,b\n1,2\n",
    ],
    "E_FILE_ARCHIVE": [
        b"PK\x03\x04" + bytes(200),
        gzip.compress(gzip.compress(ONE)),
    ],
    "E_FILE_TRAILING": [
        ONE + ONE,
        ONE + b"x",
    ],
    "E_FILE_GZIP": [
        gzip.compress(ONE)[:-9],
        gzip.compress(ONE) + b"junk",
        b"\x1f\x8b" + ONE,
    ],
    "E_FILE_DOCTYPE": [
        b"<!DOCTYPE root>" + ONE,
        LAUGHS + ONE.replace(b"Ames", b"&j;"),
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + ONE.replace(b"Ames", b"&x;"),
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + ONE,
        b'<!DOCTYPE r [<!ENTITY x "'
        + b"x" * 50_000
        + b'">]>'
        + ONE.replace(b"Ames", b"&x;" * 50_000),
    ],
    "E_FILE_ENTITY": [
        ONE.replace(b"Ames", b"&x;"),
        ONE.replace(b"Ames", b"&nbsp;"),
    ],
    "E_FILE_NAMESPACE": [
        ONE.replace(b"<root>", b'<root xmlns="urn:x">'),
        ONE.replace(b"<root>", b'<root xmlns:x="urn:x">'),
        ONE.replace(b"row>", b"x:row>"),
        ONE.replace(b"</root>", b'<xi:include href="/etc/passwd"/></root>'),
        ONE.replace(
            b"<Employee>",
            b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="x"/><Employee>',
        ),
    ],
    "E_FILE_ATTRIBUTE": [
        ONE.replace(b"<root>", b'<root version="2">'),
    ],
    "E_FILE_STRAY_TEXT": [
        ONE.replace(b"<root>", b"<root>hello"),
    ],
    "E_FILE_XML_VERSION": [
        b'<?xml version="1.1"?>' + ONE,
    ],
    "E_FILE_ENCODING_DECLARED": [
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + ONE.replace(b"Ames", "Kérl".encode()),
        b"<?xml version='1.0'\n encoding = 'us-ascii'?>" + ONE.replace(b"Ames", b"K\xe9rl"),
        ('<?xml version="1.0" encoding="UTF-8"?>' + ONE.decode()).encode("utf-16"),
    ],
    "E_FILE_ENCODING": [
        ONE.replace(b"Ames", b"K\xe9rl"),
        ONE.replace(b"Ames", b"\xed\xa0\x80"),
    ],
    "E_FILE_ENCODING_NO_MARK": [
        ONE.decode().encode("utf-16-le"),
        ONE.decode().encode("utf-16-be"),
        ONE.decode().encode("utf-32"),
    ],
    "E_FILE_TRUNCATED": [
        ONE.decode().encode("utf-16")[:-1],
    ],
    "E_FILE_CHARACTER": [
        ONE.replace(b"Ames", b"\x01"),
        ONE.replace(b"Ames", b"\0"),
        ONE.replace(b"Ames", b"&#0;"),
    ],
    "E_FILE_TAGS": [
        ONE.replace(b"</City>", b"</Town>"),
        ONE.replace(b"<City>", b"<City x='1' x='2'>"),
    ],
    "E_FILE_AMPERSAND": [
        ONE.replace(b"Ames", b"A&B"),
    ],
    "E_FILE_DECLARATION": [
        b" <?xml version='1.0'?>" + ONE,
        b"<?xml encoding='utf-8'?>" + ONE,
    ],
    "E_FILE_OTHER_XML": [
        b"<root>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</root>",
        b"<payroll><person/></payroll>",
    ],
    "E_FILE_DEPTH": [
        b"<r><row><a><b><c><d><e/></d></c></b></a></row></r>",
    ],
    "E_FILE_VALUE_SIZE": [
        ONE.replace(b"Ames", b"x" * 4097),
        ONE.replace(b"Ames", "é".encode() * 2049),
        ONE.replace(b"Ames", b"x" * 5_000_000),
        ONE.replace(b"<Employee>", b"<z>" + b"x" * 4097 + b"</z><Employee>"),
        ONE.replace(b"<Amount>", b"<Amount>" + b"x<?a?>" * 100_000),
    ],
    "E_FILE_ATTRIBUTES": [
        b"<root><x " + b" ".join(b'a%d="1"' % i for i in range(100_001)) + b"/></root>",
        b"<root>" + b"<x a='1'/>" * 100_001 + b"</root>",
    ],
    "E_FILE_NAME_LENGTH": [
        b"<root><" + b"a" * 257 + b"/></root>",
        b"<root><" + b"a" * 3_000_000 + b"/></root>",
    ],
    "E_FILE_UNKNOWN_ELEMENTS": [
        b"<root>" + b"".join(b"<a%d/>" % i for i in range(1001)) + b"</root>",
    ],
}


@pytest.mark.parametrize(
    ("data", "code"), [(data, code) for code, files in REJECTED.items() for data in files]
)
def test_a_file_that_is_no_roster_is_rejected_whole(data: bytes, code: str) -> None:
    started = time.monotonic()
    assert rejection(data) == code
    assert rejection(gzip.compress(data)) == code or data[:2] == b"\x1f\x8b"
    assert time.monotonic() - started < 20


def test_a_depth_of_six_and_a_value_of_4096_bytes_are_still_read() -> None:
    assert rejection(b"<r><row><a><b><c><d/></c></b></a></row></r>") == "read"
    assert codes(read_one({"Payor/Address/City": "x" * 4096})) == [
        ("Payor/Address/City", "E_TOO_LONG")
    ]


@pytest.mark.parametrize("width", ["utf-8", "utf-16"])
def test_a_file_cut_anywhere_is_rejected(width: str) -> None:
    data = (
        roster(row(), row({"Amount": "$8.00", "Employee/FirstName": "Núñez"}))
        .decode()
        .encode(width)
    )
    for end in range(len(data)):
        assert rejection(data[:end]) != "read", end


@given(st.integers(0, len(ONE) - 1), st.binary(min_size=1, max_size=3))
def test_any_damage_is_rejected_or_read_never_a_crash(place: int, noise: bytes) -> None:
    assert rejection(ONE[:place] + noise + ONE[place + len(noise) :])


def test_a_cut_file_says_so_and_where() -> None:
    assert rejection(ONE[:-20]) == "E_FILE_TRUNCATED"


def test_limits_reject_the_row_or_the_byte_too_many() -> None:
    two = roster(row(), row({"Amount": "$8.00"}))
    assert rejection(two, ReadLimits(rows=2, inflated_bytes=len(two))) == "read"
    assert rejection(two, ReadLimits(rows=1)) == "E_FILE_ROWS"
    assert rejection(two, ReadLimits(inflated_bytes=len(two) - 1)) == "E_FILE_TOO_LARGE"
    assert (
        rejection(
            gzip.compress(b"<root>" + b" " * 20_000_000 + b"</root>"),
            ReadLimits(inflated_bytes=1_000_000),
        )
        == "E_FILE_TOO_LARGE"
    )


class Pieces(RawIOBase):
    """A file made while it is read, so that only the reader's memory is measured."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._rest or next(self._pieces, b"")
        size = min(len(piece), len(buffer))
        buffer[:size], self._rest = piece[:size], piece[size:]
        return size


def peak_bytes(pieces: Iterator[bytes]) -> int:
    tracemalloc.start()
    try:
        for _ in sandbox.read_roster(BufferedReader(Pieces(pieces)), ReadLimits(), TODAY):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows() -> None:
    def rows(count: int) -> Iterator[bytes]:
        yield b"<root>"
        yield from (row({"Payee/LoanAccountNumber": str(i % 100)}).encode() for i in range(count))
        yield b"</root>"

    assert peak_bytes(rows(3_000)) < peak_bytes(rows(500)) + 500_000


def test_memory_does_not_grow_within_one_hostile_row() -> None:
    def storm(count: int) -> Iterator[bytes]:
        yield b"<root><row>"
        yield from (b"x<!-- --><Note/>" for _ in range(count))
        yield b"<Amount>"
        yield from (b"y" * 3_000 + b"<b><c/></b>" for _ in range(count))
        yield b"</Amount></row></root>"

    assert peak_bytes(storm(3_000)) < peak_bytes(storm(100)) + 500_000
