"""The envelope every message has: what it is, when it happened, and what it belongs to."""

from typing import Any, ClassVar, get_args
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.common.contracts.topics import Topic

MAX_CENTS = 1_000_000_000_00


def _unwrap_description(schema: dict[str, Any]) -> None:
    """Write a docstring that is wrapped in the source as one line of the JSON Schema."""
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())


class Value(BaseModel):
    """A part of an event. It is immutable; unknown fields, from a newer producer, are ignored.

    Changes of a message are therefore additive only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_unwrap_description)


class Event(Value):
    """One fact on one topic. The classes are in `contracts/events/`.

    `event_id` is deterministic (uuid5 of what caused the event), so a repeat is recognised.
    `correlation` is the batch_id, or "" where no batch is known. Money is integer US cents.
    A field described as "sealed" is encrypted: `<key id>.<base64>` (crypto/field_encryption.py).
    It is bound to (field, row_id); a source's account number is bound to
    (`account`, `<batch_id>/<source_account_id>`).
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
