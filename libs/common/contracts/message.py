"""A message as it lies on a topic, and the interface through which a consumer reads messages."""

import re
from typing import NamedTuple, Protocol

#: A UUID in lower case, as PostgreSQL writes it.
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in lower case, the only form in which ids are compared."""
    return _UUID.fullmatch(text) is not None


class Message(NamedTuple):
    """One record of one partition. `body` is UTF-8 JSON; `type` and the rest come from headers."""

    topic: str
    partition: int
    offset: int
    key: str
    type: str
    event_id: str
    body: bytes
    correlation: str = ""
    #: The service whose outbox the message left; empty on messages older than this header.
    producer: str = ""
    #: As received, and only where spans are recorded (observability/trace_context.py reads it).
    traceparent: str = ""
    #: What crypto/message_signatures.py verifies; empty on a message without that header.
    signature: bytes = b""


class Source(Protocol):
    """Where a consumer's messages come from: Kafka, or memory in tests and simulations."""

    topic: str

    def poll(self) -> list[Message]:
        """The next messages of the owned partitions, in order within each.

        Empty after a short wait without messages.

        Raises:
            Retry: not now; close this source and open another.
        """

    def commit(self, messages: list[Message]) -> None:
        """Report progress to the broker. Only tools that show lag use it."""

    def rewind(self) -> None:
        """Continue from the stored offsets on every owned partition."""

    def close(self) -> None:
        """Leave the consumer group."""
