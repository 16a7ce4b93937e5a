"""A process that kills itself at a named step: `python -m tests.broker.worker <settings as JSON>`.

It runs the library as a service does (consume over KafkaSource, relay). The kills are in what is
passed in: a wrapped source, a listener on the engine, a wrapped producer.

Steps of a consumer, in order: `poll`, `offsets`, `inbox`, `apply`, `outbox` (each: just after),
`before-commit` (of the transaction), `after-commit`, `kafka-commit`. Steps of a relay: `read`,
`produced` (half of the batch), `flushed` (before the mark), `marked`.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import uuid5

from confluent_kafka import TopicPartition
from sqlalchemy import Connection, Engine, event

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Retry
from libs.common.contracts.message import Message, Source
from libs.common.contracts.topics import Topic
from libs.common.database.engine import connect, run
from libs.common.messaging import kafka, kafka_source, offsets, outbox, relay
from libs.common.messaging.consumer import Apply, consume
from libs.common.observability.logs import configure
from libs.common.runtime.service import Service
from libs.common.runtime.settings import ServiceSettings


@dataclass(frozen=True)
class Work:
    """What one process does.

    `kill_at` is `step` or `step:n` (the n-th time), `signal` is what it then sends itself. With
    `take_all` it assigns every partition to itself, whoever else has it.
    """

    role: Literal["consume", "relay", "service"]
    url: str
    bootstrap: str
    topic: str
    next_topic: str = ""
    kill_at: str = ""
    signal: Literal["KILL", "STOP"] = "KILL"
    take_all: bool = False
    batch_max: int = 50
    session_timeout_ms: int = 1_000
    idle_limit_ms: int = 30_000


SETTINGS = Work(**json.loads(sys.argv[1])) if len(sys.argv) > 1 else Work("consume", "", "", "", "")


class Counted(Event):
    """One of the numbered events of an account."""

    topic: ClassVar[Topic] = Topic(SETTINGS.topic, "account", "test", ("test",))
    type: Literal["counted.v1"] = "counted.v1"
    account: str
    number: int
    amount_cents: int


class Passed(Event):
    """A Counted, passed on by a first consumer through its outbox."""

    topic: ClassVar[Topic] = Topic(SETTINGS.next_topic, "account", "test", ("test",))
    type: Literal["passed.v1"] = "passed.v1"
    account: str
    number: int
    amount_cents: int


class SelfKill:
    """Sends this process its signal when the step is reached for the n-th time."""

    def __init__(self, text: str, how: str) -> None:
        self.step, _, count = text.partition(":")
        self.left, self.signal = (
            int(count or 1),
            signal.SIGKILL if how == "KILL" else signal.SIGSTOP,
        )

    def __call__(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.signal)


class KillingSource:
    """A source that may kill after a poll with messages, before Kafka's commit, and after it."""

    def __init__(self, inner: Source, kill: SelfKill) -> None:
        self.inner, self.kill, self.topic = inner, kill, inner.topic

    def poll(self) -> list[Message]:
        batch = self.inner.poll()
        if batch:
            self.kill("poll")
        return batch

    def commit(self, messages: list[Message]) -> None:
        self.kill("after-commit")
        self.inner.commit(messages)
        self.kill("kafka-commit")

    def rewind(self) -> None:
        self.inner.rewind()

    def close(self) -> None:
        self.inner.close()


class SourceOfAllPartitions(kafka_source.KafkaSource):
    """Takes every partition, as a worker that has not noticed that it was declared dead."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        load: Callable[[str, str, Sequence[int]], dict[int, int]],
        batch_max: int,
    ) -> None:
        super().__init__(bootstrap, group, topic, load, batch_max)
        self.consumer.unsubscribe()
        partitions = list(self.consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        self.expected = self._stored_offsets(partitions)
        self.consumer.assign([TopicPartition(topic, p, o) for p, o in self.expected.items()])


class KillingProducer:
    """A producer that may kill in the middle of a batch, and after its acknowledgements."""

    def __init__(self, inner: Any, kill: SelfKill) -> None:  # confluent_kafka's or a fake
        self.inner, self.kill, self.count = inner, kill, 0

    def produce(self, *args: Any, **kwargs: Any) -> None:
        self.inner.produce(*args, **kwargs)
        self.count += 1
        if self.count % 40 == 0:
            self.inner.flush(5.0)
            self.kill("produced")

    def flush(self, limit_s: float) -> int:
        left: int = self.inner.flush(limit_s)
        self.kill("flushed")
        return left

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def kill_between_statements(engine: Engine, kill: SelfKill) -> None:
    """Kill between statements of the library."""
    steps = {
        "UPDATE consumer_offset": "offsets",
        "INSERT INTO inbox": "inbox",
        "INSERT INTO applied": "apply",
        "INSERT INTO outbox": "outbox",
        "SELECT id, CAST(event_id AS text) AS event_id, topic": "read",
        "UPDATE outbox": "marked",
    }

    @event.listens_for(engine, "after_cursor_execute")
    def _(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        for text, step in steps.items():
            if text in statement:
                connection.info["applying"] = step == "offsets" or connection.info.get("applying")
                kill(step)

    @event.listens_for(engine, "commit")
    def _(connection: Connection) -> None:
        # not in the transaction that reads the offsets on assignment
        if connection.info.pop("applying", False):
            kill("before-commit")


def apply_for(consumer: str) -> Apply:
    """Insert a row for each event (the table takes doubles), add to a tally, pass a Counted on."""

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        known = [e for e in events if isinstance(e, (Counted, Passed))]
        run(
            connection,
            """
            INSERT INTO applied (consumer, account, number, amount_cents, pid)
            SELECT :consumer, *, :pid
            FROM unnest(
                CAST(:accounts AS text[]), CAST(:numbers AS int[]), CAST(:cents AS bigint[])
            )""",
            consumer=consumer,
            pid=os.getpid(),
            accounts=[e.account for e in known],
            numbers=[e.number for e in known],
            cents=[e.amount_cents for e in known],
        )
        run(
            connection,
            "UPDATE tally SET cents = cents + :cents WHERE consumer = :consumer",
            consumer=consumer,
            cents=sum(e.amount_cents for e in known),
        )
        if SETTINGS.next_topic:
            outbox.add(
                connection,
                [
                    Passed(
                        event_id=uuid5(e.event_id, "passed"),
                        occurred_at=e.occurred_at,
                        account=e.account,
                        number=e.number,
                        amount_cents=e.amount_cents,
                    )
                    for e in known
                ],
            )

    return apply


async def serve(work: Work, stop: threading.Event) -> None:
    """Run a whole service without its port; its consumer is `worker.<topic>`."""
    settings = ServiceSettings(
        database_url=work.url,
        kafka=work.bootstrap,
        port=18_999,
        internal_token="0123456789abcdef",
        session_timeout_ms=work.session_timeout_ms,
        accept_unsigned=True,
    )
    service = Service("worker", settings, Path())
    service.add_consumer(Counted.topic, apply_for(f"worker.{work.topic}"))
    app = service.app()
    async with app.router.lifespan_context(app):
        await asyncio.to_thread(stop.wait)


def main(work: Work) -> None:
    """Work until SIGTERM."""
    configure(work.role)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if work.role == "service":
        asyncio.run(serve(work, stop))
        return
    engine = connect(work.url, f"worker-{work.role}")
    kill = SelfKill(work.kill_at, work.signal)
    kill_between_statements(engine, kill)
    if work.role == "relay":
        producer: Any = KillingProducer(kafka.producer(work.bootstrap), kill)  # acts as one
        relay.publish_until_stopped(engine, producer, stop)
        return

    @event.listens_for(engine, "connect")
    def _(raw: Any, _: object) -> None:
        with raw.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {work.idle_limit_ms}")
        raw.commit()

    while not stop.is_set():
        source = open_source(work, engine)
        try:
            apply = apply_for(work.topic)
            consume(KillingSource(source, kill), engine, work.topic, apply, stop)
        except Retry:  # as Service does
            stop.wait(0.2)
        finally:
            source.close()


def open_source(work: Work, engine: Engine) -> Source:
    """The source that the settings name."""
    stored = offsets.Offsets(engine, work.topic)
    load = stored.load
    if work.take_all:
        return SourceOfAllPartitions(work.bootstrap, work.topic, work.topic, load, work.batch_max)
    return kafka_source.KafkaSource(
        work.bootstrap,
        work.topic,
        work.topic,
        load,
        work.batch_max,
        work.session_timeout_ms,
        has_taken_in=stored.has_taken_in,
    )


if __name__ == "__main__":
    main(SETTINGS)
