"""The home page: the next pay days, the accounts, the last periods, and what was put away."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.gateway.schemas.finance import SourceMoney
from services.gateway.schemas.models import RequestModel, ResponseModel

#: What a person may put away: nothing waits for anybody in these.
OverStatus = Literal["completed_with_failures", "rejected", "completed", "discarded", "expired"]


class PeriodBatch(ResponseModel):
    """A batch of a pay period that is not over."""

    batch_id: UUID
    status: str
    filename: str


class PayPeriodDates(ResponseModel):
    """A pay period and the latest sensible dates, so that its money arrives by its last day.

    `approved`: a batch of it has been approved. The dates follow the provider's usual times; it
    promises none.
    """

    first: date
    last: date
    upload_by: datetime
    approve_by: datetime
    leaves_on: date
    arrives_on: date
    approved: bool
    batches: list[PeriodBatch]


class PayDays(ResponseModel):
    """The pay period of today, and the one after it."""

    today: date
    calendar: str
    periods: list[PayPeriodDates]


class AccountMoney(SourceMoney):
    """A source account in the current pay period.

    `period_left_cents` left it in the period, less what came back. `reserved_cents` is approved and
    has still to leave; `needed_cents` waits for an approval. `after_cents` is what is there after
    all of that, null where nobody has said what is there.
    """

    period_left_cents: int
    period_left: str


class Accounts(ResponseModel):
    """The source accounts that the current pay period takes money from."""

    from_day: date
    to_day: date
    currency: str
    read_at: datetime
    is_short: bool
    sources: list[AccountMoney]


class PeriodSums(ResponseModel):
    """What became of the rows of a pay period's approved batches; `people` were paid something."""

    period: str
    batches: int
    batch_ids: list[UUID]
    people: int
    paid_count: int
    pending_count: int
    failed_count: int
    returned_count: int
    paid_cents: int
    pending_cents: int
    failed_cents: int
    returned_cents: int


class Periods(ResponseModel):
    """The last pay periods with approved batches, the oldest first."""

    currency: str
    items: list[PeriodSums]


class PutAwayOrder(RequestModel):
    """A batch that a person has done with, in the status that they saw."""

    batch_id: UUID
    status: OverStatus


class PutAway(ResponseModel):
    """A batch that a person has put away in this status; in another one it comes back."""

    batch_id: UUID
    status: str


class AllPutAway(ResponseModel):
    """What the person has put away, newest first."""

    items: list[PutAway]
