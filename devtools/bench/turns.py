"""Let several loops work in turns of one batch, and measure each one in its own turns only.

Whatever else the machine does then slows all loops alike.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence

from libs.common.contracts.message import Message
from libs.common.messaging import kafka_source
from ops.errors import CommandError

TURN_LIMIT_S = 120.0


class Turns:
    """Whose turn it is, in a circle."""

    def __init__(self, names: Sequence[str]) -> None:
        self.queue, self.changed = deque(names), threading.Condition()

    def take(self, name: str) -> None:
        """Wait for one's turn.

        Raises:
            CommandError: it did not come in time.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: self.queue[0] == name, TURN_LIMIT_S):
                raise CommandError(f"the {name} loop waited {TURN_LIMIT_S:.0f} s for its turn")

    def give(self) -> None:
        """Let the next one work."""
        with self.changed:
            self.queue.rotate(-1)
            self.changed.notify_all()

    def leave(self, name: str) -> None:
        """Take no further turn."""
        with self.changed:
            self.queue.remove(name)
            self.changed.notify_all()


class Lane:
    """The turns of one loop: messages done, and seconds a message in each turn."""

    def __init__(self, name: str, turns: Turns, count: int) -> None:
        self.name, self.turns, self.count = name, turns, count
        self.done, self.began, self.paces = 0, 0.0, list[float]()

    def begin(self) -> None:
        """Wait for the turn; the clock runs from here."""
        self.turns.take(self.name)
        self.began = time.monotonic()

    def end(self, messages: int) -> None:
        """End the turn; one without messages does not count."""
        if messages:
            self.done += messages
            self.paces.append((time.monotonic() - self.began) / messages)
        self.turns.give()


class SourceInTurns:
    """A Kafka source that polls in its turn and ends the turn with the commit to Kafka.

    It sets `stop` at the last message.
    """

    def __init__(self, inner: kafka_source.KafkaSource, lane: Lane) -> None:
        self.inner, self.topic, self.lane, self.stop = inner, inner.topic, lane, threading.Event()

    def poll(self) -> list[Message]:
        """As the inner source."""
        self.lane.begin()
        batch = self.inner.poll()
        if not batch:
            self.lane.end(0)
        return batch

    def commit(self, messages: list[Message]) -> None:
        """As the inner source."""
        self.inner.commit(messages)
        self.lane.end(len(messages))
        if self.lane.done >= self.lane.count:
            self.stop.set()

    def rewind(self) -> None:
        """As the inner source."""
        self.inner.rewind()

    def close(self) -> None:
        """As the inner source."""
        self.inner.close()
