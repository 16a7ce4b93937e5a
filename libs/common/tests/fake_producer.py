"""A Kafka producer of the tests' own, and what a test does with an outbox."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError

from libs.common.crypto.message_signatures import Signer
from libs.common.messaging import outbox, relay
from libs.common.tests.conftest import Store
from libs.common.tests.factories import hint


class Delivered:
    """What a delivery report says of its message: when and where the broker wrote it."""

    def __init__(self, written_ms: int, offset: int | None = None) -> None:
        self.written_ms, self.at = written_ms, offset

    def topic(self) -> str:
        return "provider-events"

    def partition(self) -> int:
        return 0

    def offset(self) -> int | None:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_LOG_APPEND_TIME, self.written_ms


class Producer:
    """A producer that remembers what it was given.

    `fate` decides about the n-th message: None acknowledges it, an error is reported, an exception
    is raised at once.
    """

    def __init__(
        self, fate: Callable[[int], KafkaError | BaseException | None] = lambda _: None
    ) -> None:
        self.fate, self.given, self.open, self.purged = (
            fate,
            list[dict[str, Any]](),
            list[tuple[Any, KafkaError | None]](),
            False,
        )
        self.silent = False
        self.clock_ahead_s = 0.0
        self.next_offset: int | None = 0  # None: the broker does not tell

    def produce(self, topic: str, **record: Any) -> None:
        fate = self.fate(len(self.given))
        if isinstance(fate, BaseException):
            raise fate
        self.given.append({"topic": topic, **record})
        self.open.append((record["on_delivery"], fate))

    def poll(self, _: float) -> int:
        return 0

    def flush(self, _: float) -> int:
        if self.silent and not self.purged:
            return len(self.open)
        written_ms = int((time.time() + self.clock_ahead_s) * 1_000)
        for delivered, error in self.open:
            outcome = KafkaError(KafkaError._PURGE_QUEUE) if self.purged else error
            delivered(outcome, Delivered(written_ms, self.next_offset))
            if self.next_offset is not None:
                self.next_offset += outcome is None
        self.open.clear()
        return 0

    def purge(self) -> None:
        self.purged = True

    def ids(self) -> list[str]:
        return [dict(record["headers"])["event_id"] for record in self.given]


def add(store: Store, numbers: Iterable[int]) -> list[str]:
    events = [hint(n) for n in numbers]
    with store.engine.begin() as connection:
        outbox.add(connection, events)
    return [str(event.event_id) for event in events]


def publish(
    store: Store, producer: Producer, batch_max: int = 1_000, signer: Signer | None = None
) -> int:
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        acting: Any = producer  # it has the methods the relay uses
        return relay.publish(connection, acting, batch_max, "webhooks", signer)


def waiting(store: Store) -> list[str]:
    return [
        row[0]
        for row in store.rows(
            "SELECT CAST(event_id AS text) FROM outbox WHERE published_at IS NULL ORDER BY id"
        )
    ]
