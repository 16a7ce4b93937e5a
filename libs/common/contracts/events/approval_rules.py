"""Rules by amount as ingest publishes them: from which sum on a batch needs two approvers."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import MAX_CENTS, Event, Value
from libs.common.contracts.topics import Topic


class ApprovalRule(Value):
    """From `from_cents` on, of the batch or of one source account in it, two approvers."""

    scope: Literal["total", "source"]
    source_account_id: str = Field(default="", description="empty: any one source account")
    from_cents: int = Field(gt=0, le=MAX_CENTS)


class ApprovalRulesChanged(Event):
    """The rules of one version, after they were proposed, confirmed or rejected."""

    topic: ClassVar[Topic] = topics.APPROVAL_RULES
    type: Literal["approval-rules-changed.v1"] = "approval-rules-changed.v1"
    rules_version: int = Field(ge=1)
    version: int = Field(ge=1, description="1: it was proposed; 2: a second person has decided")
    rules: tuple[ApprovalRule, ...] = ()
    reason: str
    tried: int = Field(ge=0, description="batches on which the rules were tried out")
    tried_two: int = Field(ge=0, description="those that would have needed two approvers")
    proposed_by: str
    proposed_at: AwareDatetime
    proposed_counts_as: tuple[str, ...] = ()
    outcome: Literal["", "confirmed", "rejected"] = ""
    ended_by: str | None = None
    ended_at: AwareDatetime | None = None
    ended_counts_as: tuple[str, ...] = ()
    end_reason: str = ""
