"""A report for finance: what is asked, over which batches, and the names of its columns. Pure."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args
from uuid import UUID, uuid5

Dimension = Literal["batch", "source", "branch", "servicer", "month", "status", "person"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
COLUMN_OF: Final[dict[Dimension, str]] = {
    "batch": "batch_id",
    "source": "source_account_id",
    "branch": "branch_id",
    "servicer": "institution_id",
    "month": "month",
    "status": "status",
    "person": "employee_id",
}
#: These columns have the name that people gave beside the id.
NAMED: Final[dict[str, str]] = {"source_account_id": "source", "branch_id": "branch"}
BATCHES_MAX = 200
LINES_MAX = 60_000  # a line for each employee of a large roster
SPACE = UUID("5be41e0c-6cb3-4f0b-9d7e-3b4f7c1f2a10")


@dataclass(frozen=True)
class Question:
    """What a report is about.

    Args:
        from_day: first day of the first pay period, YYYY-MM-DD; empty: no limit.
        to_day: the last pay period begins on this day or before; empty: no limit.
        batch_ids: these batches alone; empty: every approved batch of these days.
        by: what the lines are grouped by, in the order of their columns.
    """

    from_day: str = ""
    to_day: str = ""
    batch_ids: tuple[str, ...] = ()
    by: tuple[Dimension, ...] = ("source",)

    def columns(self) -> tuple[str, ...]:
        """The columns that say what a line is about."""
        return tuple(COLUMN_OF[dimension] for dimension in self.by)

    def shown_columns(self) -> tuple[str, ...]:
        """Those columns in a file: an id of a branch or source has its given name behind it."""
        return tuple(
            shown
            for column in self.columns()
            for shown in ((column, f"{NAMED[column]}_name") if column in NAMED else (column,))
        )


@dataclass(frozen=True)
class BatchVersion:
    """Which version of a batch the figures are of, and which certificate they equal.

    `certificate_version` is 0 before the first: its figures still change.
    """

    batch_id: str
    period: str
    status: str
    version: int
    digest: str
    certificate_version: int


def report_id(
    question: Question, batches: Sequence[BatchVersion], lines: Sequence[Sequence[Any]]
) -> UUID:
    """The natural id of a report: the same question with the same answer is the same report.

    Args:
        lines: with the names that its files show.
    """
    content = [asdict(question), [asdict(batch) for batch in batches], list(map(list, lines))]
    return natural_id(content)


def natural_id(content: Any) -> UUID:  # Any: whatever JSON can hold
    """The id of a file that is kept, from everything that it says."""
    return uuid5(SPACE, json.dumps(content, separators=(",", ":"), sort_keys=True))
