"""A message as it lies on a topic, and the port through which a consumer reads it."""

from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """One record of one partition; `body` is UTF-8 JSON, `type` and `event_id` come from the headers."""

    topic: str
    partition: int
    offset: int
    key: str
    type: str
    event_id: str
    body: bytes
    correlation: str = ""
    producer: str = ""  # the service whose outbox it left; empty before headers named it
    traceparent: str = ""  # as it came, and only where spans are recorded; `traceparent.parsed` says whether it means anything


class Source(Protocol):
    """Where a consumer's messages come from: Kafka, or memory in tests and simulations."""

    topic: str

    def poll(self) -> list[Message]:
        """The next messages of the partitions owned, in order within each; empty after a short wait.

        Raises:
            Retry: not now; close this source and open another.
        """

    def commit(self, messages: list[Message]) -> None:
        """Tell the broker how far we are; only lag tools believe it."""

    def rewind(self) -> None:
        """Continue from the stored offsets on every partition owned."""

    def close(self) -> None:
        """Leave the group."""
