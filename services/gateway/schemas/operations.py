"""The shapes of operations: health, dead letters, the limiter, the kill switch, the audit log."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.gateway.schemas.batches import PLAIN, Listed, Order, Shape


class AuditLine(Shape):
    """One line of the audit log."""

    seq: int
    at: datetime
    kind: Literal["intent", "outcome", "refused", "replayed"]
    request_id: str
    person: str
    roles: list[str]
    method: str
    path: str
    status: int | None
    subject: str
    via: str
    hash: str


class Audit(Listed):
    """A page of the audit log, newest first; `verified` says whether the whole chain is as it was written."""

    items: list[AuditLine]
    verified: bool
    first_broken: int | None


class DeadLetter(Shape):
    """A message that a service could not apply; its body is not shown, it holds sealed fields."""

    dead_letter_id: str
    service: str
    topic: str
    message_type: str
    code: str
    reason: str
    buried_at: datetime
    redriven_at: datetime | None
    redriven_by: str | None


class DeadLetters(Listed):
    """Messages that a service could not apply; `away` names the services that could not be asked."""

    items: list[DeadLetter]
    away: list[str]


class Redriven(Shape):
    """A dead letter that was applied after all; here it is the number within its service."""

    dead_letter_id: int
    redriven_by: str


class ServiceHealth(Shape):
    """One service: whether it is ready, its checks, and its figures; `held` says why it takes no orders after a restore, "" if it does."""

    name: str
    ready: bool
    away: bool
    held: str
    checks: dict[str, bool]
    figures: dict[str, float]


class Restored(Shape):
    """The database of one service, if it ever came back from a backup: whether it is held, why, how far it is, and who wants it released."""

    name: str
    held: bool
    settled: bool
    why: str
    progress: str
    noticed_at: datetime | None
    proposed_by: str | None
    released_by: str | None


class Restoreds(Shape):
    """The services that state facts about money; `away` names those that could not be asked."""

    services: list[Restored]
    away: list[str]


class Release(Order):
    """Why the held databases may be used again."""

    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)


class Released(Shape):
    """What came of a release in one service: `proposed`, `released`, or `refused` and why."""

    name: str
    outcome: Literal["proposed", "released", "refused"]
    message: str


class Releaseds(Shape):
    """What came of a release, of each service that was held."""

    services: list[Released]


class Health(Shape):
    """Every service."""

    ready: bool
    services: list[ServiceHealth]


class Alive(Shape):
    """The gateway itself."""

    status: Literal["ok", "starting"]


class Tier(Shape):
    """One limit of the provider: how many calls a minute, how long until the next one is free, and until a closed one opens (seconds)."""

    tier: str
    per_min: int
    busy_s: float
    closed_s: float


class Limiter(Shape):
    """Every limit of the provider."""

    tiers: list[Tier]


class KillSwitch(Shape):
    """Whether the kill switch is on, by whom, since when and why."""

    on: bool
    by_whom: str
    reason: str
    at: datetime


class Switch(Order):
    """The kill switch: while it is on, nothing is sent to the provider."""

    on: bool
    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)
