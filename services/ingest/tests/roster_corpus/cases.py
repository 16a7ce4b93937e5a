"""What a case of the corpus is, and the outcome that it expects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.ingest.roster.row_rules import FIELDS, RowValues
from services.ingest.tests.roster_corpus.builder import Change, leaf


@dataclass(frozen=True)
class RowCase:
    """One change of a row that leaves the file readable.

    Attributes:
        kind: what the counts in the documentation are by.
        codes: all that must be found in the row, as (field, code); nothing: odd, but fine.
        values: parsed values that follow, by the name in `RowValues`; None: refused.
        refused: the group refusals of the whole file, as (code, key).
    """

    kind: str
    name: str
    change: Change
    codes: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, object] | None = None
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def positive(self) -> bool:
        return not self.codes and not self.refused


@dataclass(frozen=True)
class MarkupCase:
    """One change of a row that makes the file unreadable, and the place that must be named.

    Attributes:
        in_row: whether the place is within the row, else it is after the row before.
        row_is_whole: whether the changed row is read before the fault.

    The line is that of the mark in the change.
    """

    kind: str
    name: str
    change: Change
    code: str
    field: str = ""
    found: str = ""
    in_row: bool = True
    row_is_whole: bool = False


@dataclass(frozen=True)
class FileCase:
    """A change of all bytes of the file, refused with `code`, or read as before if that is empty.

    Attributes:
        row: the row in which reading stops; 0: in none.
        found: what the refusal must say that was found; None: not looked at.
    """

    kind: str
    name: str
    make: Callable[[bytes], bytes]
    code: str = ""
    row: int | None = None
    found: str | None = None

    @property
    def positive(self) -> bool:
        return not self.code


Case = RowCase | MarkupCase | FileCase


_SAME = object()


def value(kind: str, path: str, text: str, *codes: str, to: str | int | object = _SAME) -> RowCase:
    """A case of one value, given as XML.

    Args:
        to: what it must be read as, if not as the text itself; what is refused is read as None.
    """
    found = tuple((path, code) for code in codes)
    refused = any(code.startswith("E_") for code in codes)
    expected = None if refused else text if to is _SAME else to
    name = RowValues._fields[FIELDS.index(path)]
    return RowCase(kind, f"{path} {text[:40]!r}", {path: leaf(path, text)}, found, {name: expected})
