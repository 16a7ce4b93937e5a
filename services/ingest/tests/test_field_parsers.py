"""The strict parsers of values: examples, and properties that hold for any text."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.roster import field_parsers
from services.ingest.roster.issue_codes import SENTENCES
from services.ingest.roster.us_geography import STATE_BY_ZIP_PREFIX, zip_is_in
from services.ingest.tests.factories import TODAY

NOT_AMOUNTS = [
    "-$5", "-$5.00", "$-5.00", "($5.00)", "+$5.00", "$1,2,3.00", "$12,34.00", "1e3", "$4.567",
    "$0.999", "€4", "€4.00", "$12", "$1.5", "$.50", "12,50", "$12,50", "$$5.00", "$ 12.00",
    " $12.00", "$12.00 ", "$12.00\n", "$１２.００", "$１２.00", "$١٢.٠٠", "$١٢.00", "$12.٠٠",
    "$1_000.00",
    "$NaN", "NaN", "$0x10", "$1\u202e2.00", "$1,0000.00", "$,100.00", "$1234,567.00", "$1e3.00",
    "$12.0０", "12.00$", "$", ".", "$1.00.00", "$1.00,", "\u200b$1.00", "$²5.00",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("$7.03", 703),
        ("$1,234.56", 123456),
        ("$1.00", 100),
        ("$100.00", 10000),
        ("$10,000.00", 1000000),
        ("$9999.99", 999999),
        ("$2.01", 201),
        ("$0007.03", 703),
    ],
)
def test_an_amount_is_read_to_the_cent(text: str, cents: int) -> None:
    assert field_parsers.amount(text) == (cents, ())


@pytest.mark.parametrize("text", NOT_AMOUNTS)
def test_an_amount_in_any_other_form_is_refused(text: str) -> None:
    assert field_parsers.amount(text) == (None, ("E_AMOUNT_FORMAT",))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("$0.00", "E_AMOUNT_BELOW_MINIMUM"), ("$0.99", "E_AMOUNT_BELOW_MINIMUM"),
        ("$10,000.01", "E_AMOUNT_ABOVE_LIMIT"), ("$92233720368547758.08", "E_AMOUNT_ABOVE_LIMIT"),
        ("$" + "9" * 400 + ".00", "E_TOO_LONG"), ("", "E_MISSING"), ("  ", "E_MISSING"),
    ],
)  # fmt: skip
def test_an_amount_out_of_range_is_refused(text: str, code: str) -> None:
    assert field_parsers.amount(text) == (None, (code,))


def test_an_amount_without_a_dollar_sign_is_a_warning_when_the_rest_is_exact() -> None:
    assert field_parsers.amount("7.03") == (703, ("W_AMOUNT_NO_DOLLAR",))
    assert field_parsers.amount("1,234.56") == (123456, ("W_AMOUNT_NO_DOLLAR",))


def test_the_limit_of_a_row_can_be_set() -> None:
    assert field_parsers.amount("$5.00", max_cents=500).cents == 500
    assert field_parsers.amount("$5.01", max_cents=500).codes == ("E_AMOUNT_ABOVE_LIMIT",)


@given(st.integers(100, 1_000_000), st.booleans())
def test_every_amount_survives_being_written_and_read(cents: int, grouped: bool) -> None:
    whole = f"{cents // 100:,}" if grouped else str(cents // 100)
    assert field_parsers.amount(f"${whole}.{cents % 100:02d}") == (cents, ())


@given(st.text(alphabet="$0123456789.,- eE_+()٣１ \u202e\n", max_size=12) | st.text(max_size=20))
def test_nothing_is_read_as_an_amount_that_is_not_one(text: str) -> None:
    cents = field_parsers.amount(text).cents
    if cents is None:
        return
    digits = text.removeprefix("$")
    assert set(digits) <= set("0123456789.,")
    whole, _, fraction = digits.partition(".")
    assert len(fraction) == 2
    assert re.fullmatch(r"[0-9]+|[0-9]{1,3}(,[0-9]{3})*", whole)
    assert f"{cents:03d}" == (whole.replace(",", "") + fraction).lstrip("0").zfill(3)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("021000021", ()), ("403911437", ("W_ABA_PREFIX",)), ("403911438", ("E_ABA_CHECKSUM",)),
        ("000000000", ("E_ABA_CHECKSUM",)), ("21000021", ("E_ABA_LENGTH",)),
        ("1403911437", ("E_ABA_LENGTH",)), ("02100002A", ("E_ABA_FORMAT",)),
        ("٠٢١٠٠٠٠٢١", ("E_ABA_FORMAT",)), ("021000021\n", ("E_ABA_FORMAT",)), ("", ("E_MISSING",)),
        ("0" * 300, ("E_TOO_LONG",)),
    ],
)  # fmt: skip
def test_a_routing_number(text: str, codes: tuple[str, ...]) -> None:
    refused = any(code.startswith("E_") for code in codes)
    assert field_parsers.routing(text) == (None if refused else text, codes)


@given(st.from_regex(r"[0-9]{9}", fullmatch=True), st.integers(0, 8), st.integers(1, 9))
def test_one_mistyped_digit_of_a_routing_number_is_noticed(text: str, place: int, by: int) -> None:
    if field_parsers.routing(text).value is not None:
        typo = text[:place] + str((int(text[place]) + by) % 10) + text[place + 1 :]
        assert field_parsers.routing(typo).codes == ("E_ABA_CHECKSUM",)


@pytest.mark.parametrize(
    ("text", "value", "codes"),
    [
        ("40909581", "40909581", ()), ("0012", "0012", ()),
        ("409-095 81", "40909581", ("W_ACCOUNT_NORMALISED",)),
        ("1.27E+07", None, ("E_ACCOUNT_SPREADSHEET",)), ("1E7", None, ("E_ACCOUNT_SPREADSHEET",)),
        ("12A4", None, ("E_ACCOUNT_FORMAT",)), ("1" * 18, None, ("E_ACCOUNT_FORMAT",)),
        ("１２３４", None, ("E_ACCOUNT_FORMAT",)), ("--", None, ("E_ACCOUNT_FORMAT",)),
        ("", None, ("E_MISSING",)), ("1" * 257, None, ("E_TOO_LONG",)),
    ],
)  # fmt: skip
def test_an_account_number(text: str, value: str | None, codes: tuple[str, ...]) -> None:
    assert field_parsers.account_number(text) == (value, codes)


@pytest.mark.parametrize(
    ("text", "value", "codes"),
    [
        ("01234567", "01234567", ()), ("AB-1234/x", "AB-1234/x", ()),
        ("1234 5678", "12345678", ("W_LOAN_NORMALISED",)), ("123E55", "123E55", ()),
        ("4111111111111111", "4111111111111111", ("W_LOAN_CARD",)),
        ("4111 1111 1111 1111", "4111111111111111", ("W_LOAN_NORMALISED", "W_LOAN_CARD")),
        ("4111-1111-1111-1111", "4111-1111-1111-1111", ("W_LOAN_CARD",)),
        ("4222222222222", "4222222222222", ("W_LOAN_CARD",)),
        ("4111111111111112", "4111111111111112", ()), ("1.27E+07", None, ("E_LOAN_SPREADSHEET",)),
        ("１２３", None, ("E_LOAN_FORMAT",)), ("12\t3", None, ("E_LOAN_FORMAT",)),
        ("", None, ("E_MISSING",)), ("9" * 257, None, ("E_TOO_LONG",)),
    ],
)  # fmt: skip
def test_a_loan_number(text: str, value: str | None, codes: tuple[str, ...]) -> None:
    assert field_parsers.loan_number(text) == (value, codes)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("321202401", ()), ("32120240", ("W_EIN_LENGTH",)), ("3212024A", ("E_EIN_FORMAT",)),
        ("3212024", ("E_EIN_FORMAT",)), ("32-1202401", ("E_EIN_FORMAT",)), ("", ("E_MISSING",)),
    ],
)  # fmt: skip
def test_an_ein(text: str, codes: tuple[str, ...]) -> None:
    assert field_parsers.ein(text).codes == codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("02-30-1990", "E_DOB_DATE"), ("13-01-1990", "E_DOB_DATE"), ("00-10-1990", "E_DOB_DATE"),
        ("11-21-2026", "E_DOB_RANGE"), ("01-01-1899", "E_DOB_RANGE"), ("01-01-0000", "E_DOB_DATE"),
        ("1988-03-10", "E_DOB_FORMAT"), ("10/03/1988", "E_DOB_FORMAT"),
        ("1990-01-02", "E_DOB_FORMAT"), ("3-10-1988", "E_DOB_FORMAT"),
        ("٠٣-10-1988", "E_DOB_FORMAT"), ("03-10-1988\n", "E_DOB_FORMAT"), ("", "E_MISSING"),
    ],
)  # fmt: skip
def test_a_birth_date_is_never_guessed(text: str, code: str) -> None:
    assert field_parsers.birth_date(text, TODAY) == (None, (code,))


@given(st.dates(date(1900, 1, 1), date(2012, 11, 20)))
def test_every_birth_date_is_turned_round(born: date) -> None:
    assert (
        field_parsers.birth_date(f"{born:%m-%d-}{born.year:04d}", TODAY).value == born.isoformat()
    )


def test_nobody_is_born_tomorrow() -> None:
    assert field_parsers.birth_date((TODAY + timedelta(1)).strftime("%m-%d-%Y"), TODAY).codes == (
        "E_DOB_RANGE",
    )


@pytest.mark.parametrize(
    "text",
    [
        "5125550100",
        "+1512555010",
        "+151255501000",
        "+10125550100",
        "+15121550100",
        "+1 512 555 0100",
        "+445125550100",
        "+1512555010٠",
    ],
)
def test_a_phone_number_of_another_shape_is_refused(text: str) -> None:
    assert field_parsers.phone(text) == (None, ("E_PHONE_FORMAT",))


@pytest.mark.parametrize(
    ("text", "value", "codes"),
    [
        ("IA", "IA", ()),
        ("Ia", "IA", ("W_STATE_CASE",)),
        ("ZZ", None, ("E_STATE_UNKNOWN",)),
        ("Iowa", None, ("E_STATE_UNKNOWN",)),
        ("ſd", None, ("E_STATE_UNKNOWN",)),
    ],
)
def test_a_state(text: str, value: str | None, codes: tuple[str, ...]) -> None:
    assert field_parsers.state(text) == (value, codes)


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("50010", True),
        ("50010-1234", True),
        ("5001", False),
        ("500101", False),
        ("5OO10", False),
        ("٥0010", False),
    ],
)
def test_a_zip(text: str, ok: bool) -> None:
    assert (field_parsers.zip_code(text).value == text) is ok


@pytest.mark.parametrize(
    ("zip_code", "state"),
    [
        ("67485", "KS"),
        ("50613", "IA"),
        ("10001", "NY"),
        ("06390", "NY"),
        ("06390", "CT"),
        ("96799", "AS"),
        ("00501", "NY"),
        ("99950", "AK"),
        ("20001", "DC"),
        ("00901", "PR"),
    ],
)
def test_a_zip_lies_in_its_state(zip_code: str, state: str) -> None:
    assert zip_is_in(zip_code, state)


def test_a_zip_does_not_lie_elsewhere() -> None:
    assert not zip_is_in("67485", "IA")
    assert STATE_BY_ZIP_PREFIX["674"] == "KS"
    assert not zip_is_in("00001", "NY")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("O'Brien", "O'Brien"), ("Núñez", "Núñez"), ("李", "李"), ("Jose\u0301", "Jos\u00e9"),
        ("X", "X"), ("=cmd|'/C calc'!A0", "=cmd|'/C calc'!A0"), ("<script>", "<script>"),
        ("'; DROP TABLE", "'; DROP TABLE"), ("${jndi:ldap://x}", "${jndi:ldap://x}"),
        ("x" * 256, "x" * 256), ("Anne\u00a0Marie", "Anne\u00a0Marie"),
    ],
)  # fmt: skip
def test_a_name_is_data(text: str, value: str) -> None:
    assert field_parsers.name(text) == (value, ())


@pytest.mark.parametrize(
    "text",
    [
        "Ann\u200b",
        "\u202eAnn",
        "A\u2066nn",
        "Ann\r\nBob",
        "A\tB",
        "Ann\x7f",
        "A\u2028B",
        "A\ufeffB",
        "A\u00adB",
        "A\u034fB",
        "\u3164",
        "A\u115fB",
        "A\u200dB",
        "A\u061cB",
    ],
)
def test_a_name_with_something_invisible_is_refused(text: str) -> None:
    assert field_parsers.name(text) == (None, ("E_CONTROL",))


def test_a_name_is_bounded_and_trimmed() -> None:
    assert field_parsers.name("x" * 257) == (None, ("E_TOO_LONG",))
    assert field_parsers.name(" Ann ") == ("Ann", ("W_SPACES",))
    assert field_parsers.name("   ") == (None, ("E_MISSING",))


@pytest.mark.parametrize("text", ["EMP-7d1f9c6e-0000-4000-8000-000000000000", "17", "BRC-Zürich"])
def test_an_id_is_opaque(text: str) -> None:
    assert field_parsers.plain(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("ins_116944", True),
        ("ins_3", True),
        ("116944", False),
        ("INS_116944", False),
        ("ins_", False),
        ("ins_１", False),
    ],
)
def test_an_institution(text: str, ok: bool) -> None:
    assert (field_parsers.institution(text).value == text) is ok


READERS = [
    field_parsers.amount,
    field_parsers.plain,
    field_parsers.name,
    field_parsers.routing,
    field_parsers.account_number,
    field_parsers.ein,
    field_parsers.phone,
    field_parsers.state,
    field_parsers.zip_code,
    field_parsers.institution,
    field_parsers.loan_number,
]


@given(st.sampled_from(READERS), st.text(max_size=300))
def test_any_text_gives_a_value_or_exactly_one_refusal(reader, text: str) -> None:  # type: ignore[no-untyped-def] # hypothesis
    value, codes = reader(text)
    refusals = [code for code in codes if code.startswith("E_")]
    assert len(refusals) == (1 if value is None else 0)
    assert set(codes) <= set(SENTENCES)


@given(st.text(alphabet="0123456789ABC", min_size=8, max_size=40))
def test_an_issue_shows_four_characters_of_a_number_at_most(number: str) -> None:
    for field in field_parsers.NUMBERS:
        shown = field_parsers.masked(field, number)
        assert shown.endswith(number[-4:])
        assert not set(shown[:-4]) & set("0123456789ABC")


def test_an_issue_shows_the_shape_of_a_personal_value_only() -> None:
    assert field_parsers.masked("Employee/DOB", "1988-03-10") == "####-##-##"
    assert field_parsers.masked("Employee/FirstName", "An\u202en") == "xx\\u202ex"
    assert field_parsers.masked("Payor/AccountNumber", "1234567") == "#######"
    assert field_parsers.masked("Amount", "$1\n") == "$1\\u000a"
