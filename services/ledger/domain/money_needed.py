"""What a batch needs from each source account, against what is there. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Available:
    """What a person said is in a source account.

    Args:
        as_of: the moment that the balance is of.
        left_cents: what our payments took out of the account after that moment, less what came
            back.
    """

    available_cents: int
    as_of: datetime
    said_by: str
    said_at: datetime
    left_cents: int


@dataclass(frozen=True, slots=True)
class SourceNeed:
    """One source account of a batch. The amounts are in cents; None where nobody has said.

    Args:
        needed_cents: what the batch has still to take out of it.
        reserved_cents: what other approved batches have still to take out of it.
        after_cents: what is left once all of that is paid.
        is_short: that is below zero.
    """

    source_account_id: str
    needed_cents: int
    reserved_cents: int
    available_cents: int | None
    left_cents: int | None
    after_cents: int | None
    is_short: bool
    as_of: datetime | None
    said_by: str
    said_at: datetime | None


def need_of_source(
    source_account_id: str, needed_cents: int, reserved_cents: int, said: Available | None
) -> SourceNeed:
    """A source account's line. Without a word about its balance it is not called short."""
    after = (
        None
        if said is None
        else said.available_cents - said.left_cents - reserved_cents - needed_cents
    )
    return SourceNeed(
        source_account_id=source_account_id,
        needed_cents=needed_cents,
        reserved_cents=reserved_cents,
        available_cents=None if said is None else said.available_cents,
        left_cents=None if said is None else said.left_cents,
        after_cents=after,
        is_short=after is not None and after < 0,
        as_of=None if said is None else said.as_of,
        said_by="" if said is None else said.said_by,
        said_at=None if said is None else said.said_at,
    )


def total_need(needs: Iterable[SourceNeed]) -> int:
    """What the batch needs in all, in cents."""
    return sum(need.needed_cents for need in needs)
