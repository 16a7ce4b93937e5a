"""Values that have the right form and are not what they seem. Pure.

A loan number can be masked or a word for "none", a name can be escaped twice, a birth date can be
the one that systems write where there is none. What cannot be right is refused; what can be, though
it seldom is, is a warning: there are people who are called Null, Test or Na.
"""

import re
import unicodedata
from datetime import date
from typing import Final

#: Texts that stand for a loan number that is missing: in small letters, letters and digits alone.
_NO_LOAN: Final = frozenset(
    (
        *("na", "nan", "nil", "none", "null", "unknown", "unk", "tbd", "tba", "tbc", "test"),
        *("testing", "pending", "missing", "blank", "empty", "undefined", "notavailable"),
        *("notapplicable", "notprovided", "nonumber", "noaccount", "notfound", "error", "value"),
        *("ref", "loan", "loannumber", "account", "accountnumber", "loanaccountnumber", "number"),
        *("seeattached", "asdf", "qwerty", "name", "num", "div0", "spill", "calc", "objectobject"),
        *("unavailable", "nodata", "novalue", "noloan", "nothing", "notset", "notassigned"),
        *("notknown", "notgiven", "notonfile", "onfile", "onrequest", "seestatement", "seenotes"),
        *("tobedetermined", "tobeadvised", "tobeconfirmed", "toconfirm", "todo", "dummy"),
        *("sample", "example", "default", "placeholder", "invalid", "temp", "temporary", "string"),
        *("acct", "acctno", "acctnumber", "acctnum", "accountno", "accountnum", "loanno"),
        *("loannum", "loanid", "loanacct", "accountid", "same", "sameasabove", "various"),
        *("multiple", "select", "pleaseselect", "closed", "paidoff", "false", "true", "yes", "no"),
    )
)
_NO_NAME: Final = frozenset(
    (
        *("na", "nan", "nil", "none", "null", "unknown", "unk", "tbd", "tba", "test", "testing"),
        *("pending", "missing", "blank", "empty", "undefined", "firstname", "lastname", "fname"),
        *("lname", "name", "employee", "notavailable", "notapplicable", "notprovided", "notknown"),
        *(
            "first",
            "last",
            "surname",
            "givenname",
            "familyname",
            "fullname",
            "noname",
            "nofirstname",
        ),
        *(
            "nolastname",
            "anonymous",
            "dummy",
            "sample",
            "example",
            "default",
            "placeholder",
            "temp",
        ),
        *("asdf", "qwerty", "deleted", "inactive", "terminated", "vacant", "string", "ref"),
        *("objectobject", "todo", "same", "nodata", "novalue"),
    )
)
#: What systems write where a birth date is missing: the first day of a calendar in spreadsheets and
#: databases, and second 0 of Unix, in London and in the time zones of the US.
_DEFAULT_BIRTH_DATES: Final = frozenset(
    {
        *(date(1900, 1, 1), date(1901, 1, 1), date(1904, 1, 1)),
        *(date(1970, 1, 1), date(1969, 12, 31)),
    }
)
LOAN_MIN_CHARACTERS: Final = 4
LOAN_USUAL_CHARACTERS: Final = 6
AGE_MIN_YEARS: Final = 14
AGE_MAX_YEARS: Final = 100

# Also with the dots and blocks that screens show for hidden digits, and by words.
_MASKED = re.compile(
    r"\*|[#xX]{3}|[•●∙·⋅○◦█▪■×…]|\.{3}|(?:ending|last)-?(?:in|4|four)", re.IGNORECASE
)
_ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_CROSSED = re.compile(r"x{2,}|z{3,}")
_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-z]+")


def is_masked(number: str) -> bool:
    """Whether digits of a loan number are hidden; also in letters that no number has."""
    return _MASKED.search(number) is not None and any(map(str.isalnum, number))


def of_loan(number: str) -> tuple[str, ...]:
    """The codes of a loan number: one `E_` code if it is none, else warnings."""
    bare = _bare(number)
    if is_masked(number):
        return ("E_LOAN_MASKED",)
    if not bare or bare in _NO_LOAN:
        return ("E_LOAN_PLACEHOLDER",)
    if not bare.strip("0"):
        return ("E_LOAN_ZEROS",)
    if len(bare) < LOAN_MIN_CHARACTERS:
        return ("E_LOAN_SHORT",)
    repeated = ("W_LOAN_REPEATED",) if len(set(bare)) == 1 else ()
    return repeated if len(bare) >= LOAN_USUAL_CHARACTERS else (*repeated, "W_LOAN_SHORT")


def of_birth_date(born: date, today: date) -> tuple[str, ...]:
    """The codes of a birth date that is not in the future: one `E_` code, else warnings."""
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age < AGE_MIN_YEARS:
        return ("E_DOB_YOUNG",)
    default = ("W_DOB_DEFAULT",) if born in _DEFAULT_BIRTH_DATES else ()
    return (*default, "W_DOB_OLD") if age > AGE_MAX_YEARS else default


def of_company_name(name: str) -> tuple[str, ...]:
    """The warnings about a name that was escaped twice, or decoded wrongly."""
    escaped = ("W_NAME_ESCAPED",) if "&" in name and _ESCAPED.search(name) else ()
    return (*escaped, "W_NAME_DECODED") if _is_decoded_wrongly(name) else escaped


def of_person_name(name: str) -> tuple[str, ...]:
    """The warnings about a first or last name: as above, and that it stands for "no name".

    A name without any letter, such as `-` or `123`, is none; so is one letter x, more than once.
    """
    bare = _bare(name)
    is_none = bare in _NO_NAME or not any(map(str.isalpha, name)) or bool(_CROSSED.fullmatch(bare))
    return (*of_company_name(name), "W_NAME_PLACEHOLDER") if is_none else of_company_name(name)


def _bare(text: str) -> str:
    """A text in small letters, its ASCII letters and digits alone, for the lists above."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _NOT_ALPHANUMERIC.sub("", plain.lower())


def _is_decoded_wrongly(text: str) -> bool:
    """Whether a text has a replacement character, or is UTF-8 that was read as a Western code."""
    if text.isascii():
        return False
    if "\ufffd" in text:
        return True
    for code in ("cp1252", "latin-1"):
        try:
            text.encode(code).decode("utf-8")
        except UnicodeError:
            continue
        return True
    return False
