"""Cases of values: refused, warned about, or odd but fine."""

from collections.abc import Iterator

from services.ingest.tests.roster_corpus.cases import RowCase, value

LOAN = "Payee/LoanAccountNumber"
ACCOUNT = "Payor/AccountNumber"
DOB = "Employee/DOB"
AMOUNT = "Amount"
ROUTING = "Payor/ABARouting"
PHONE = "Employee/PhoneNumber"

_LOANS = {
    "E_LOAN_MASKED": (
        *("****1234", "XXXX1234", "xxx-xx-1234", "####5678", "12*45678", "XXXXXXXX", "••••1234"),
        *("●●●●●●1234", "…1234", "...1234", "ending-in-1234", "ending in 1234", "last 4 1234"),
    ),
    "E_LOAN_PLACEHOLDER": (
        *("N/A", "n/a", "NA", "None", "NULL", "TBD", "tba", "unknown", "UNKNOWN", "#N/A", "-"),
        *("---", "?", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "Loan-Number", "not available"),
        *("pending", "test", "undefined", "NaN", "{{loan_number}}", "${loan}", "see statement"),
        *("to be determined", "No Loan", "[object Object]", "(blank)", "on file", "dummy"),
    ),
    "E_LOAN_ZEROS": ("0", "00000000", "0000-0000", "0000000000000000"),
    "E_LOAN_SHORT": ("1", "12", "123", "A-1", "9-9-9"),
    "E_LOAN_FORMAT": ("１２３４５６７８", "1234\t5678", "Nummer 12é45", "1234567\u200b8"),
    "E_LOAN_SPREADSHEET": ("1.27E+07", "4.56789E+11"),
    "E_MISSING": ("", " ", "   "),
    "E_TOO_LONG": ("9" * 257,),
    "W_LOAN_SHORT": ("1234", "A1234", "12-345"),
    "W_LOAN_REPEATED": ("11111111", "9999-9999", "aaaaaaaa"),
    "W_LOAN_CARD": ("4111111111111111", "4222222222222"),
}
_ACCOUNTS = {
    "E_ACCOUNT_ZEROS": ("0", "00000000", "000-000"),
    "E_ACCOUNT_SPREADSHEET": ("1.27E+07", "1E7"),
    "E_ACCOUNT_FORMAT": ("12A4", "1" * 18, "１２３４", "--", "****5678", "N/A"),
    "E_MISSING": ("",),
    "E_TOO_LONG": ("1" * 257,),
}
_AMOUNTS = {
    "E_AMOUNT_FORMAT": (
        *("-$5.00", "($5.00)", "+$5.00", "$1,2,3.00", "$12,34.00", "1e3", "$4.567", "€4.00", "$12"),
        *("$1.5", "$.50", "12,50", "$$5.00", "$ 12.00", "$１２.００", "$1_000.00", "$NaN", "$0x10"),
        *("N/A", "#REF!", "USD 5.00", "$5.00 USD", "$1.00\u202e", "$5.OO"),
    ),
    "E_AMOUNT_BELOW_MINIMUM": ("$0.00", "$0.99"),
    "E_AMOUNT_ABOVE_LIMIT": ("$10,000.01", "$92233720368547758.08"),
    "E_MISSING": ("", "  "),
    "E_TOO_LONG": ("$" + "9" * 400 + ".00",),
}
_DATES = {
    "E_DOB_FORMAT": (
        "1988-03-10",
        "10/03/1988",
        "3-10-1988",
        "03-10-88",
        "03101988",
        "N/A",
        "45000",
    ),
    "E_DOB_DATE": ("02-30-1990", "13-01-1990", "00-00-0000", "02-29-1990"),
    "E_DOB_RANGE": ("03-10-2088", "12-31-9999", "01-01-0001", "01-01-1753", "12-31-1899"),
    "E_DOB_YOUNG": ("11-21-2012", "11-19-2026", "01-01-2020"),
    "W_DOB_DEFAULT": ("01-01-1970", "12-31-1969"),
    "W_DOB_OLD": ("11-19-1925", "07-04-1910"),
}
_NAMES = {
    "W_NAME_PLACEHOLDER": (
        *("N/A", "test", "Unknown", "-", "First Name", "null", "TBD", "xxx", "XX", "123", "?", "—"),
        *("(none)", "not available", "undefined", "Ｎ／Ａ", "#N/A", "dummy"),
    ),
    "W_NAME_ESCAPED": (
        "O&amp;#39;Brien",
        "O&amp;apos;Brien",
        "Lee &amp;amp; Son",
        "a &amp;#xE9; b",
    ),
    "W_NAME_DECODED": ("JosÃ©", "NuÃ±ez", "Oâ€™Brien", "Zo\ufffd", "MÃ¼ller", "Å\u00a0ariÄ‡"),
    "E_CONTROL": ("Ida\u200bx", "Ida\u202ex", "Ida\nx", "Ida&#9;x", "Ida\u2028x"),
    "E_MISSING": ("", "  "),
    "E_TOO_LONG": ("x" * 257,),
}
_OTHERS = (
    (ROUTING, "E_ABA_CHECKSUM", ("403911438", "000000000", "021000022")),
    (ROUTING, "E_ABA_LENGTH", ("21000021", "1403911437")),
    (ROUTING, "E_ABA_FORMAT", ("02100002A", "٠٢١٠٠٠٠٢١", "0210-00021")),
    (ROUTING, "W_ABA_PREFIX", ("403911437",)),
    ("Payor/EIN", "E_EIN_FORMAT", ("3212024A", "3212024", "32-1202401", "N/A")),
    ("Payor/EIN", "W_EIN_LENGTH", ("32120240",)),
    ("Payor/Address/State", "E_STATE_UNKNOWN", ("ZZ", "Iowa", "")),
    ("Payor/Address/Zip", "E_ZIP_FORMAT", ("5001", "500100", "5001O", "50010-12")),
    ("Payor/Address/Zip", "W_ZIP_STATE", ("67485",)),
    ("Payor/Address/City", "E_CONTROL", ("Am\u200bes",)),
    ("Payor/Name", "W_NAME_ESCAPED", ("Dunkin&amp;#39; Donuts",)),
    ("Payor/Name", "W_NAME_DECODED", ("CafÃ© Donuts",)),
    (
        PHONE,
        "E_PHONE_FORMAT",
        ("5125550100", "+1512555010", "+11125550100", "N/A", "+1 512 555 0100"),
    ),
    (
        "Payee/PlaidId",
        "E_INSTITUTION_FORMAT",
        ("116944", "ins_", "INS_116944", "N/A", "ins_11 6944"),
    ),
    ("Employee/DunkinId", "E_MISSING", ("", " ")),
    ("Employee/DunkinId", "E_CONTROL", ("EMP-\u200b5",)),
    ("Employee/DunkinId", "W_SPACES", (" EMP-7d0c9a4e-0005",)),
    ("Employee/DunkinBranch", "E_MISSING", ("",)),
)

_FINE_NAMES = (
    *("O'Brien", "Núñez", "李", "José", "Ø", "S", "SÃO JOÃO", "Ångström", "Müller-Lüdenscheidt"),
    *(
        "Nguyễn",
        "Жанна",
        "AT&amp;T; Inc",
        "Testa",
        "Nunn",
        "Šimić",
        "D’Arcy",
        "Nam",
        "Jr.",
        "de la Cruz",
    ),
    *("&lt;script&gt;", "=cmd|'/C calc'!A0", "'; DROP TABLE", "${jndi:ldap://x}", "Null-Meyer"),
    *("<![CDATA[Ida & Son <b>]]>", "Łukasz", "Mary  Ann", "X Æ", "김", "عمر", "a > b"),
)
_FINE_LOANS = (
    *("00000001", "10000000", "AX123456", "X1234567", "XX-99112", "NA-204418", "1e234567"),
    *("AB-1234/x", "123E55", "4111111111111112", "1234567890" * 8, "TESTA123", "NULL-7001"),
)
_FINE = (
    *((LOAN, text, text) for text in _FINE_LOANS),
    *((ACCOUNT, text, text) for text in ("00012", "1" * 17, "99999999")),
    *((AMOUNT, text, cents) for text, cents in (("$1.00", 100), ("$1,234.56", 123_456))),
    *((AMOUNT, text, 10_000) for text in ("<![CDATA[$100.00]]>", "$1&#48;0.00", "$0100.00")),
    (AMOUNT, "$10,000.00", 1_000_000),
    *((DOB, text, to) for text, to in (("11-20-2012", "2012-11-20"), ("11-20-1926", "1926-11-20"))),
    (DOB, "02-29-2008", "2008-02-29"),
    (DOB, "01-01-1980", "1980-01-01"),
    ("Payor/Address/Zip", "50010-1234", "50010-1234"),
    ("Payor/DBA", "Test", "Test"),
    ("Payee/PlaidId", "ins_116527", "ins_116527"),
    ("Employee/DunkinId", "5", "5"),
    ("Employee/DunkinId", "Beschäftigte 5", "Beschäftigte 5"),
)


def all_cases() -> Iterator[RowCase]:
    """All cases of values."""
    for kind, path, table in (
        ("loan numbers", LOAN, _LOANS),
        ("bank accounts", ACCOUNT, _ACCOUNTS),
        ("amounts", AMOUNT, _AMOUNTS),
        ("birth dates", DOB, _DATES),
        ("names", "Employee/LastName", _NAMES),
    ):
        for code, texts in table.items():
            for text in texts:
                yield value(kind, path, text, code, to=_read(path, text))
    for path, code, texts in _OTHERS:
        for text in texts:
            kind = "names" if code.startswith("W_NAME") else "other values"
            yield value(
                kind, path, text, code if text.strip() else "E_MISSING", to=_read(path, text)
            )
    yield value("amounts", AMOUNT, "5.03", "W_AMOUNT_NO_DOLLAR", to=503)
    yield value("bank accounts", ACCOUNT, "409-095 81", "W_ACCOUNT_NORMALISED", to="40909581")
    yield value("loan numbers", LOAN, "1234 5678", "W_LOAN_NORMALISED", to="12345678")
    yield value("other values", "Payor/Address/State", "ia", "W_STATE_CASE", to="IA")
    yield value("birth dates", DOB, "01-01-1900", "W_DOB_DEFAULT", "W_DOB_OLD", to="1900-01-01")
    yield from _fine()


def _fine() -> Iterator[RowCase]:
    for text in _FINE_NAMES:
        plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        read = plain.removeprefix("<![CDATA[").removesuffix("]]>")
        yield value("names", "Employee/FirstName", text, to=read)
    for path, text, to in _FINE:
        yield value("odd values", path, text, to=to)


def _read(path: str, text: str) -> str | int:
    """What a value that is only warned about is read as."""
    if path == DOB:
        month, day, year = text.split("-") if text.count("-") == 2 else ("", "", "")
        return f"{year}-{month}-{day}"
    return text.replace("&amp;", "&").strip(" ")
