"""The canonical forms of an employee id and of a loan number, by which people and loans are known.

Files spell one id in several ways: other letters, a no-break space, a dash, a lost zero. Two
spellings with one canonical form are one person, or one loan at one institution. The canonical form
is only compared: what is sent to the provider stays what the file says.
"""

import unicodedata
from functools import lru_cache
from typing import Final

#: Control, format and other characters that nobody sees, by their Unicode category.
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters and marks by their category, but invisible; NFKC makes U+3164 and U+FFA0 to U+1160.
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5")


@lru_cache(maxsize=65_536)  # a person has about five rows
def canonical_person(employee_id: str) -> str:
    """The canonical form of an employee id.

    Unicode NFKC, case folded; white space and invisible characters at the ends are gone, and inner
    runs of them are one space (a run without white space is nothing). It is empty only for an
    empty id.
    """
    if employee_id.isascii() and employee_id.isprintable():
        return " ".join(employee_id.split()).lower() or employee_id
    # Case folding can undo NFKC and the other way round, so both are done until nothing changes.
    text, folded = "", employee_id
    while folded != text:
        text = folded
        folded = unicodedata.normalize("NFKC", text).casefold()
    visible = "".join(" " if c.isspace() else c for c in text if c.isspace() or not _hidden(c))
    return " ".join(visible.split()) or employee_id


@lru_cache(maxsize=65_536)
def canonical_loan(number: str) -> str:
    """The canonical form of a loan number within its institution.

    Unicode NFKC in upper case, letters and digits alone (separators of every kind are gone),
    without leading zeros. A number of zeros is `0`; one without letters and digits stays as it is.
    """
    if not (number.isascii() and number.isalnum()):
        number = "".join(c for c in _upper(number) if c.isalnum()) or number
    return number.upper().lstrip("0") or number[-1:]


def _upper(number: str) -> str:
    text, upper = "", number
    while upper != text:
        text = upper
        upper = unicodedata.normalize("NFKC", text).upper()
    return text


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _FILLERS
