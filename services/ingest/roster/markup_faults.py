"""What is wrong with the markup of a file, in our codes. Pure.

libxml2 says what it expected and where. Its messages are not shown, as they can contain data of the
file. They are read here, because its error codes alone do not tell an `&` from a `<`; a message
that is not known makes the general code.
"""

import re
from typing import Final, NamedTuple

from lxml import etree

from services.ingest.roster.row_rules import FIELDS

_TYPES: Final = etree.ErrorTypes
#: An error of these kinds within a value is a `<` that was meant as text.
_IN_A_TAG: Final = frozenset(
    {
        _TYPES.ERR_NAME_REQUIRED,
        _TYPES.ERR_ATTRIBUTE_WITHOUT_VALUE,
        _TYPES.ERR_ATTRIBUTE_NOT_STARTED,
        _TYPES.ERR_ATTRIBUTE_NOT_FINISHED,
        _TYPES.ERR_ATTRIBUTE_REDEFINED,
        _TYPES.ERR_LT_IN_ATTRIBUTE,
        _TYPES.ERR_SPACE_REQUIRED,
        _TYPES.ERR_GT_REQUIRED,
    }
)
_CODES: Final = {
    _TYPES.ERR_UNDECLARED_ENTITY: "E_FILE_ENTITY",
    _TYPES.ERR_ENTITYREF_SEMICOL_MISSING: "E_FILE_AMPERSAND",
    _TYPES.ERR_INVALID_HEX_CHARREF: "E_FILE_AMPERSAND",
    _TYPES.ERR_INVALID_DEC_CHARREF: "E_FILE_AMPERSAND",
    _TYPES.ERR_INVALID_CHARREF: "E_FILE_AMPERSAND",
    _TYPES.ERR_INVALID_CHAR: "E_FILE_CHARACTER",
    _TYPES.ERR_DOCUMENT_END: "E_FILE_TRAILING",
    _TYPES.ERR_NAME_TOO_LONG: "E_FILE_NAME_LENGTH",
    _TYPES.ERR_RESERVED_XML_NAME: "E_FILE_DECLARATION",
    _TYPES.ERR_MISPLACED_CDATA_END: "E_FILE_CDATA_END",
    _TYPES.ERR_TAG_NAME_MISMATCH: "E_FILE_TAGS",
    _TYPES.ERR_COMMENT_NOT_FINISHED: "E_FILE_UNFINISHED",
    _TYPES.ERR_CDATA_NOT_FINISHED: "E_FILE_UNFINISHED",
    _TYPES.ERR_PI_NOT_FINISHED: "E_FILE_UNFINISHED",
    _TYPES.ERR_PI_NOT_STARTED: "E_FILE_LESS_THAN",
    _TYPES.ERR_HYPHEN_IN_COMMENT: "E_FILE_COMMENT",
}
_CHARACTER: Final = re.compile(r"value (-?[0-9]+)|Char 0x([0-9A-Fa-f]+)")
_MISMATCH: Final = re.compile(r"mismatch: ([^ ]+) line [0-9]+ and ([^ ,]+)")
#: Names of elements that may be shown: those of a roster.
_NAMES: Final = frozenset({"root", "row"}.union(*(path.split("/") for path in FIELDS)))


class MarkupFault(NamedTuple):
    """The code of a fault, and what was found (empty: the code says it)."""

    code: str
    found: str = ""


def classify(error_type: int, message: str, in_value: bool, in_unknown: bool) -> MarkupFault:
    """Classify an error of libxml2.

    Args:
        error_type: its number, of `etree.ErrorTypes`.
        message: what libxml2 says.
        in_value: whether reading stopped within a field, such as a name.
        in_unknown: whether it stopped within an element that a roster does not have.
    """
    if message.startswith("xmlParseEntityRef"):
        return MarkupFault("E_FILE_AMPERSAND")
    if message.startswith("xmlParseCharRef"):
        return MarkupFault("E_FILE_CHARACTER", _character(message))
    if error_type in _IN_A_TAG:
        unclosed_end = message.startswith("expected '>'")  # of an end tag
        return MarkupFault("E_FILE_LESS_THAN" if in_value and not unclosed_end else "E_FILE_TAGS")
    if error_type == _TYPES.ERR_TAG_NAME_MISMATCH:
        if in_value and in_unknown:  # <LastName>Lee <Jr> of Ames</LastName>
            return MarkupFault("E_FILE_LESS_THAN")
        return MarkupFault("E_FILE_TAGS", _tags(message))
    code = _CODES.get(error_type, "E_FILE_MALFORMED")
    return MarkupFault(code, _character(message) if code == "E_FILE_CHARACTER" else "")


def _character(message: str) -> str:
    found = _CHARACTER.search(message)
    if found is None:
        return ""
    number = int(found[1]) if found[1] else int(found[2], 16)
    return f"U+{number:04X}" if number > 0 else "U+0000"


def _tags(message: str) -> str:
    """Which end tag came where which element is open, if both are elements of a roster."""
    found = _MISMATCH.search(message)
    if found is None or not {found[1], found[2]} <= _NAMES:
        return ""
    return f"</{found[2]}> where <{found[1]}> is still open"
