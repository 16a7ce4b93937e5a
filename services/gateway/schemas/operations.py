"""Operations: dead letters, the provider's limits, the kill switch, restored databases."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.gateway.schemas.models import (
    STORABLE_TEXT,
    PageModel,
    RequestModel,
    ResponseModel,
)


class DeadLetter(ResponseModel):
    """A message that a service could not apply. Its body is not shown: it has personal data."""

    dead_letter_id: str
    service: str
    topic: str
    message_type: str
    code: str
    reason: str
    buried_at: datetime
    redriven_at: datetime | None
    redriven_by: str | None


class DeadLetters(PageModel):
    """The dead letters of every service. `away` names the services that did not answer."""

    items: list[DeadLetter]
    away: list[str]


class Redriven(ResponseModel):
    """A dead letter that was applied after all, with its number within its service."""

    dead_letter_id: int
    redriven_by: str


class Tier(ResponseModel):
    """One limit of the provider.

    Calls a minute, seconds until the next one is free, and seconds until a closed tier opens.
    """

    tier: str
    per_min: int
    busy_s: float
    closed_s: float


class Limiter(ResponseModel):
    """Every limit of the provider."""

    tiers: list[Tier]


class KillSwitch(ResponseModel):
    """Whether the kill switch is on, who set it, when and why."""

    on: bool
    by_whom: str
    reason: str
    at: datetime
    by_approver: bool = Field(
        default=False, description="an approver turned it on: two people turn it off"
    )
    off_proposed_by: str | None = Field(
        default=None,
        description="who has proposed to turn it off; another person, an approver, confirms",
    )


class Switch(RequestModel):
    """Set the kill switch. While it is on, nothing is sent to the provider."""

    on: bool
    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)


class Restored(ResponseModel):
    """The database of one service after a restore from a backup.

    `held`: it is read-only, and `why`; `settled`: its data is recovered, else `progress` says how
    far it is; who proposed its release and who confirmed it.
    """

    name: str
    held: bool
    settled: bool
    why: str
    progress: str
    noticed_at: datetime | None
    proposed_by: str | None
    released_by: str | None


class Restoreds(ResponseModel):
    """The services that decide about money. `away` names those that did not answer."""

    services: list[Restored]
    away: list[str]


class Release(RequestModel):
    """Why the restored databases may be used again."""

    reason: str = Field(min_length=1, max_length=500, pattern=STORABLE_TEXT)


class Released(ResponseModel):
    """The result of a release in one service: `proposed`, `released`, or `refused` and why."""

    name: str
    outcome: Literal["proposed", "released", "refused"]
    message: str


class Releaseds(ResponseModel):
    """The result of a release in each service whose database was read-only."""

    services: list[Released]
