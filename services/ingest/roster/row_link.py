"""The comment before a row of a file of refused rows: which row it is, and why it was refused.

Who mends the row leaves the comment, so that the row is recognised when the file is uploaded. A
comment is read only where a file is uploaded to mend rows; in any other roster it means nothing.
"""

import re
from collections.abc import Iterable
from typing import Final

_LINK: Final = re.compile(r"\s*row \d+ \(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)[:\s]")
_SPACES: Final = re.compile(r"\s+")


def write_comment(file_row: int, root_row_id: object, reasons: Iterable[str]) -> str:
    """The comment before a refused row, as XML.

    Args:
        file_row: the row's number in the file it was refused in, for people.
        root_row_id: the id of the row in the file in which it was first.
        reasons: why it was refused, in words.
    """
    return as_comment(f"row {file_row} ({root_row_id}): {' '.join(reasons)}")


def as_comment(text: str) -> str:
    """An XML comment with this text. XML allows no `--` in one, so hyphens are set apart."""
    line = _SPACES.sub(" ", text).strip()
    while "--" in line:
        line = line.replace("--", "- -")
    return f"<!-- {line} -->"


def read_link(comment: str) -> str:
    """The id of the row that a comment names; empty for any other comment."""
    found = _LINK.match(comment)
    return found[1] if found else ""
