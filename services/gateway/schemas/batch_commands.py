"""What people order for a batch, and how the order is answered."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.gateway.schemas.approval_requests import ApprovalRequest
from services.gateway.schemas.batches import Correction, ShownStatus
from services.gateway.schemas.models import STORABLE_TEXT, RequestModel, ResponseModel


class Accepted(ResponseModel):
    """The batch that an order created or changed, with its status."""

    batch_id: UUID
    status: ShownStatus
    period_choices: list[date] = Field(
        default=[],
        description="the first days of the pay periods one of which a person must choose",
    )


class Asked(ResponseModel):
    """A batch, and the request for its approval that was made or ended."""

    batch_id: UUID
    status: ShownStatus
    approval_request: ApprovalRequest


class Commanded(ResponseModel):
    """What the dispatcher does with a batch from now on. The batch's status follows soon."""

    batch_id: UUID
    state: Literal["waiting", "paying", "paused", "cancelled"]


class Include(RequestModel):
    """An excluded row that is to be paid all the same, and why."""

    row_id: UUID
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)


class Approve(RequestModel):
    """An approval of exactly what was shown (`digest`), with the warnings that were read.

    `start_at`: nothing of the batch is sent before; at most 45 days ahead. Left out: at once.
    """

    digest: str = Field(max_length=100, pattern=STORABLE_TEXT)
    acknowledge: list[Annotated[str, Field(pattern=STORABLE_TEXT)]] = Field(
        default=[], max_length=200
    )
    include: list[Include] = Field(default=[], max_length=10_000)
    start_at: AwareDatetime | None = None


class Reason(RequestModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)


class OptionalReason(RequestModel):
    """Why; may be empty."""

    reason: str = Field(default="", max_length=500, pattern=STORABLE_TEXT)


class Retried(ResponseModel):
    """How many refused or disabled people, loans and sources the provider is asked about again.

    `status` is the batch's: a ready one is being checked again. `exhausted` were refused as often
    as is allowed, and are not tried again. `message` says in words what happens and what to do.
    """

    batch_id: UUID
    status: ShownStatus
    retried: int
    exhausted: int = 0
    message: str = ""


class Corrections(RequestModel):
    """Corrections of payors' addresses, for this batch."""

    corrections: list[Correction] = Field(min_length=1, max_length=1_000)


class Period(RequestModel):
    """The pay period of a batch, named by any date in it."""

    period: date


class ChildBatch(RequestModel):
    """Which rows of an ended batch are to be paid in a new one.

    Either their ids, or a filter such as `{"status": "failed"}`.
    """

    rows: list[UUID] | None = Field(default=None, max_length=1_000_000)
    filter: dict[str, str] | None = None
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)
