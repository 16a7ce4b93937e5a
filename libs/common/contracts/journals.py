"""The kinds of journals in the ledger, and their titles for people. The only list of them."""

from typing import Final, Literal

JournalKind = Literal["hold", "settle", "release", "reverse"]

JOURNAL_TITLES: Final[dict[str, str]] = {
    "hold": "Money reserved",
    "settle": "Money posted",
    "release": "Reservation released",
    "reverse": "Posting reversed",
}
