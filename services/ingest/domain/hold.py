"""Standing holds: a person, a loan, a branch or a source is not paid on some days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from services.ingest.domain.errors import RequestError

HoldKind = Literal["person", "loan", "branch", "source"]
#: The reason code of a row that falls under a hold.
ON_HOLD: Final = "on_hold"
#: A hold that names no first day begins so many days ago: before the periods of all batches that
#: are still to be approved. Uploads go half a year back, and their child batches later still.
BACK_DAYS: Final = 366


@dataclass(frozen=True)
class Hold:
    """A hold from its first day to its last, or for good if it has no last day.

    `key` is what rows are compared by: the canonical key of a person or a loan, the id of a branch
    or a source. `shown` says to people what is held.
    """

    hold_id: UUID
    kind: HoldKind
    key: str
    shown: str
    first_day: date
    last_day: date | None
    reason: str
    evidence: str
    set_by: str
    set_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lift_reason: str = ""

    @property
    def version(self) -> int:
        """1 for a hold that stands, 2 for one that was lifted."""
        return 2 if self.lifted_at else 1


def first_day(named: date | None, today: date) -> date:
    """The first day of a hold: the one that is named, or one before every open batch."""
    return named or today - timedelta(days=BACK_DAYS)


def check_days(first: date, last: date | None) -> None:
    """Raise RequestError unless the days of a hold are in order."""
    if last is not None and last < first:
        raise RequestError(
            "invalid",
            "hold.days",
            f"The hold would end on {last}, before it begins on {first}. Nothing was changed.",
            "Enter a last day that is not before the first, or none to hold for good.",
        )
