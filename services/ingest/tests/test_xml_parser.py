"""The streaming reader: the structure of a file and of a row, and what a hostile file may not do."""

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
from services.ingest.roster.row_rules import FIELDS, Row
from services.ingest.roster.xml_parser import Limits
from services.ingest.tests.factories import GOOD, TODAY, read, read_one, refusal, roster, row

ONE = roster(row())
LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]>"
)


def codes(row_: Row) -> list[tuple[str, str]]:
    return [(issue.field, issue.code) for issue in row_.issues]


def test_a_good_row_is_read_as_written() -> None:
    (one,), conclusion = read(ONE)
    assert one.values._asdict() == {
        "employee_id": "EMP-1", "branch_id": "BRC-1", "first_name": "Ida", "last_name": "O'Brien", "born": "1988-03-10", "phone": "+15125550100",
        "payor_id": "CORP-1", "routing": "021000021", "account": "00012345678", "payor_name": "Dunkin' Donuts LLC", "dba": "Dunkin'",
        "ein": "321202401", "line1": "1 Main St", "city": "Ames", "state": "IA", "zip": "50010", "institution_id": "ins_116944",
        "loan": "01234567", "amount_cents": 703,
    }  # fmt: skip
    assert one.written == {"Employee/DOB": "03-10-1988", "Amount": "$7.03"}
    assert (one.file_row, one.line, one.issues, one.refused) == (1, 1, (), False)
    assert conclusion.rows == 1


@pytest.mark.parametrize(
    "amount", ["<![CDATA[$100.00]]>", "$1&#48;0.00", "$1<![CDATA[0]]>0.00", "&#x24;100.00"]
)
def test_cdata_and_character_references_are_text(amount: str) -> None:
    assert read_one({"Amount": amount}).values.amount_cents == 10000


@pytest.mark.parametrize(
    "amount",
    [
        "$1<!-- x -->00.00",
        "$1<?x?>00.00",
        "$1<b/>00.00",
        "$1<b>0</b>0.00",
        "<!-- -->$100.00",
        "$100.00<Amount>$1.00</Amount>",
    ],
)
def test_a_value_with_markup_in_it_is_no_value(amount: str) -> None:
    one = read_one({"Amount": amount})
    assert one.values.amount_cents is None
    assert codes(one) == [("Amount", "E_MARKUP_IN_VALUE")]


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_an_empty_and_a_doubled_leaf_are_refused_by_name(field: str) -> None:
    name = field.rpartition("/")[2]
    missing = [] if field == "Payor/DBA" else [(field, "E_MISSING")]
    assert codes(read_one({field: None})) == missing
    assert codes(read_one({field: ""})) == missing
    doubled = read_one({field: f"{GOOD[field]}</{name}><{name}>{GOOD[field]}"})
    assert codes(doubled) == [(field, "E_TWICE")]
    assert doubled.values[FIELDS.index(field)] is None


@pytest.mark.parametrize("field", FIELDS)
def test_an_attribute_on_a_leaf_refuses_the_row(field: str) -> None:
    name = field.rpartition("/")[2]
    data = ONE.decode()
    at = data.index(f"<{name}>", data.index(f"<{field.partition('/')[0]}>"))
    changed = data[:at] + f'<{name} x="1">' + data[at + len(name) + 2 :]
    (one,), _ = read(changed.encode())
    assert codes(one) == [(field, "E_ATTRIBUTE")]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Employee", "Employee"),
        ("Payor", "Payor"),
        ("Payee", "Payee"),
        ("Address", "Payor/Address"),
    ],
)
def test_a_group_that_is_missing_or_twice_is_refused_with_its_path(name: str, path: str) -> None:
    whole = ONE.decode()
    group = whole[whole.index(f"<{name}>") : whole.index(f"</{name}>") + len(name) + 3]
    (missing,), _ = read(whole.replace(group, "").encode())
    assert codes(missing) == [(path, "E_MISSING")]
    (twice,), _ = read(whole.replace(group, group * 2).encode())
    assert codes(twice) == [(path, "E_TWICE")]


def test_two_payors_in_a_row_never_become_one_of_both() -> None:
    other = "<Payor><AccountNumber>666</AccountNumber></Payor>"
    (one, two), conclusion = read(
        roster(row().replace("<Payee>", other + "<Payee>"), row({"Amount": "$8.00"}))
    )
    assert one.refused
    assert one.values.account is None
    assert not two.refused
    assert conclusion.refusals == ()


def test_children_in_another_order_are_read_by_name() -> None:
    whole = ONE.decode()
    payor = whole[whole.index("<Payor>") : whole.index("</Payor>") + 8]
    moved = (
        whole.replace(payor, "")
        .replace("<Amount>$7.03</Amount>", payor)
        .replace("<row>", "<row><Amount>$7.03</Amount>")
    )
    assert read(moved.encode())[0][0].values == read(ONE)[0][0].values


def test_an_unknown_element_warns_once_per_name() -> None:
    odd = (
        row()
        .replace("<Employee>", "<Employee><Nick>x<b/></Nick><Nick/>")
        .replace("<row>", "<row><Note>1</Note>")
    )
    (one, two), conclusion = read(roster("<meta>x</meta>", odd, odd, "<meta/>"))
    assert codes(one) == [("Note", "W_UNKNOWN_ELEMENT"), ("Employee/Nick", "W_UNKNOWN_ELEMENT")]
    assert [code for _, code in codes(two)] == ["W_POSSIBLE_DUPLICATE"]
    assert [(issue.file_row, issue.field, issue.code) for issue in conclusion.issues] == [
        (0, "meta", "W_UNKNOWN_ELEMENT")
    ]


def test_text_between_the_elements_of_a_row_refuses_it() -> None:
    (one,), _ = read(ONE.replace(b"<Employee>", b"lost<Employee>"))
    assert codes(one) == [("row", "E_STRAY_TEXT")]


def test_hostile_text_is_data() -> None:
    names = {"Employee/FirstName": "&lt;script&gt;", "Employee/LastName": "=cmd|'/C calc'!A0"}
    names |= {"Payor/Name": "${jndi:ldap://x}", "Payor/DBA": "'; DROP TABLE"}
    one = read_one(names)
    assert one.values[2:4] == ("<script>", "=cmd|'/C calc'!A0")
    assert one.issues == ()
    assert codes(read_one({"Employee/FirstName": "Ida\r\nx"})) == [
        ("Employee/FirstName", "E_CONTROL")
    ]
    assert codes(read_one({"Payor/Address/City": "x" * 257})) == [
        ("Payor/Address/City", "E_TOO_LONG")
    ]


def test_issues_carry_row_line_field_and_a_masked_value() -> None:
    pretty = roster(
        row({"Amount": "$7.04"}), row({"Payor/AccountNumber": "12345678X", "Amount": "$5"})
    ).replace(b"><", b">\n<")
    rows, _ = read(pretty)
    lines = pretty.decode().splitlines()
    assert [
        (issue.file_row, issue.field, issue.code, issue.value, issue.outcome)
        for issue in rows[1].issues
    ] == [
        (2, "Payor/AccountNumber", "E_ACCOUNT_FORMAT", "#####678X", "row"),
        (2, "Amount", "E_AMOUNT_FORMAT", "$5", "row"),
    ]
    assert [lines[issue.line - 1] for issue in rows[1].issues] == [
        "<AccountNumber>12345678X</AccountNumber>",
        "<Amount>$5</Amount>",
    ]
    assert [lines[one.line - 1] for one in rows] == ["<row>", "<row>"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + ONE, ONE.decode().encode("utf-16"), b"\xfe\xff" + ONE.decode().encode("utf-16-be"), gzip.compress(ONE),
        ONE + b"\n<!-- end -->\n",
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n' + ONE,
        b'\xff\xfe' + ('<?xml version="1.0" encoding="UTF-16"?>' + ONE.decode()).encode("utf-16-le"),
        gzip.compress(ONE[:99]) + gzip.compress(ONE[99:]), b"<?xml-stylesheet href='x'?>" + ONE,
        ONE.replace(b"root", "Löhne".encode()), ONE.replace(b"><", b">\r\n\t<"),
    ],
)  # fmt: skip
def test_the_same_roster_in_other_bytes_is_the_same(data: bytes) -> None:
    assert read(data)[0][0].values == read(ONE)[0][0].values


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E_FILE_EMPTY"), (b" \n", "E_FILE_EMPTY"), (gzip.compress(b""), "E_FILE_EMPTY"), (b"<root></root>", "E_FILE_NO_ROWS"),
        (b"<root/>", "E_FILE_NO_ROWS"),
        (b"hello", "E_FILE_TYPE"), (b'{"a": 1}', "E_FILE_TYPE"), (b"a,b\n1,2\n", "E_FILE_TYPE"),
        (b"PK\x03\x04" + bytes(200), "E_FILE_TYPE"),
        (gzip.compress(gzip.compress(ONE)), "E_FILE_TYPE"), (ONE + ONE, "E_FILE_TRAILING"), (ONE + b"x", "E_FILE_TRAILING"),
        (gzip.compress(ONE)[:-9], "E_FILE_GZIP"), (gzip.compress(ONE) + b"junk", "E_FILE_GZIP"), (b"\x1f\x8b" + ONE, "E_FILE_GZIP"),
        (b"<!DOCTYPE root>" + ONE, "E_FILE_DOCTYPE"), (LAUGHS + ONE.replace(b"Ames", b"&j;"), "E_FILE_DOCTYPE"),
        (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + ONE.replace(b"Ames", b"&x;"), "E_FILE_DOCTYPE"),
        (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + ONE, "E_FILE_DOCTYPE"),
        (b'<!DOCTYPE r [<!ENTITY x "' + b"x" * 50_000 + b'">]>' + ONE.replace(b"Ames", b"&x;" * 50_000), "E_FILE_DOCTYPE"),
        (ONE.replace(b"Ames", b"&x;"), "E_FILE_ENTITY"), (ONE.replace(b"Ames", b"&nbsp;"), "E_FILE_ENTITY"),
        (ONE.replace(b"<root>", b'<root xmlns="urn:x">'), "E_FILE_NAMESPACE"),
        (ONE.replace(b"<root>", b'<root xmlns:x="urn:x">'), "E_FILE_NAMESPACE"),
        (ONE.replace(b"row>", b"x:row>"), "E_FILE_NAMESPACE"),
        (ONE.replace(b"</root>", b'<xi:include href="/etc/passwd"/></root>'), "E_FILE_NAMESPACE"),
        (ONE.replace(b"<Employee>", b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="x"/><Employee>'), "E_FILE_NAMESPACE"),
        (ONE.replace(b"<root>", b'<root version="2">'), "E_FILE_ATTRIBUTE"), (ONE.replace(b"<root>", b"<root>hello"), "E_FILE_STRAY_TEXT"),
        (b'<?xml version="1.1"?>' + ONE, "E_FILE_XML_VERSION"), (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + ONE, "E_FILE_ENCODING"),
        (b"<?xml version='1.0'\n encoding = 'us-ascii'?>" + ONE, "E_FILE_ENCODING"),
        (b'<?xml version="1.0" encoding="UTF-16"?>' + ONE, "E_FILE_ENCODING"),
        (ONE.replace(b"Ames", b"K\xe9rl"), "E_FILE_ENCODING"), (ONE.decode().encode("utf-16-le"), "E_FILE_ENCODING"),
        (ONE.decode().encode("utf-16-be"), "E_FILE_ENCODING"),
        (ONE.decode().encode("utf-32"), "E_FILE_ENCODING"), (ONE.decode().encode("utf-16")[:-1], "E_FILE_ENCODING"),
        (ONE.replace(b"Ames", b"\xed\xa0\x80"), "E_FILE_ENCODING"),
        (ONE.replace(b"Ames", b"\x01"), "E_FILE_MALFORMED"), (ONE.replace(b"Ames", b"\0"), "E_FILE_MALFORMED"),
        (ONE.replace(b"</City>", b"</Town>"), "E_FILE_MALFORMED"),
        (ONE.replace(b"Ames", b"&#0;"), "E_FILE_MALFORMED"), (ONE.replace(b"Ames", b"A&B"), "E_FILE_MALFORMED"),
        (b" <?xml version='1.0'?>" + ONE, "E_FILE_MALFORMED"),
        (ONE.replace(b"<City>", b"<City x='1' x='2'>"), "E_FILE_MALFORMED"),
        (b"<root>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</root>", "E_FILE_DEPTH"),
        (b"<r><row><a><b><c><d><e/></d></c></b></a></row></r>", "E_FILE_DEPTH"),
        (ONE.replace(b"Ames", b"x" * 4097), "E_FILE_VALUE_SIZE"), (ONE.replace(b"Ames", "é".encode() * 2049), "E_FILE_VALUE_SIZE"),
        (ONE.replace(b"Ames", b"x" * 5_000_000), "E_FILE_VALUE_SIZE"),
        (ONE.replace(b"<Employee>", b"<z>" + b"x" * 4097 + b"</z><Employee>"), "E_FILE_VALUE_SIZE"),
        (ONE.replace(b"<Amount>", b"<Amount>" + b"x<?a?>" * 100_000), "E_FILE_VALUE_SIZE"),
        (b"<root><x " + b" ".join(b'a%d="1"' % i for i in range(100_001)) + b"/></root>", "E_FILE_ATTRIBUTES"),
        (b"<root>" + b"<x a='1'/>" * 100_001 + b"</root>", "E_FILE_ATTRIBUTES"),
        (b"<root><" + b"a" * 257 + b"/></root>", "E_FILE_NAME_LENGTH"),
        (b"<root><" + b"a" * 3_000_000 + b"/></root>", "E_FILE_NAME_LENGTH"),
        (b"<root>" + b"".join(b"<a%d/>" % i for i in range(1001)) + b"</root>", "E_FILE_UNKNOWN_ELEMENTS"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_roster_is_refused_whole(data: bytes, code: str) -> None:
    started = time.monotonic()
    assert refusal(data) == code
    assert refusal(gzip.compress(data)) == code or data[:2] == b"\x1f\x8b"
    assert time.monotonic() - started < 20


def test_a_depth_of_six_and_a_value_of_4096_bytes_are_still_read() -> None:
    assert refusal(b"<r><row><a><b><c><d/></c></b></a></row></r>") == "read"
    assert codes(read_one({"Payor/Address/City": "x" * 4096})) == [
        ("Payor/Address/City", "E_TOO_LONG")
    ]


@pytest.mark.parametrize("width", ["utf-8", "utf-16"])
def test_a_file_cut_anywhere_is_refused(width: str) -> None:
    data = (
        roster(row(), row({"Amount": "$8.00", "Employee/FirstName": "Núñez"}))
        .decode()
        .encode(width)
    )
    for end in range(len(data)):
        assert refusal(data[:end]) != "read", end


@given(st.integers(0, len(ONE) - 1), st.binary(min_size=1, max_size=3))
def test_any_damage_is_refused_or_read_never_a_crash(place: int, noise: bytes) -> None:
    assert refusal(ONE[:place] + noise + ONE[place + len(noise) :])


def test_a_cut_file_says_so_and_where() -> None:
    assert refusal(ONE[:-20]) == "E_FILE_TRUNCATED"


def test_limits_refuse_the_row_or_the_byte_too_many() -> None:
    two = roster(row(), row({"Amount": "$8.00"}))
    assert refusal(two, Limits(rows=2, inflated_bytes=len(two))) == "read"
    assert refusal(two, Limits(rows=1)) == "E_FILE_ROWS"
    assert refusal(two, Limits(inflated_bytes=len(two) - 1)) == "E_FILE_TOO_LARGE"
    assert (
        refusal(
            gzip.compress(b"<root>" + b" " * 20_000_000 + b"</root>"),
            Limits(inflated_bytes=1_000_000),
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
        for _ in sandbox.read(BufferedReader(Pieces(pieces)), Limits(), TODAY):
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
