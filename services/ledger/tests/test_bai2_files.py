"""BAI2 statements: what is read, and that a file with a wrong control is not read at all."""

from datetime import date

import pytest

from services.ledger.domain.bank_statement import BankLine
from services.ledger.finance.bank_files import BankFile, StatementUnreadable, read_bank_file

DAY = date(2026, 11, 20)
#: Two debits of our payments, a deposit, a loan's information and a continued text.
SAMPLE = """\
01,122099999,123456789,261121,0200,1,80,1,2/
02,123456789,122099999,1,261120,,USD,2/
03,000123455544,,010,2500000,,,040,2400000,,/
88,100,500000,1,,400,193800,2,/
16,455,93800,Z,REF1,,PAYDOWN pmt_1
88,LOAN SERVICING
16,455,100000,S,0,100000,0,REF2,CUST2,PAYDOWN pmt_2, again/
16,195,500000,V,261121,,REF3,,DEPOSIT/
16,720,77,Z,,,LOAN PRINCIPAL/
49,6287677,8/
98,6287677,1,10/
99,6287677,1,12/
"""


def read(text: str = SAMPLE) -> BankFile:
    return read_bank_file(text)


def test_each_transaction_has_its_day_its_side_and_its_references() -> None:
    assert read() == BankFile(
        "5544",
        (
            BankLine(DAY, -93800, "REF1 PAYDOWN pmt_1 LOAN SERVICING"),
            BankLine(DAY, -100000, "REF2 CUST2 PAYDOWN pmt_2, again"),
            BankLine(DAY, 500000, "REF3 DEPOSIT"),
        ),
    )


def test_windows_line_ends_and_distributed_availability_are_read() -> None:
    spread = SAMPLE.replace("16,455,93800,Z,REF1", "16,455,93800,D,2,1,3800,2,90000,REF1")
    assert read(spread.replace("\n", "\r\n")) == read()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("49,6287677", "49,6287678", "total of the account should be 6287678"),
        ("98,6287677,1,10", "98,6287677,1,9", "lines of the group"),
        ("98,6287677,1", "98,6287677,2", "accounts of the group"),
        ("99,6287677,1,12", "99,6287677,1,11", "lines of the file"),
        ("99,6287677,1", "99,6287677,3", "groups of the file"),
        ("16,455,93800", "16,455,93801", "total of the account"),
        ("16,455,93800", "16,455,-93800", "no side"),
        ("16,455,93800", "16,455,938.00", "no whole number"),
        ("16,455,93800", "16,055,93800", "no type code"),
        ("16,455,93800,Z", "16,455,93800,Q", "no funds type"),
        ("000123455544,,", "000123455544,EUR,", "not in US dollars"),
        ("1,261120,,USD", "1,261120,,EUR", "not in US dollars"),
        ("1,261120", "4,261120", "no update"),
        ("1,261120", "1,261320", "no day"),
        (",80,1,2/", ",80,1,3/", "not version 2"),
        ("49,6287677,8/\n", "", "out of place"),
        ("99,6287677,1,12/\n", "", "cut short"),
        ("99,6287677,1,12/\n", "99,6287677,1,12/\n16,455,1,,,,x/\n", "behind the end"),
        ("16,720", "17,720", "no such record"),
        ("16,720", "date,720", "no record begins"),
    ],
)
def test_a_file_with_a_fault_is_refused_whole_with_its_line(
    old: str, new: str, reason: str
) -> None:
    assert old in SAMPLE
    with pytest.raises(StatementUnreadable, match=reason):
        read(SAMPLE.replace(old, new, 1))


def test_statements_of_several_accounts_are_refused() -> None:
    second = "03,000123450000,,,,,/\n16,455,5,Z,,,x/\n49,5,3/\n98,6287682,2,13/\n99,6287682,1,15/\n"
    with pytest.raises(StatementUnreadable, match="several accounts"):
        read(SAMPLE[: SAMPLE.index("98,")] + second)
