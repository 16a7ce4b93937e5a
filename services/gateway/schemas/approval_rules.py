"""Rules by amount: from which sum on two people must approve a batch."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.schemas.models import STORABLE_TEXT, RequestModel, ResponseModel

CENTS_MAX = 1_000_000_000_00


class WantedRule(RequestModel):
    """Two approvers from `from_cents` on: of the whole batch, or of one source account in it."""

    scope: Literal["total", "source"]
    source_account_id: str = Field(
        default="",
        max_length=200,
        pattern=STORABLE_TEXT,
        description="of a rule about a source; empty: any one source account",
    )
    from_cents: int = Field(gt=0, le=CENTS_MAX)


class ProposeRules(RequestModel):
    """Rules in place of those of version `base` (0: there are none). None at all is allowed.

    With `dry_run` they are only tried out on the batches that were approved last.
    """

    base: int = Field(ge=0)
    rules: list[WantedRule] = Field(max_length=50)
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)
    dry_run: bool = False


class ApprovalRule(ResponseModel):
    """A rule, with a sentence that says it."""

    scope: Literal["total", "source"]
    source_account_id: str
    from_cents: int
    sentence: str


class ApprovalRules(ResponseModel):
    """The rules of one version. They hold once a second person has confirmed them.

    They were tried out on `tried` batches, of which `tried_two` would have needed two approvers.
    """

    rules_version: int
    state: Literal["proposed", "confirmed", "rejected"]
    rules: list[ApprovalRule]
    reason: str
    tried: int
    tried_two: int
    proposed_by: str
    proposed_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    end_reason: str


class ApprovalRulesHistory(ResponseModel):
    """The rules that hold, those that wait for a second person, and all versions, newest first."""

    current: ApprovalRules | None
    proposal: ApprovalRules | None
    items: list[ApprovalRules]


class TriedBatch(ResponseModel):
    """What rules would have asked for at the approval of a batch, and whether today's do."""

    batch_id: UUID
    filename: str
    approved_at: datetime
    approved_by: str
    amount_cents: int
    needs_two: bool
    needs_two_now: bool
    because: list[str]


class TriedRules(ApprovalRules):
    """Proposed rules, tried out on the batches that were approved last."""

    dry_run: bool
    batches: list[TriedBatch]


class FirstApproval(ResponseModel):
    """The first of two approvals of a batch. Nothing is paid by it.

    The second one must be of the same `start_at`; null: at once.
    """

    approved_by: str
    approved_at: datetime
    start_at: datetime | None = None
