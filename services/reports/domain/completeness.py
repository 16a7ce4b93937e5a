"""When a report may be given: it is complete, adds up to the file and equals its certificate."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.contracts.statuses import CERTIFIED_BATCHES, OUTCOMES

Totals = Mapping[str, tuple[int, int]]  # outcome or status -> (number, cents)
Refusal = tuple[str, str]  # (error code, sentence)


@dataclass(frozen=True)
class BatchSnapshot:
    """What one database snapshot knows about a batch as a whole."""

    status: str
    row_messages_announced: int
    row_messages_received: int
    file_total: tuple[int, int]  # rows, cents
    totals: Totals
    certificate: Totals | None  # of the newest certificate; None before the first
    dead_letters: int = 0


def find_refusal(batch: BatchSnapshot) -> Refusal | None:
    """Why no report can be given of this snapshot; None if it can.

    A report is complete (every announced row is there) and adds up to the file. For a final batch
    it also equals the certificate, and no message about the batch was rejected here.
    """
    return _incomplete(batch) or _uncertified(batch)


def _incomplete(batch: BatchSnapshot) -> Refusal | None:
    received, announced = batch.row_messages_received, batch.row_messages_announced
    if received < announced:
        return "reports.incomplete", f"{received} of {announced} row messages have arrived"
    found = (
        sum(rows for rows, _ in batch.totals.values()),
        sum(cents for _, cents in batch.totals.values()),
    )
    if announced and found != batch.file_total:
        return (
            "reports.incomplete",
            f"the rows here are {_describe(found)}, the file is {_describe(batch.file_total)}",
        )
    return None


def _uncertified(batch: BatchSnapshot) -> Refusal | None:
    if batch.certificate is None:
        if batch.status in CERTIFIED_BATCHES:
            return "reports.uncertified", "the batch is final, its certificate has not arrived"
        return None
    if batch.dead_letters:
        return (
            "reports.dead-letter",
            f"{batch.dead_letters} messages about it were rejected here and wait for a person",
        )
    for outcome in OUTCOMES:
        here = batch.totals.get(outcome, (0, 0))
        certified = batch.certificate.get(outcome, (0, 0))
        if here != certified:
            found, expected = _describe(here), _describe(certified)
            return (
                "reports.unequal",
                f"{outcome} is {found} here and {expected} in the newest certificate",
            )
    return None


def _describe(total: tuple[int, int]) -> str:
    return f"{total[0]} rows of {total[1]} cents"
