"""Notifications: a person's channels, what each is told, and what was delivered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.gateway.domain.notifications import DeliveryStatus, EventKind, Language
from services.gateway.schemas.models import PageModel, RequestModel, ResponseModel

LINE = r"^[^\x00-\x1f\x7f]+$"


class MessageService(ResponseModel):
    """An e-mail or chat service that this installation has."""

    name: str
    needs_address: bool = Field(description="it sends to an address of each person")


class NotificationChannel(ResponseModel):
    """A channel without its address and secret, which are never shown again."""

    channel_id: UUID
    name: str
    service: str = Field(description="one of the message services; empty for a webhook")
    language: Language
    place: str = Field(description="of the address, its host alone")
    created_at: datetime
    events: list[EventKind]


class NotificationChannels(ResponseModel):
    """What a person has chosen, and what can be chosen."""

    is_on: bool = Field(description="false: this installation has no key to encrypt addresses with")
    services: list[MessageService]
    events: list[EventKind]
    items: list[NotificationChannel]


class ChannelOrder(RequestModel):
    """A channel to add: by a message service, or a webhook if `service` is empty."""

    name: str = Field(min_length=1, max_length=60, pattern=LINE)
    service: str = Field(default="", max_length=60)
    address: str = Field(
        default="",
        max_length=500,
        description="a webhook's URL; an e-mail address for a service that needs one",
    )
    language: Language = "en"
    events: list[EventKind] = Field(max_length=20)


class ChannelMade(NotificationChannel):
    """A new channel. `secret` is what a webhook is signed with, shown once.

    It is null for other channels, and when this answer is repeated under its idempotency key.
    """

    secret: str | None


class ChannelEvents(RequestModel):
    """What a channel is told from now on."""

    events: list[EventKind] = Field(max_length=20)


class ChannelTested(ResponseModel):
    """What became of a test: `sent`, or why not."""

    status: Literal["sent", "failed"]
    reason: str
    message: str


class ChannelRemoved(ResponseModel):
    """A channel that has ended."""

    channel_id: UUID


class NotificationDelivery(ResponseModel):
    """One event for one channel.

    `waiting`: it was not accepted yet, the next attempt is at `due_at`. `failed`: it is a dead
    letter. `dropped`: its channel was removed.
    """

    delivery_id: UUID
    channel_id: UUID
    channel: str
    kind: EventKind
    path: str
    noticed_at: datetime
    status: DeliveryStatus
    attempts: int
    reason: str
    message: str
    changed_at: datetime
    due_at: datetime


class NotificationDeliveries(PageModel):
    """A page of deliveries, newest first."""

    items: list[NotificationDelivery]


class DeliveryAgain(ResponseModel):
    """A dead letter that is delivered again."""

    delivery_id: UUID
    status: Literal["waiting"]
