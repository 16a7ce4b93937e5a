"""One strict parser for each kind of value in a roster. Pure: text in, a value and codes out.

Nothing is guessed and nothing is padded. `\\d`, `int()` and `Decimal()` accept digits of other
alphabets, underscores and exponents. So every grammar here is ASCII and must match the whole text.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

from services.ingest.roster import unlikely_values
from services.ingest.roster.us_geography import STATES, routing_prefix_is_assigned

MIN_AMOUNT_CENTS: Final = 1_00
MAX_AMOUNT_CENTS: Final = 10_000_00
MAX_CHARACTERS: Final = 256

_AMOUNT = re.compile(r"\$?([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]{2})")
_DIGITS = re.compile(r"[0-9]+")
_ACCOUNT = re.compile(r"[0-9]{1,17}")
_EIN = re.compile(r"[0-9]{8,9}")
_DATE = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_PHONE = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}")
_ZIP = re.compile(r"[0-9]{5}(?:-[0-9]{4})?")
_INSTITUTION = re.compile(r"ins_[0-9A-Za-z]{1,32}")
_LOAN = re.compile(r"[!-~]+")
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Letters and marks by their category, but invisible.
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


class Parsed(NamedTuple):
    """A value as it is stored, and the codes of what was found.

    The value is None if it is refused; then there is one `E_` code.
    """

    value: str | None
    codes: tuple[str, ...] = ()


class Amount(NamedTuple):
    """An amount in US cents, and the codes of what was found.

    The amount is None if it is refused; then there is one `E_` code.
    """

    cents: int | None
    codes: tuple[str, ...] = ()


def amount(text: str, max_cents: int = MAX_AMOUNT_CENTS) -> Amount:
    """Parse `$1,234.56` to cents; a missing dollar sign is a warning.

    Every other form is refused, and so are amounts outside $1.00 … max_cents.
    """
    match = _AMOUNT.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if match is None:
        return Amount(None, _refused(text, "E_AMOUNT_FORMAT").codes)
    cents = int(match[1].replace(",", "") + match[2])
    if cents < MIN_AMOUNT_CENTS:
        return Amount(None, ("E_AMOUNT_BELOW_MINIMUM",))
    if cents > max_cents:
        return Amount(None, ("E_AMOUNT_ABOVE_LIMIT",))
    return Amount(cents, () if text[0] == "$" else ("W_AMOUNT_NO_DOLLAR",))


def plain(text: str) -> Parsed:
    """Parse a text of at most 256 visible characters; spaces around it are dropped (a warning)."""
    trimmed = text.strip(" ")
    if not trimmed:
        return Parsed(None, ("E_MISSING",))
    if len(trimmed) > MAX_CHARACTERS:
        return Parsed(None, ("E_TOO_LONG",))
    # isprintable() is a quick test for ASCII. Elsewhere it also refuses the spaces of other
    # scripts, which names may contain.
    if not (trimmed.isascii() and trimmed.isprintable()) and any(map(_is_invisible, trimmed)):
        return Parsed(None, ("E_CONTROL",))
    return Parsed(trimmed, () if trimmed == text else ("W_SPACES",))


def name(text: str) -> Parsed:
    """Parse a name or a line of an address, to NFC: the same on every system it is typed on."""
    found = plain(text)
    return (
        found
        if found.value is None
        else Parsed(unicodedata.normalize("NFC", found.value), found.codes)
    )


def company_name(text: str) -> Parsed:
    """Parse the name of a company: a name, with a warning if it was escaped or decoded wrongly."""
    return _with_codes(name(text), unlikely_values.of_company_name)


def person_name(text: str) -> Parsed:
    """Parse a first or last name: as above, with a warning if it is a word for "no name"."""
    return _with_codes(name(text), unlikely_values.of_person_name)


def _with_codes(found: Parsed, codes_of: Callable[[str], tuple[str, ...]]) -> Parsed:
    if found.value is None:
        return found
    return Parsed(found.value, (*found.codes, *codes_of(found.value)))


def routing(text: str) -> Parsed:
    """Parse an ABA routing number.

    A wrong checksum is refused, an unassigned prefix is a warning. A lost zero is never added.
    """
    if not _DIGITS.fullmatch(text):
        return _refused(text, "E_ABA_FORMAT")
    if len(text) != 9:
        return _refused(text, "E_ABA_LENGTH")
    digits = [int(digit) for digit in text]
    total = 3 * sum(digits[0::3]) + 7 * sum(digits[1::3]) + sum(digits[2::3])
    if total % 10 or not total:  # all zeros pass the checksum and are nobody's
        return Parsed(None, ("E_ABA_CHECKSUM",))
    return Parsed(text, () if routing_prefix_is_assigned(text) else ("W_ABA_PREFIX",))


def account_number(text: str) -> Parsed:
    """Parse a bank account number, as text: leading zeros count.

    Spaces and dashes are dropped with a warning.
    """
    if _SCIENTIFIC.fullmatch(text):
        return _refused(text, "E_ACCOUNT_SPREADSHEET")
    digits = text.replace(" ", "").replace("-", "")
    if not _ACCOUNT.fullmatch(digits):
        return _refused(text, "E_ACCOUNT_FORMAT")
    if not digits.strip("0"):
        return Parsed(None, ("E_ACCOUNT_ZEROS",))
    return Parsed(digits, () if digits == text else ("W_ACCOUNT_NORMALISED",))


def ein(text: str) -> Parsed:
    """Parse an employer's tax id: 9 digits, or 8 with a warning (real files have 8)."""
    if not _EIN.fullmatch(text):
        return _refused(text, "E_EIN_FORMAT")
    return Parsed(text, () if len(text) == 9 else ("W_EIN_LENGTH",))


def birth_date(text: str, today: date) -> Parsed:
    """Parse `MM-DD-YYYY` to `YYYY-MM-DD`.

    Who is too young to be employed is refused. Who would be very old is a warning, and so is a date
    that systems write where there is none.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return _refused(text, "E_DOB_FORMAT")
    try:
        born = date(int(match[3]), int(match[1]), int(match[2]))
    except ValueError:
        return Parsed(None, ("E_DOB_DATE",))
    if born > today or born.year < 1900:
        return Parsed(None, ("E_DOB_RANGE",))
    codes = unlikely_values.of_birth_date(born, today)
    return Parsed(None if _is_refused(codes) else born.isoformat(), codes)


def phone(text: str) -> Parsed:
    """Parse `+1` and ten digits.

    Area code and exchange do not begin with 0 or 1, as the provider requires.
    """
    return Parsed(text) if _PHONE.fullmatch(text) else _refused(text, "E_PHONE_FORMAT")


def state(text: str) -> Parsed:
    """Parse a two-letter US state; small letters become capitals with a warning."""
    capitals = text.upper()
    if not text.isascii() or capitals not in STATES:
        return _refused(text, "E_STATE_UNKNOWN")
    return Parsed(capitals, () if text == capitals else ("W_STATE_CASE",))


def zip_code(text: str) -> Parsed:
    """Parse five digits, or ZIP+4. Whether it lies in the state is a rule about the address."""
    return Parsed(text) if _ZIP.fullmatch(text) else _refused(text, "E_ZIP_FORMAT")


def institution(text: str) -> Parsed:
    """Parse a Plaid institution id."""
    return Parsed(text) if _INSTITUTION.fullmatch(text) else _refused(text, "E_INSTITUTION_FORMAT")


def loan_number(text: str) -> Parsed:
    """Parse a loan number, an opaque text in which leading zeros count.

    Spaces are dropped with a warning. What is no number at all is refused: masked, a word for "no
    number", zeros, too short for any servicer. A number like that of a payment card is a warning,
    and so is one digit repeated, or a number that is unusually short.
    """
    number = text.replace(" ", "")
    if not _LOAN.fullmatch(number) or len(text) > MAX_CHARACTERS:
        masked_number = unlikely_values.is_masked(number)
        return _refused(text, "E_LOAN_MASKED" if masked_number else "E_LOAN_FORMAT")
    if "+" in number and _SCIENTIFIC.fullmatch(number):
        return Parsed(None, ("E_LOAN_SPREADSHEET",))
    unlikely = unlikely_values.of_loan(number)
    if _is_refused(unlikely):
        return Parsed(None, unlikely)
    codes = unlikely if number == text else ("W_LOAN_NORMALISED", *unlikely)
    return Parsed(number, (*codes, "W_LOAN_CARD") if _is_card(number) else codes)


def _refused(text: str, code: str) -> Parsed:
    """A refusal with `code`, or with a more exact one if the text is empty or too long."""
    if not text.strip(" "):
        return Parsed(None, ("E_MISSING",))
    return Parsed(None, ("E_TOO_LONG" if len(text) > MAX_CHARACTERS else code,))


def _is_refused(codes: tuple[str, ...]) -> bool:
    return any(code.startswith("E_") for code in codes)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or character in _FILLERS


def _is_card(text: str) -> bool:
    number = text.replace("-", "")
    if not 13 <= len(number) <= 19 or not _DIGITS.fullmatch(number):
        return False
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def masked(field: str, text: str) -> str:
    """What an issue may show of a value.

    Of personal fields only the shape: digits become `#`, letters `x`. So people see that
    `1988-03-10` is in the wrong order, and the date is not stored. Of account and loan numbers
    the shape and the last four. Control characters are escaped.
    """
    shown = text[:64]
    if field in NUMBERS:
        kept = 4 if len(text) >= 8 else 0
        shown = _shape(text[: len(text) - kept][-60:]) + text[len(text) - kept :]
    elif field in PERSONAL:
        shown = _shape(shown)
    return "".join(f"\\u{ord(c):04x}" if _is_invisible(c) else c for c in shown)


def _shape(text: str) -> str:
    return "".join("#" if c.isdigit() else "x" if c.isalpha() else c for c in text)


NUMBERS: Final = frozenset({"Payor/AccountNumber", "Payee/LoanAccountNumber"})
PERSONAL: Final = frozenset(
    {"Employee/FirstName", "Employee/LastName", "Employee/DOB", "Employee/PhoneNumber"}
)
