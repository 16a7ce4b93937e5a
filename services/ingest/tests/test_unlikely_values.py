"""Values that have the right form and are not what they seem."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools import sample_roster
from services.ingest.roster import field_parsers
from services.ingest.roster.issue_codes import SENTENCES
from services.ingest.tests.factories import TODAY, codes, read, read_one, rejection, roster, row

LOAN = "Payee/LoanAccountNumber"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        *[(one, "E_LOAN_MASKED") for one in ("****1234", "XXXX1234", "xxx-xx-1234", "####5678")],
        *[(one, "E_LOAN_MASKED") for one in ("12*45678", "XXXXXXXX", "12345XXX")],
        *[(one, "E_LOAN_PLACEHOLDER") for one in ("N/A", "n/a", "NA", "None", "NULL", "TBD")],
        *[(one, "E_LOAN_PLACEHOLDER") for one in ("unknown", "#N/A", "-", "---", "...", "?")],
        *[(one, "E_LOAN_PLACEHOLDER") for one in ("#REF!", "Loan-Number", "not available")],
        *[(one, "E_LOAN_ZEROS") for one in ("0", "00000000", "0000-0000")],
        *[(one, "E_LOAN_SHORT") for one in ("1", "12", "123", "A-1", "9-9-9")],
        *[(one, "W_LOAN_SHORT") for one in ("1234", "A1234", "12-345")],
        *[(one, "W_LOAN_REPEATED") for one in ("11111111", "9999-9999", "aaaaaaaa")],
    ],
)
def test_a_loan_number_that_is_none_or_unlikely(number: str, code: str) -> None:
    found = field_parsers.loan_number(number)
    assert code in found.codes
    assert (found.value is None) == code.startswith("E_")


@pytest.mark.parametrize(
    "number",
    [
        "01234567",
        "00000001",
        "10000000",
        "AX123456",
        "X1234567",
        "XX-99112",
        "NA-204418",
        "1e234567",
    ],
)
def test_loan_numbers_that_real_servicers_use(number: str) -> None:
    assert field_parsers.loan_number(number) == (number, ())


@given(st.integers(1, 99_999_999))
def test_no_number_of_eight_digits_is_refused(number: int) -> None:
    assert field_parsers.loan_number(f"{number:08d}").value == f"{number:08d}"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *[(one, "W_NAME_ESCAPED") for one in ("O&#39;Brien", "O&apos;Brien", "Lee &amp; Son")],
        *[(one, "W_NAME_DECODED") for one in ("JosÃ©", "NuÃ±ez", "Oâ€™Brien", "Zo\ufffd")],
        *[(one, "W_NAME_PLACEHOLDER") for one in ("N/A", "test", "Unknown", "-", "First Name")],
    ],
)
def test_a_name_that_is_not_what_it_seems_is_a_warning(name: str, code: str) -> None:
    found = field_parsers.person_name(name)
    assert (found.value, found.codes) == (name, (code,))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "O'Brien",
            "Núñez",
            "李",
            "José",
            "Ø",
            "S",
            "SÃO JOÃO",
            "Ångström",
            "Müller-Lüdenscheidt",
        ),
        *("Nguyễn", "Жанна", "A&B", "AT&T; Inc", "Testa", "Nunn", "Šimić", "D’Arcy", "Nam"),
    ],
)
def test_names_of_real_people(name: str) -> None:
    assert field_parsers.person_name(name) == (name, ())


def test_a_company_may_be_called_test() -> None:
    assert field_parsers.company_name("Test").codes == ()
    assert field_parsers.company_name("Dunkin&#39; Donuts").codes == ("W_NAME_ESCAPED",)


@pytest.mark.parametrize(
    ("born", "found"),
    [
        ("11-20-2012", ()),
        ("11-21-2012", ("E_DOB_YOUNG",)),
        ("11-19-2026", ("E_DOB_YOUNG",)),
        ("11-20-1926", ()),
        ("11-19-1925", ("W_DOB_OLD",)),
        ("01-01-1900", ("W_DOB_DEFAULT", "W_DOB_OLD")),
        ("01-01-1970", ("W_DOB_DEFAULT",)),
        ("02-29-2012", ()),
    ],
)
def test_a_birth_date_that_is_unlikely(born: str, found: tuple[str, ...]) -> None:
    parsed = field_parsers.birth_date(born, TODAY)
    assert parsed.codes == found
    assert (parsed.value is None) == (found == ("E_DOB_YOUNG",))


def test_who_is_born_on_a_leap_day_is_fourteen_on_the_first_of_march() -> None:
    before, after = date(2026, 2, 28), date(2026, 3, 1)
    assert field_parsers.birth_date("02-29-2012", before).codes == ("E_DOB_YOUNG",)
    assert field_parsers.birth_date("02-29-2012", after).codes == ()


def test_an_account_of_zeros_is_none() -> None:
    for text in ("0", "00000000", "000-000"):
        assert field_parsers.account_number(text) == (None, ("E_ACCOUNT_ZEROS",))
    assert field_parsers.account_number("00012").value == "00012"


@pytest.mark.parametrize(
    ("field", "text", "code", "value"),
    [
        (LOAN, "****1234", "E_LOAN_MASKED", "****1234"),
        (LOAN, "N/A", "E_LOAN_PLACEHOLDER", "x/x"),
        ("Employee/LastName", "O&amp;#39;Brien", "W_NAME_ESCAPED", "x&###;xxxxx"),
        ("Employee/DOB", "01-01-1970", "W_DOB_DEFAULT", "##-##-####"),
        ("Payor/AccountNumber", "0000", "E_ACCOUNT_ZEROS", "####"),
    ],
)
def test_the_row_says_what_it_is_and_what_to_do(
    field: str, text: str, code: str, value: str
) -> None:
    (issue,) = [issue for issue in read_one({field: text}).issues if issue.code == code]
    assert (issue.file_row, issue.field, issue.value) == (1, field, value)
    assert issue.message == SENTENCES[code]


def test_a_sample_roster_has_no_unlikely_value() -> None:
    rows, _ = read(sample_roster.make(5_000, 7))
    found = {code for one in rows for _, code in codes(one)}
    assert found <= {"W_EIN_LENGTH", "W_ABA_PREFIX", "W_ZIP_STATE", "W_DOB_DEFAULT"}


NACHA = (
    b"101 02100002112345678902601151300A094101"
    b"FIRST BANK             DUNKIN DONUTS                  \r\n5200"
)
PAIN = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">'
    b"<CstmrCdtTrfInitn/></Document>"
)


def test_a_bank_file_is_called_what_it_seems_to_be() -> None:
    assert rejection(NACHA) == "E_FILE_NACHA"
    assert rejection(PAIN) == "E_FILE_ISO20022"
    assert rejection(PAIN.decode().encode("utf-16")) == "E_FILE_ISO20022"
    assert rejection(b"101 things to do") == "E_FILE_TYPE"
    assert rejection(roster(row({"Payor/Name": "ISO 20022 Inc"}))) == "read"
