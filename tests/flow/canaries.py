"""Canaries: personal values that occur nowhere else, and where each may be found in clear.

`ALLOWED` is the one list. Who stores a personal field in a new place must add it there.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from devtools import sample_roster

ROWS: Final = 12
EMPLOYEE: Final = "EMP-0f0e5c4e-1d0f-4a5b-8d2c-5f1a7c3b9e01"
REFUSED: Final = "EMP-0f0e5c4e-1d0f-4a5b-8d2c-5f1a7c3b9e02"
NAME_PLACES: Final = frozenset(
    {
        "table ingest.batch_row",  # people search for names (SECURITY.md)
        "table ingest.person_term",
        "disk of postgres",  # the same two tables, and their write-ahead log
        "backup ingest",  # the same two tables
        "export payments.csv",  # a person asked for it
        "export payments.xlsx",
    }
)
#: A company's facts, not a person's: in clear wherever its payments are shown (SECURITY.md).
COMPANY: Final = frozenset({"table", "topic", "disk", "backup", "export"})
NOWHERE: Final = frozenset[str]()


@dataclass(frozen=True)
class Canary:
    """A value of the roster, every spelling in which it would be recognised, and where it may be.

    `allowed` has names of places; a word without a space allows every place that begins with it.
    """

    field: str
    spellings: tuple[str, ...]
    allowed: frozenset[str]

    def may_be_in(self, place: str) -> bool:
        """Whether the value may be in clear in this place."""
        return place in self.allowed or place.partition(" ")[0] in self.allowed


#: Where each field may be in clear. The values of the refused row cannot be read as a date, a
#: phone or a loan number, and are shown to nobody either.
ALLOWED: Final = (
    Canary("first name", ("Quillonby",), NAME_PLACES),
    Canary("last name", ("Zarathwick",), NAME_PLACES),
    Canary("birth date", ("03-17-1964", "1964-03-17", "19640317", "03/17/1964"), NOWHERE),
    Canary("phone", ("2027439186",), NOWHERE),
    Canary("loan number", ("730912846115",), NOWHERE),
    Canary("account number", ("648201937754",), NOWHERE),
    Canary("refused: first name", ("Brixovale",), NAME_PLACES),
    Canary("refused: last name", ("Tumberlyn",), NAME_PLACES),
    Canary("refused: birth date", ("02-31-1987", "1987-02-31"), NOWHERE),
    Canary("refused: phone", ("202774310",), NOWHERE),
    Canary("refused: loan number", ("LN730055X118",), NOWHERE),
    Canary("payor's name", ("Canarybird Donuts",), COMPANY),
    Canary("payor's address", ("4471 Canarygrove",), COMPANY),
    Canary("e-mail of a notification", ("canary.person",), NOWHERE),
)
EMAIL: Final = "canary.person@quillon.example"
_SPELLINGS: Final = tuple(
    (spelling.lower().encode(), canary) for canary in ALLOWED for spelling in canary.spellings
)


def roster(seed: int = 31) -> bytes:
    """A roster whose first row has the canaries, and whose second one is refused."""
    head, *rows = sample_roster.make(ROWS, seed).split(b"<row>")
    rows[0] = _with(
        rows[0],
        DunkinId=EMPLOYEE,
        FirstName="Quillonby",
        LastName="Zarathwick",
        DOB="03-17-1964",
        PhoneNumber="+12027439186",
        LoanAccountNumber="730912846115",
        PlaidId="ins_116944",
    )
    rows[1] = _with(
        rows[1],
        DunkinId=REFUSED,
        FirstName="Brixovale",
        LastName="Tumberlyn",
        DOB="02-31-1987",
        PhoneNumber="+1202774310",
        LoanAccountNumber="LN730055X118",
    )
    whole = b"<row>".join([head, *rows])
    account = re.search(rb"<AccountNumber>(\d+)<", rows[0])
    assert account
    whole = whole.replace(account[1], b"648201937754")
    whole = re.sub(rb"<Name>[^<]*<", b"<Name>Canarybird Donuts LLC<", whole)
    return re.sub(rb"<Line1>[^<]*<", b"<Line1>4471 Canarygrove Loop<", whole)


def _with(row: bytes, **values: str) -> bytes:
    """The row with other values in these elements, the first of each name."""
    for name, value in values.items():
        row, n = re.subn(rf"<{name}>[^<]*<".encode(), f"<{name}>{value}<".encode(), row, count=1)
        assert n == 1, name
    return row


def found_in(content: bytes) -> set[Canary]:
    """The canaries in some bytes, in any case of letters."""
    small = content.lower()
    return {canary for spelling, canary in _SPELLINGS if spelling in small}


def leaks(places: Iterable[tuple[str, bytes]]) -> tuple[set[tuple[str, str]], set[str], set[str]]:
    """What is in clear where it may not be.

    Returns:
        (field, place) of each leak; the places that were searched; the fields that were found
        where they may be.
    """
    wrong, searched, seen = set(), set(), set()
    for place, content in places:
        searched.add(place)
        for canary in found_in(content):
            if canary.may_be_in(place):
                seen.add(canary.field)
            else:
                wrong.add((canary.field, place))
    return wrong, searched, seen


def unpacked(content: bytes) -> Iterator[bytes]:
    """Some bytes, and what is inside if they are a compressed stream or an archive."""
    yield content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from unpacked(archive.read(name))
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif content.startswith(b"%PDF"):
        for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
            try:
                yield zlib.decompress(stream)
            except zlib.error:
                yield stream
