"""A standing hold as ingest publishes it: what is not paid, on which days, and who lifted it."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.contracts import topics
from libs.common.contracts.envelope import Event
from libs.common.contracts.topics import Topic


class HoldChanged(Event):
    """A hold as it is after version `version`: the whole state, so the newest version is all a
    reader needs.
    """

    topic: ClassVar[Topic] = topics.HOLDS
    type: Literal["hold-changed.v1"] = "hold-changed.v1"
    hold_id: UUID
    version: int = Field(ge=1, description="1: it stands; 2: it was lifted")
    kind: Literal["person", "loan", "branch", "source"]
    held_key: str = Field(
        description="what rows are compared by: a canonical employee id, the keyed index of a "
        "canonical loan, or the id of a branch or a source"
    )
    shown: str = Field(description="what is held, for people; of a loan the last four digits")
    first_day: str = Field(description="YYYY-MM-DD")
    last_day: str = Field(default="", description="YYYY-MM-DD; empty: for good")
    reason: str
    evidence: str = ""
    set_by: str
    set_at: AwareDatetime
    lifted_by: str | None = None
    lifted_at: AwareDatetime | None = None
    lift_reason: str = ""
