"""The streaming parser: the structure of a row, and the issues that refuse it."""

import gzip

import pytest

from services.ingest.roster.row_rules import FIELDS
from services.ingest.tests.factories import GOOD, codes, read, read_one, roster, row

ONE = roster(row())


def test_a_good_row_is_read_as_written() -> None:
    (one,), conclusion = read(ONE)
    assert one.values._asdict() == {
        "employee_id": "EMP-1", "branch_id": "BRC-1", "first_name": "Ida", "last_name": "O'Brien",
        "born": "1988-03-10", "phone": "+15125550100", "payor_id": "CORP-1", "routing": "021000021",
        "account": "00012345678", "payor_name": "Dunkin' Donuts LLC", "dba": "Dunkin'",
        "ein": "321202401", "line1": "1 Main St", "city": "Ames", "state": "IA", "zip": "50010",
        "institution_id": "ins_116944", "loan": "01234567", "amount_cents": 703,
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
        b"\xef\xbb\xbf" + ONE, ONE.decode().encode("utf-16"),
        b"\xfe\xff" + ONE.decode().encode("utf-16-be"), gzip.compress(ONE),
        ONE + b"\n<!-- end -->\n",
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n' + ONE,
        b"\xff\xfe" + f'<?xml version="1.0" encoding="UTF-16"?>{ONE.decode()}'.encode("utf-16-le"),
        gzip.compress(ONE[:99]) + gzip.compress(ONE[99:]), b"<?xml-stylesheet href='x'?>" + ONE,
        ONE.replace(b"root", "Löhne".encode()), ONE.replace(b"><", b">\r\n\t<"),
    ],
)  # fmt: skip
def test_the_same_roster_in_other_bytes_is_the_same(data: bytes) -> None:
    assert read(data)[0][0].values == read(ONE)[0][0].values
