"""The envelope every message has, and the registry that turns bytes back into an event."""

from typing import Any, ClassVar, TypeVar, get_args
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from libs.common.contracts.errors import Reject
from libs.common.contracts.topics import Topic

MAX_CENTS = 1_000_000_000_00
E = TypeVar("E", bound="Event")


class Value(BaseModel):
    """A part of an event: immutable; unknown fields of a newer producer are ignored (changes are additive only)."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Value):
    """One fact on one topic.

    `event_id` is deterministic (uuid5 of what caused it), so that a repeat is recognised; `correlation` is the batch_id, or ""
    where no batch is known.
    """

    topic: ClassVar[Topic]
    registry: ClassVar[dict[str, type["Event"]]] = {}

    type: str
    event_id: UUID
    occurred_at: AwareDatetime
    correlation: str = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Register the class under its `type`."""
        Event.registry[cls.name()] = cls

    @classmethod
    def name(cls) -> str:
        """The type and version on the wire, for example `payment-changed.v1`."""
        return str(get_args(cls.model_fields["type"].annotation)[0])

    def key(self) -> str:
        """What the message is partitioned by (the topic's `key` field)."""
        return str(getattr(self, self.topic.key))

    def body(self) -> bytes:
        """The message on the wire: UTF-8 JSON."""
        return self.model_dump_json().encode()


class UnknownEvent(Reject):
    """The message is of no known type and version, or its body does not fit its type: parked, a person looks."""

    code = "event.unknown"


def parse(type_name: str | None, body: bytes) -> Event:
    """The event in a message.

    Raises:
        UnknownEvent: no such type, or the body does not fit it. The body is not repeated in the error.
    """
    known = Event.registry.get(type_name or "")
    if known is None:
        raise UnknownEvent(f"no event type {type_name!r} is known here")
    try:
        return known.model_validate_json(body)
    except ValidationError as error:
        where = ", ".join(
            ".".join(str(p) for p in e["loc"])
            for e in error.errors(include_input=False, include_url=False)[:5]
        )
        raise UnknownEvent(f"{type_name} does not fit its schema at: {where}") from None
