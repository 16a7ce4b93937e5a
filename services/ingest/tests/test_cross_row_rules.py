"""The rules between rows."""

from collections.abc import Mapping

import pytest

from services.ingest.roster.cross_row_rules import GroupRefusal, OfferedCorrection, RosterSummary
from services.ingest.tests.factories import read, roster, row

SECOND_LOAN: dict[str, str | None] = {"Payee/LoanAccountNumber": "7654321"}
OTHER_PERSON: dict[str, str | None] = {
    "Employee/DunkinId": "EMP-2",
    "Payee/LoanAccountNumber": "88712345",
}


def found(*changes: Mapping[str, str | None]) -> tuple[list[list[str]], RosterSummary]:
    rows, conclusion = read(roster(*(row(change) for change in changes)))
    return [[issue.code for issue in one.issues] for one in rows], conclusion


def test_a_good_file_has_nothing_to_say() -> None:
    codes, conclusion = found({}, SECOND_LOAN, OTHER_PERSON)
    assert codes == [[], [], []]
    assert conclusion == RosterSummary(3, (), (), {"CORP-1": "CORP-1"}, ())


def test_a_payor_with_two_accounts_is_refused_whole() -> None:
    codes, conclusion = found(
        {},
        SECOND_LOAN | {"Payor/AccountNumber": "99999999"},
        OTHER_PERSON | {"Payor/DunkinId": "CORP-2", "Payor/AccountNumber": "5"},
    )
    assert codes == [[], [], []]
    assert conclusion.refusals == (
        GroupRefusal("E_PAYOR_TWO_ACCOUNTS", "Payor/DunkinId", "CORP-1"),
    )


def test_a_leading_zero_makes_another_account() -> None:
    _, conclusion = found({}, SECOND_LOAN | {"Payor/AccountNumber": "12345678"})
    assert [refusal.code for refusal in conclusion.refusals] == ["E_PAYOR_TWO_ACCOUNTS"]


def test_an_account_number_that_is_refused_does_not_count_as_a_second_one() -> None:
    codes, conclusion = found(
        {},
        SECOND_LOAN | {"Payor/AccountNumber": "1.27E+07"},
        OTHER_PERSON | {"Payor/ABARouting": "1"},
    )
    assert codes == [[], ["E_ACCOUNT_SPREADSHEET"], ["E_ABA_LENGTH"]]
    assert conclusion.refusals == ()


@pytest.mark.parametrize(
    "broken",
    [
        {"Payor/EIN": "x"},
        {"Payor/ABARouting": "1"},
        {"Payor/Address/State": "ZZ"},
        {"Amount": "$1"},
        {"Payor/EIN": None},
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_second_account_number_counts_whatever_else_is_wrong_with_its_row(
    broken: dict[str, str | None], place: int
) -> None:
    changes = [{**SECOND_LOAN, "Payor/AccountNumber": "99999999", **broken}, {}]
    _, conclusion = found(*(changes if place == 0 else changes[::-1]), OTHER_PERSON)
    assert conclusion.refusals == (
        GroupRefusal("E_PAYOR_TWO_ACCOUNTS", "Payor/DunkinId", "CORP-1"),
    )


def test_a_second_routing_number_makes_another_account() -> None:
    _, conclusion = found(
        {}, SECOND_LOAN | {"Payor/ABARouting": "011000015", "Payor/AccountNumber": "12A"}
    )
    assert [refusal.code for refusal in conclusion.refusals] == ["E_PAYOR_TWO_ACCOUNTS"]


def test_the_same_account_in_another_spelling_is_the_same() -> None:
    codes, conclusion = found({}, SECOND_LOAN | {"Payor/AccountNumber": "000-1234 5678"})
    assert codes == [[], ["W_ACCOUNT_NORMALISED"]]
    assert conclusion.refusals == ()


def test_a_payor_with_two_eins_is_refused_whole() -> None:
    _, conclusion = found({}, SECOND_LOAN | {"Payor/EIN": "123456789"})
    assert conclusion.refusals == (GroupRefusal("E_PAYOR_TWO_EINS", "Payor/DunkinId", "CORP-1"),)


def test_two_payor_ids_on_one_account_are_one_source_under_the_smaller_id() -> None:
    codes, conclusion = found(
        {"Payor/DunkinId": "CORP-2"}, OTHER_PERSON, {"Payor/DunkinId": "CORP-2", "Amount": "$9.00"}
    )
    assert codes == [[], ["W_PAYOR_TWO_IDS"], []]
    assert conclusion.sources == {"CORP-1": "CORP-1", "CORP-2": "CORP-1"}


def test_a_payor_that_is_refused_lends_its_id_to_nobody() -> None:
    _, conclusion = found(
        {},
        SECOND_LOAN | {"Payor/AccountNumber": "99999999"},
        OTHER_PERSON | {"Payor/DunkinId": "CORP-2"},
    )
    assert [refusal.key for refusal in conclusion.refusals] == ["CORP-1"]
    assert conclusion.sources["CORP-2"] == "CORP-2"


def test_two_birth_dates_refuse_the_employee_whole() -> None:
    codes, conclusion = found(
        {},
        SECOND_LOAN | {"Employee/DOB": "03-11-1988"},
        OTHER_PERSON | {"Employee/DOB": "03-11-1988"},
    )
    assert codes == [[], [], []]
    assert conclusion.refusals == (
        GroupRefusal("E_EMPLOYEE_TWO_DOBS", "Employee/DunkinId", "EMP-1"),
    )


def test_a_birth_date_that_is_refused_does_not_count_as_a_second_one() -> None:
    codes, conclusion = found(
        {"Employee/DOB": "02-30-1990"},
        SECOND_LOAN,
        {"Payee/LoanAccountNumber": "98712345", "Employee/DOB": "1988-03-10"},
    )
    assert codes == [["E_DOB_DATE"], [], ["E_DOB_FORMAT"]]
    assert conclusion.refusals == ()


def test_a_birth_date_is_compared_with_the_first_good_one() -> None:
    _, conclusion = found(
        {"Employee/DOB": "x"},
        SECOND_LOAN,
        {"Payee/LoanAccountNumber": "98712345", "Employee/DOB": "03-11-1988"},
    )
    assert [refusal.key for refusal in conclusion.refusals] == ["EMP-1"]


@pytest.mark.parametrize(
    ("field", "other", "code"),
    [
        ("Employee/FirstName", "Ada", "W_EMPLOYEE_NAME"),
        ("Employee/LastName", "Brien", "W_EMPLOYEE_NAME"),
        ("Employee/PhoneNumber", "+15125550101", "W_EMPLOYEE_PHONE"),
        ("Employee/DunkinBranch", "BRC-2", "W_EMPLOYEE_BRANCH"),
    ],
)  # fmt: skip
def test_an_employee_with_another_detail_is_a_warning_once(
    field: str, other: str, code: str
) -> None:
    codes, conclusion = found(
        {}, SECOND_LOAN | {field: other}, {"Payee/LoanAccountNumber": "98712345", field: other}
    )
    assert codes == [[], [code], []]
    assert conclusion.refusals == ()


def test_the_same_name_in_two_unicode_forms_is_the_same() -> None:
    codes, _ = found(
        {"Employee/FirstName": "Jose\u0301"}, SECOND_LOAN | {"Employee/FirstName": "Jos\u00e9"}
    )
    assert codes == [[], []]


def test_a_loan_of_two_employees_is_a_warning() -> None:
    codes, _ = found(
        {}, {"Employee/DunkinId": "EMP-2"}, {"Employee/DunkinId": "EMP-3", "Payee/PlaidId": "ins_1"}
    )
    assert codes == [[], ["W_LOAN_TWO_EMPLOYEES"], []]


def test_a_lost_zero_of_a_loan_number_is_a_warning_and_is_not_added() -> None:
    codes, _ = found({}, {"Employee/DunkinId": "EMP-2", "Payee/LoanAccountNumber": "1234567"})
    assert codes == [[], ["W_LOAN_TWO_EMPLOYEES", "W_LOAN_SPELLING"]]


def test_only_the_same_payment_to_the_cent_is_a_possible_duplicate() -> None:
    codes, _ = found(
        {},
        {"Amount": "$7.04"},
        {"Payor/DunkinId": "CORP-2", "Payor/AccountNumber": "77"},
        {"Amount": "$0007.03"},
    )
    assert codes == [[], [], [], ["W_POSSIBLE_DUPLICATE"]]


def test_a_refused_row_is_nobodys_duplicate() -> None:
    codes, _ = found({"Employee/PhoneNumber": "1"}, {}, {"Employee/PhoneNumber": "1"})
    assert codes == [["E_PHONE_FORMAT"], [], ["E_PHONE_FORMAT"]]


def test_warnings_about_a_payor_are_told_once_each() -> None:
    odd: dict[str, str | None] = {
        "Payor/EIN": "32120240",
        "Payor/ABARouting": "403911437",
        "Payor/Address/Zip": "67485",
    }
    codes, conclusion = found(
        odd,
        odd | SECOND_LOAN,
        odd | {"Payor/DunkinId": "CORP-2", "Payor/AccountNumber": "2", "Amount": "$9.00"},
    )
    assert codes == [
        ["W_ABA_PREFIX", "W_EIN_LENGTH", "W_ZIP_STATE"],
        [],
        ["W_ABA_PREFIX", "W_EIN_LENGTH", "W_ZIP_STATE"],
    ]
    assert conclusion.corrections == (
        OfferedCorrection("CORP-1", "state", "IA", "KS"),
        OfferedCorrection("CORP-2", "state", "IA", "KS"),
    )


def test_refusals_about_a_payor_are_told_for_every_row() -> None:
    bad: dict[str, str | None] = {"Payor/ABARouting": "021000022"}
    codes, conclusion = found(bad, bad | SECOND_LOAN)
    assert codes == [["E_ABA_CHECKSUM"], ["E_ABA_CHECKSUM"]]
    assert conclusion.refusals == ()


def test_one_correction_is_offered_for_two_ids_of_one_source() -> None:
    odd: dict[str, str | None] = {"Payor/Address/Zip": "67485"}
    _, conclusion = found(odd | {"Payor/DunkinId": "CORP-2"}, odd | SECOND_LOAN)
    assert conclusion.corrections == (OfferedCorrection("CORP-1", "state", "IA", "KS"),)


def test_a_zip_of_no_state_warns_without_an_offer() -> None:
    codes, conclusion = found({"Payor/Address/Zip": "00001"})
    assert codes == [["W_ZIP_UNKNOWN"]]
    assert conclusion.corrections == ()


def test_a_payor_with_two_addresses_is_a_warning_once() -> None:
    codes, _ = found(
        {},
        SECOND_LOAN | {"Payor/Address/Line1": "2 Main St"},
        {"Amount": "$8.00", "Payor/Name": "Other"},
    )
    assert codes == [[], ["W_PAYOR_DETAILS"], []]


def test_the_spellings_of_one_person_are_one_person() -> None:
    codes, conclusion = found(
        {},
        SECOND_LOAN | {"Employee/DunkinId": "emp-1\u00a0", "Employee/DOB": "03-11-1988"},
        {"Employee/DunkinId": "EMP-1\u200b", "Payee/LoanAccountNumber": "4444444"},
    )
    assert codes[:2] == [[], ["W_EMPLOYEE_SPELLING"]]
    assert [refusal.key for refusal in conclusion.refusals] == ["EMP-1", "emp-1\u00a0"]


def test_the_spellings_of_one_loan_are_one_loan() -> None:
    codes, _ = found(
        {},
        {"Payee/LoanAccountNumber": "0123-4567"},
        {"Payee/LoanAccountNumber": "1234567", "Amount": "$8.00"},
        OTHER_PERSON | {"Payee/LoanAccountNumber": "01234567"},
        {"Payee/LoanAccountNumber": "01234567", "Payee/PlaidId": "ins_2"},
    )
    assert codes == [
        [],
        ["W_LOAN_SPELLING"],
        ["W_LOAN_SPELLING"],
        ["W_LOAN_TWO_EMPLOYEES"],
        [],
    ]
