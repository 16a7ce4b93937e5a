"""Freshness: as of when the figures are."""

from datetime import datetime
from typing import Literal

from services.gateway.schemas.models import ResponseModel


class PartBehind(ResponseModel):
    """A part of the way of the events that has stood behind for more than 30 s.

    The service has not published its events (`publish`), has not applied those of `topic`
    (`apply`), or does not answer (`answer`). `since` is null if that is not known.
    """

    service: str
    step: Literal["publish", "apply", "answer"]
    topic: str
    since: datetime | None


class FiguresOf(ResponseModel):
    """The figures that a service makes of the events of others.

    Everything that happened until `as_of` is in them; null if that is not known.
    """

    service: str
    as_of: datetime | None
    behind: list[PartBehind]


class Freshness(ResponseModel):
    """The figures of every service that reads events, as measured at `checked_at`."""

    checked_at: datetime
    figures: list[FiguresOf]
