"""What changed since the previously approved roster: people, loans, amounts, sources, branches."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from services.ingest.domain.batch import Batch
from services.ingest.domain.errors import RequestError
from services.ingest.store import batches, roster_diff_queries, rows
from services.ingest.store.queries import Page

#: In the order in which they are listed: what may send money to a wrong person comes first.
KINDS: Final = ("new_person", "loan", "source", "amount", "branch", "gone_person")
#: The kinds that change the total, in the order in which they are shown.
STEP_KINDS: Final = ("new_person", "gone_person", "loan", "amount")


@dataclass(frozen=True)
class RosterDiff:
    """A page of changes, and how many there are of each kind.

    `previous` is the batch compared with; None where there is nothing to compare.
    """

    previous: UUID | None = None
    items: list[Any] = field(default_factory=list)
    total: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def compare(connection: Connection, batch_id: UUID, page: Page, kind: str) -> RosterDiff:
    """Compare a batch with the previously approved roster.

    Args:
        kind: only changes of this kind are listed; all if empty.

    Raises:
        RequestError: there is no such batch, or no such kind.
    """
    if kind and kind not in KINDS:
        raise RequestError(
            "invalid",
            "changes.kind",
            f"There is no such kind of change; there are {', '.join(KINDS)}.",
            "Ask for one of these.",
        )
    previous = find_previous(connection, batches.get_batch(connection, batch_id))
    if previous is None:
        return RosterDiff()
    found = roster_diff_queries.find_changes(connection, (previous, batch_id), KINDS, kind, page)
    counts = found.counts or {}
    return RosterDiff(
        previous, found.items, found.total, {name: counts.get(name, 0) for name in KINDS}
    )


@dataclass(frozen=True)
class Step:
    """Rows and cents that one kind of change adds to a roster; below zero: takes away."""

    kind: str
    rows: int
    cents: int


@dataclass(frozen=True)
class RosterSteps:
    """How the previously approved roster became this one: both wholes, and the steps between.

    `before` and all steps together are `after`, in rows and in cents.
    """

    previous: UUID
    before: Step
    steps: tuple[Step, ...]
    after: Step


def compare_totals(connection: Connection, batch_id: UUID) -> RosterSteps | None:
    """The steps from the previously approved roster to a batch; None if there is no such roster.

    The step `other` is the rest: rows that were refused in one of the rosters, or name nobody.

    Raises:
        RequestError: there is no such batch.
    """
    previous = find_previous(connection, batches.get_batch(connection, batch_id))
    if previous is None:
        return None
    sums = roster_diff_queries.sum_steps(connection, (previous, batch_id))._asdict()
    before, after, *steps = (
        Step(kind, sums[f"{kind}_rows"], sums[f"{kind}_cents"])
        for kind in ("before", "after", *STEP_KINDS)
    )
    other = Step(
        "other",
        after.rows - before.rows - sum(step.rows for step in steps),
        after.cents - before.cents - sum(step.cents for step in steps),
    )
    return RosterSteps(previous, before, (*steps, other), after)


def find_previous(connection: Connection, batch: Batch) -> UUID | None:
    """The batch to compare with; None if there is none.

    Child batches are not compared, because their rows are those of their parents. Nor are batches
    whose rows were never read.
    """
    if batch.parent_batch_id is not None or not rows.has_rows(connection, batch.batch_id):
        return None
    return roster_diff_queries.find_previous_roster(connection, batch)
