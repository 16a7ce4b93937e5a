from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from libs.common.database.engine import connect, run
from libs.common.messaging.offsets import Offsets
from libs.common.observability import tracing
from libs.common.testing.messaging_tables import MESSAGING, RESTORED, RESTORED_HELD
from libs.common.tests.recorded_spans import RecordedSpans

CONSUMER, TOPIC = "test.provider-events", "provider-events"


@dataclass(frozen=True)
class Store:
    """A database with the tables of messaging, and one of effects that shows a doubled one."""

    engine: Engine
    url: str
    owner_url: str

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in run(connection, sql, **values)]

    def applied(self) -> list[str]:
        return [str(row[0]) for row in self.rows("SELECT event_id FROM applied ORDER BY n")]

    def offsets(self) -> dict[int, int]:
        return {
            row[0]: row[1]
            for row in self.rows(
                "SELECT partition, next_offset FROM consumer_offset WHERE consumer = :c", c=CONSUMER
            )
        }

    def load(self, topic: str, topic_id: str, partitions: Any) -> dict[int, int]:
        return Offsets(self.engine, CONSUMER).load(topic, topic_id, partitions)


@pytest.fixture
def recorded() -> Iterator[RecordedSpans]:
    """What is recorded while tracing is on."""
    made = RecordedSpans()
    tracing.start(made)
    yield made
    tracing.stop()


@pytest.fixture(scope="session")
def common_store(make_database: Callable[[str], tuple[str, str]]) -> Iterator[Store]:
    url, owner_url = make_database("common")
    owner = connect(owner_url, "test-owner", 1)
    with owner.begin() as connection:
        for statement in (
            *MESSAGING,
            RESTORED,
            RESTORED_HELD,
            "CREATE TABLE applied (n bigint GENERATED ALWAYS AS IDENTITY, event_id uuid NOT NULL)",
        ):
            run(connection, statement)
    owner.dispose()
    store = Store(connect(url, "test"), url, owner_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def store(common_store: Store) -> Store:
    """An empty database; the consumer is at offset 0 of partitions 0 and 1."""
    with common_store.engine.begin() as connection:
        for table in ("applied", "inbox", "outbox", "dead_letter", "consumer_offset", "restored"):
            run(connection, f"DELETE FROM {table}")
    common_store.load(TOPIC, "id", [0, 1])
    return common_store
