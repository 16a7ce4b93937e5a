"""A topic in memory, with the contract of a real one, for tests and simulations.

One suite tests both (tests/messaging/test_source.py).
"""

import threading
import zlib
from collections.abc import Callable, Sequence

from libs.common.contracts.errors import Fatal
from libs.common.contracts.message import Message
from libs.common.contracts.topics import PARTITIONS


class MemoryTopic:
    """Partitions of messages that only grow, and by group the sources that read them."""

    def __init__(self, name: str, partitions: int = PARTITIONS, topic_id: str = "memory") -> None:
        self.name, self.topic_id = name, topic_id
        self.records: list[list[Message]] = [[] for _ in range(partitions)]
        self.members: dict[str, list[MemorySource]] = {}
        self.owners: dict[tuple[str, int], MemorySource] = {}
        self.changed = threading.Condition()

    def append(
        self,
        key: str,
        type_name: str,
        event_id: str,
        body: bytes,
        correlation: str = "",
        traceparent: str = "",
        signature: bytes = b"",
    ) -> Message:
        """Add a message at the end of its key's partition, the one librdkafka would choose."""
        with self.changed:
            number = zlib.crc32(key.encode()) % len(self.records)
            record = Message(
                self.name,
                number,
                len(self.records[number]),
                key,
                type_name,
                event_id,
                body,
                correlation,
                traceparent=traceparent,
                signature=signature,
            )
            self.records[number].append(record)
            self.changed.notify_all()
        return record


class MemorySource:
    """A Source: a member of a group that reads a MemoryTopic.

    It gives partitions up and takes new ones when it polls, as a Kafka consumer does.
    """

    def __init__(
        self,
        topic: MemoryTopic,
        group: str,
        load: Callable[[str, str, Sequence[int]], dict[int, int]],
        batch_max: int = 500,
        wait_s: float = 0.5,
    ) -> None:
        self.topic, self.log, self.group, self.load = topic.name, topic, group, load
        self.batch_max, self.wait_s = batch_max, wait_s
        self.expected: dict[int, int] = {}
        with topic.changed:
            topic.members.setdefault(group, []).append(self)
            topic.changed.notify_all()

    def poll(self) -> list[Message]:
        """Up to `batch_max` messages of the owned partitions; empty after `wait_s` without any.

        Raises:
            Fatal: a stored offset lies beyond the end of its partition.
        """
        with self.log.changed:
            return self._take() or (self.log.changed.wait(self.wait_s) and self._take()) or []

    def commit(self, messages: list[Message]) -> None:
        """Nothing: there are no tools that show lag in memory."""

    def rewind(self) -> None:
        """Continue from the stored offsets on every owned partition."""
        with self.log.changed:
            self.expected = self._stored_offsets(list(self.expected))

    def close(self) -> None:
        """Leave the group; a second call does nothing."""
        with self.log.changed:
            members = self.log.members[self.group]
            if self in members:
                members.remove(self)
            self._give_up(list(self.expected))

    def _take(self) -> list[Message]:
        self._rebalance()
        found: list[Message] = []
        for partition in sorted(self.expected):
            begin = self.expected[partition]
            records = self.log.records[partition][begin : begin + self.batch_max - len(found)]
            self.expected[partition] = begin + len(records)
            found += records
        return found

    def _rebalance(self) -> None:
        """Give up partitions of others, then take our own that are free: no one is owned twice."""
        members = self.log.members[self.group]
        place = members.index(self)
        ours = set(range(place, len(self.log.records), len(members)))
        self._give_up([partition for partition in self.expected if partition not in ours])
        free = [number for number in sorted(ours) if (self.group, number) not in self.log.owners]
        if free:
            self.expected |= self._stored_offsets(free)
            self.log.owners |= {(self.group, number): self for number in free}

    def _give_up(self, partitions: Sequence[int]) -> None:
        for partition in partitions:
            del self.expected[partition]
            del self.log.owners[self.group, partition]
        self.log.changed.notify_all()

    def _stored_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        stored = self.load(self.topic, self.log.topic_id, partitions)
        for partition, offset in stored.items():
            if offset > len(self.log.records[partition]):
                raise Fatal(
                    f"{self.topic}/{partition}: the stored offset {offset} is beyond the end",
                    "kafka.consumer",
                )
        return stored
