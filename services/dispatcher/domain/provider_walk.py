"""What a walk through the provider's list shows of our own memory. Pure.

The provider is the third witness beside the database and the topics: both may come back together
from an old snapshot, and agree with each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.dispatcher.domain.clocks import Moment
from services.dispatcher.domain.duplicates import Line
from services.dispatcher.domain.protocol import ATTEMPTS_MAX

#: How long a walk counts. A payment that the list was late to show was sent shortly before it, so
#: its key is known there for about a day from then. Before that is over, a new walk shows it.
WALK_COUNTS_S = 12 * 3_600.0


def still_counts(begun: Moment, now: Moment) -> bool:
    """Whether a walk that began at a moment may still stand before a send."""
    return begun.generation == now.generation and now.boot_s - begun.boot_s < WALK_COUNTS_S


@dataclass(frozen=True)
class Listed:
    """A payment in the provider's list that names a batch, payment and attempt of ours."""

    provider_id: str
    batch_id: UUID
    payment_id: UUID
    attempt: int
    amount_cents: int


def find_ours(lines: Iterable[Line]) -> list[Listed]:
    """Return the lines whose metadata has the form that we write; others are not ours."""
    found = (_parse(line) for line in lines)
    return [listed for listed in found if listed is not None]


def _parse(line: Line) -> Listed | None:
    metadata = line.get("metadata")
    given: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    attempt, amount = str(given.get("attempt")), line.get("amount")
    try:
        batch_id, payment_id = UUID(str(given["batch_id"])), UUID(str(given["payment_id"]))
    except (KeyError, ValueError):
        return None
    if not (attempt.isascii() and attempt.isdigit() and 1 <= int(attempt) <= ATTEMPTS_MAX):
        return None
    amount_cents = amount if isinstance(amount, int) and 0 <= amount < 2**53 else 0
    return Listed(str(line["id"]), batch_id, payment_id, int(attempt), amount_cents)
