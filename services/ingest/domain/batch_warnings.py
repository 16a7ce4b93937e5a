"""Warnings about a batch as a whole: a provider that was not asked, rows also in another batch."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from libs.common.contracts.money import display
from services.ingest.domain.batch import status_words

NOT_CHECKED: Final = "W_NOT_CHECKED"
NOT_CHECKED_SENTENCE: Final = (
    "The provider could not be asked about this batch; "
    "what it cannot pay will fail later, with its reason."
)
OVERLAP: Final = "W_OVERLAP"


@dataclass(frozen=True)
class Overlap:
    """The rows that a batch shares with a live batch of another family in the same pay period.

    Shared are rows of the same employee, loan and source account. They are counted, in rows and
    cents, in the batch that gets the warning. `payable_…` are those that would be paid there.
    """

    batch_id: UUID
    status: str
    rows: int
    amount_cents: int
    payable_rows: int
    payable_cents: int


def overlap_sentence(overlap: Overlap) -> str:
    """What an approver must know of an overlap."""
    shared = (
        f"{_rows(overlap.rows, overlap.amount_cents)} also in batch {overlap.batch_id} "
        f"of this pay period, which is {status_words(overlap.status)}."
    )
    if not overlap.payable_rows:
        return f"{shared} None of them would be paid here."
    if overlap.payable_rows == overlap.rows:
        return f"{shared} All of them would be paid here, unless the other batch pays them first."
    return (
        f"{shared} {overlap.payable_rows:,} of them, {display(overlap.payable_cents)}, would be "
        "paid here, unless the other batch pays them first."
    )


def _rows(number: int, cents: int) -> str:
    noun, verb = ("row", "is") if number == 1 else ("rows", "are")
    return f"{number:,} {noun}, {display(cents)}, {verb}"
