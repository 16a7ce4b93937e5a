"""Cases of the structure of a row and of rules between rows, that leave the file readable."""

from collections.abc import Iterator

from services.ingest.roster.row_rules import FIELDS
from services.ingest.tests.roster_corpus.builder import CHANGED, good_values, leaf, pieces
from services.ingest.tests.roster_corpus.cases import RowCase

_GOOD = good_values(CHANGED)
_PIECES = pieces(_GOOD)
_GROUPS = ("Employee", "Payor", "Payor/Address", "Payee")


def all_cases() -> Iterator[RowCase]:
    """All cases of structure, then those of rules between rows."""
    yield from _leaves()
    yield from _groups()
    yield from _odd_but_fine()
    yield from _between_rows()


def _leaves() -> Iterator[RowCase]:
    kind = "structure of a row"
    for path in FIELDS:
        name, good = path.rpartition("/")[2], leaf(path, _GOOD[path])
        if path != "Payor/DBA":
            yield RowCase(kind, f"{path} missing", {path: None}, ((path, "E_MISSING"),))
        yield RowCase(kind, f"{path} twice", {path: good + good}, ((path, "E_TWICE"),))
        attribute = good.replace(f"<{name}>", f'<{name} x="1">', 1)
        yield RowCase(
            kind, f"{path} with an attribute", {path: attribute}, ((path, "E_ATTRIBUTE"),)
        )
    for path, markup in (
        ("Amount", "$1<!-- x -->00.00"),
        ("Amount", "$1<?x?>00.00"),
        ("Amount", "$1<b/>00.00"),
        ("Amount", "$1<b>0</b>0.00"),
        ("Amount", "<!-- -->$100.00"),
        ("Payee/LoanAccountNumber", "0123<i>4567</i>"),
        ("Employee/LastName", "O<br/>Brien"),
    ):
        change = {path: leaf(path, markup)}
        yield RowCase(kind, f"{path} is {markup}", change, ((path, "E_MARKUP_IN_VALUE"),))
    stray = {"<Employee>": "lost<Employee>"}
    yield RowCase(kind, "text between elements", stray, (("row", "E_STRAY_TEXT"),))
    stray = {"<Employee>": "<Employee>lost"}
    yield RowCase(kind, "text within a group", stray, (("Employee", "E_STRAY_TEXT"),))
    with_id = {"<row>": '<row id="5">'}
    yield RowCase(kind, "attribute of the row", with_id, (("row", "E_ATTRIBUTE"),))
    unknown = {"<Payee>": "<Note>x</Note><Payee>"}
    yield RowCase(kind, "unknown element", unknown, (("Note", "W_UNKNOWN_ELEMENT"),))
    nested = {"<Payee>": "<Note><a><b>x</b></a></Note><Payee>"}
    yield RowCase(kind, "unknown nested element", nested, (("Note", "W_UNKNOWN_ELEMENT"),))


def _groups() -> Iterator[RowCase]:
    kind = "structure of a row"
    for group in _GROUPS:
        inside = [one for one in _PIECES if one.strip("</>").startswith(group)]
        gone = dict.fromkeys(inside)
        yield RowCase(kind, f"{group} missing", gone, ((group, "E_MISSING"),))
        whole = "".join(_PIECES[one] for one in inside)
        end = f"</{group}>"
        twice = {end: _PIECES[end] + whole}
        yield RowCase(kind, f"{group} twice", twice, ((group, "E_TWICE"),))
    swapped = {
        **{one: None for one in _PIECES if one.startswith("Payee/") or one.strip("</>") == "Payee"},
        "<Employee>": leaf("Payee", leaf("LoanAccountNumber", "01234565")).replace(
            "</Payee>", leaf("PlaidId", "ins_116944") + "</Payee>"
        )
        + "<Employee>",
    }
    yield RowCase("odd structure", "groups and leaves in another order", swapped)


def _odd_but_fine() -> Iterator[RowCase]:
    kind = "odd structure"
    for name, change in (
        ("no DBA", {"Payor/DBA": None}),
        ("an empty DBA", {"Payor/DBA": "<DBA/>"}),
        ("a comment between elements", {"<Payee>": "<!-- <row> & < -->\n<Payee>"}),
        ("an instruction between elements", {"<Payee>": "<?page break?><Payee>"}),
        ("spaces within tags", {"Amount": f"<Amount >{_GOOD['Amount']}</Amount\n>"}),
        ("tabs and empty lines", {"<Payee>": "\t\r\n\n  <Payee>"}),
        ("a name in CDATA", {"Payor/Name": leaf("Name", "<![CDATA[Dunkin' Donuts LLC]]>")}),
        ("a name of references", {"Payor/Address/City": leaf("City", "&#65;&#x6d;es")}),
        ("the amount first", {"<row>": f"<row>{_PIECES['Amount']}", "Amount": None}),
        ("a value in pieces", {"Payor/Address/City": leaf("City", "A<![CDATA[m]]>e&#115;")}),
    ):
        yield RowCase(kind, name, change)


def _between_rows() -> Iterator[RowCase]:
    kind = "rules between rows"
    other = good_values(2)

    def same_as_2(*paths: str) -> dict[str, str | None]:
        return {path: leaf(path, other[path]) for path in paths}

    employee = [path for path in FIELDS if path.startswith("Employee/")]
    yield RowCase(
        kind,
        "a payor with two accounts",
        same_as_2("Payor/DunkinId"),
        refused=(("E_PAYOR_TWO_ACCOUNTS", "CORP-2"),),
    )
    yield RowCase(
        kind,
        "a payor with two EINs",
        {
            **same_as_2("Payor/DunkinId", "Payor/AccountNumber"),
            "Payor/EIN": leaf("EIN", "321202402"),
        },
        refused=(("E_PAYOR_TWO_EINS", "CORP-2"),),
    )
    yield RowCase(
        kind,
        "two payors with one account",
        same_as_2("Payor/AccountNumber"),
        (("Payor/DunkinId", "W_PAYOR_TWO_IDS"),),
    )
    yield RowCase(
        kind,
        "a person with two birth dates",
        {**same_as_2(*employee), "Employee/DOB": leaf("DOB", "03-11-1988")},
        refused=(("E_EMPLOYEE_TWO_DOBS", "EMP-7d0c9a4e-0002"),),
    )
    for path, text, code in (
        ("Employee/LastName", "Braun", "W_EMPLOYEE_NAME"),
        ("Employee/PhoneNumber", "+15125550199", "W_EMPLOYEE_PHONE"),
        ("Employee/DunkinBranch", "BRC-9", "W_EMPLOYEE_BRANCH"),
    ):
        changed = {**same_as_2(*employee), path: leaf(path, text)}
        yield RowCase(kind, f"a person with another {path}", changed, ((path, code),))
    for spelling in ("emp-7D0C9A4E-0002", "EMP-7d0c9a4e-0002\u00a0", "ＥＭＰ-7d0c9a4e-0002"):
        changed = {**same_as_2(*employee), "Employee/DunkinId": leaf("DunkinId", spelling)}
        codes = (("Employee/DunkinId", "W_EMPLOYEE_SPELLING"),)
        yield RowCase(kind, f"a person spelled {spelling!r}", changed, codes)
    loan = "Payee/LoanAccountNumber"
    yield RowCase(kind, "a loan of two people", same_as_2(loan), ((loan, "W_LOAN_TWO_EMPLOYEES"),))
    yield RowCase(
        kind,
        "a loan in another spelling",
        {**same_as_2(*employee), loan: leaf(loan, "1234562")},
        ((loan, "W_LOAN_SPELLING"),),
    )
    payor = [path for path in FIELDS if path.startswith("Payor/")]
    changed = same_as_2(*employee, *payor, loan, "Amount")
    yield RowCase(kind, "a possible duplicate", changed, (("Amount", "W_POSSIBLE_DUPLICATE"),))
    yield RowCase("odd structure", "a payor in two rows", same_as_2(*payor))
    yield RowCase("odd structure", "a person with a third loan", same_as_2(*employee))
