"""What the library carries beside bare loops of the same statements, in one run on a real broker and database: python -m devtools.bench.

Two consumer loops read the same messages of a topic of their own from the start, in turns of one batch, so that whatever else
the machine does slows both alike; each one's clock runs in its own turns only, and the median turn is its rate:
- library: `consume` over KafkaSource with its envelope (pydantic), compare-and-swap offsets, inbox, dead letters ready;
- bare: confluent_kafka's `consume`, the event's id from the headers, `json.loads` of the body, and the same three statements as text
  through SQLAlchemy; no check of anything.
Both put one business row a message and commit up to 500 messages a transaction. The relay stands beside a bare `produce` of the
same bodies by a producer with the same settings, without an outbox.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid5

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import Connection, Engine

from devtools import test_servers
from libs.common.contracts.envelope import Event
from libs.common.contracts.message import Message
from libs.common.contracts.topics import PARTITIONS, Topic
from libs.common.database.engine import connect, run
from libs.common.messaging import kafka, kafka_source, offsets, outbox, relay
from libs.common.messaging.consumer import consume
from libs.common.observability.trace_context import unrecorded_header
from libs.common.testing.messaging_tables import MESSAGING
from ops import provision
from ops.errors import Problem, exit_code

BATCH_MAX = 500
REPETITIONS = 3
LEAST = 0.8
LIMIT_S = 120.0
SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
PADDING = "0123456789abcdef" * 18
BUSINESS = "CREATE TABLE posting (consumer text NOT NULL, payment_id uuid NOT NULL, amount_cents bigint NOT NULL)"


class Posted(Event):
    """The message of the bench: about 600 bytes with its headers, as the real ones."""

    topic: ClassVar[Topic] = Topic(
        f"bench-{uuid.uuid4().hex[:10]}", "payment_id", "bench", ("bench",)
    )
    type: Literal["bench-posted.v1"] = "bench-posted.v1"
    payment_id: UUID
    amount_cents: int
    note: str


TOPIC = Posted.topic.name


@dataclass(frozen=True)
class Place:
    """Where the bench runs."""

    engine: Engine
    bootstrap: str
    count: int


class Turns:
    """Who of several may work now; in a circle."""

    def __init__(self, names: Sequence[str]) -> None:
        self.queue, self.changed = deque(names), threading.Condition()

    def take(self, name: str) -> None:
        """Wait for one's turn."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.queue[0] == name, LIMIT_S):
                raise Problem(f"the {name} loop waited {LIMIT_S:.0f} s for its turn")

    def give(self) -> None:
        """Let the next one work."""
        with self.changed:
            self.queue.rotate(-1)
            self.changed.notify_all()

    def leave(self, name: str) -> None:
        """Never work again."""
        with self.changed:
            self.queue.remove(name)
            self.changed.notify_all()


class Lane:
    """One loop's turns, what it did in them, and how long they took."""

    def __init__(self, name: str, turns: Turns, count: int) -> None:
        self.name, self.turns, self.count = name, turns, count
        self.done, self.began, self.paces = 0, 0.0, list[float]()

    def begin(self) -> None:
        """Wait for the turn; the clock runs from here."""
        self.turns.take(self.name)
        self.began = time.monotonic()

    def end(self, messages: int) -> None:
        """The turn is over; one without messages does not count."""
        if messages:
            self.done += messages
            self.paces.append((time.monotonic() - self.began) / messages)
        self.turns.give()


class InTurns:
    """A source that polls when it is its turn, gives the turn away when Kafka was told, and sets `stop` at the last message."""

    def __init__(self, inner: kafka_source.KafkaSource, lane: Lane) -> None:
        self.inner, self.topic, self.lane, self.stop = inner, inner.topic, lane, threading.Event()

    def poll(self) -> list[Message]:
        """As the inner one."""
        self.lane.begin()
        batch = self.inner.poll()
        if not batch:
            self.lane.end(0)
        return batch

    def commit(self, messages: list[Message]) -> None:
        """As the inner one."""
        self.inner.commit(messages)
        self.lane.end(len(messages))
        if self.lane.done >= self.lane.count:
            self.stop.set()

    def rewind(self) -> None:
        """As the inner one."""
        self.inner.rewind()

    def close(self) -> None:
        """As the inner one."""
        self.inner.close()


def insert(connection: Connection, name: str, ids: list[str], cents: list[int]) -> None:
    """One business row a message; the statement of both loops."""
    run(
        connection,
        """
        INSERT INTO posting (consumer, payment_id, amount_cents)
        SELECT :name, * FROM unnest(CAST(:ids AS uuid[]), CAST(:cents AS bigint[]))""",
        name=name,
        ids=ids,
        cents=cents,
    )


def by_library(place: Place, lane: Lane) -> None:
    """The library's loop, as a service runs it."""

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        known = [event for event in events if isinstance(event, Posted)]
        insert(
            connection,
            lane.name,
            [str(e.payment_id) for e in known],
            [e.amount_cents for e in known],
        )

    load = offsets.Offsets(place.engine, lane.name).load
    source = InTurns(
        kafka_source.KafkaSource(
            place.bootstrap, f"{TOPIC}-{uuid.uuid4().hex[:8]}", TOPIC, load, BATCH_MAX
        ),
        lane,
    )
    try:
        consume(source, place.engine, lane.name, apply, source.stop)
    finally:
        source.close()


def by_bare_loop(place: Place, lane: Lane) -> None:
    """A loop that does the same statements and checks nothing."""
    with place.engine.begin() as connection:
        run(
            connection,
            "INSERT INTO consumer_offset (consumer, topic, partition, next_offset) SELECT :name, :topic, p, 0 FROM generate_series(0, :last) AS p",
            name=lane.name,
            topic=TOPIC,
            last=PARTITIONS - 1,
        )
    reader = reading(place, "bare")
    try:
        while lane.done < lane.count:
            lane.begin()
            first = reader.poll(0.5)
            records = [] if first is None else [first, *reader.consume(BATCH_MAX - 1, 0)]
            if records:
                with place.engine.begin() as connection:
                    bare_batch(connection, lane.name, records)
                reader.commit(message=records[-1], asynchronous=True)
            lane.end(len(records))
    finally:
        reader.close()


def bare_batch(
    connection: Connection, name: str, records: Sequence[Any]
) -> None:  # confluent_kafka types every part as optional
    """Offsets, inbox and business rows of one batch, with the statements of libs/common/messaging/consumer.py."""
    spans: dict[int, tuple[int, int]] = {}
    bodies = {}
    for record in records:
        partition, offset = record.partition(), record.offset()
        spans[partition] = (spans.get(partition, (offset, 0))[0], offset + 1)
        bodies[dict(record.headers())["event_id"].decode()] = json.loads(record.value())
    run(
        connection,
        """
        WITH span AS (SELECT * FROM unnest(CAST(:partitions AS int[]), CAST(:olds AS bigint[]), CAST(:news AS bigint[])) AS s(partition, old, new)),
             mine AS (SELECT o.partition FROM consumer_offset o JOIN span USING (partition)
                      WHERE o.consumer = :consumer AND o.topic = :topic AND o.next_offset = span.old ORDER BY o.partition FOR UPDATE OF o)
        UPDATE consumer_offset o SET next_offset = span.new FROM span JOIN mine USING (partition)
        WHERE o.consumer = :consumer AND o.topic = :topic AND o.partition = span.partition""",
        partitions=list(spans),
        olds=[a for a, _ in spans.values()],
        news=[b for _, b in spans.values()],
        consumer=name,
        topic=TOPIC,
    )
    new = {
        row[0]
        for row in run(
            connection,
            """
        INSERT INTO inbox (consumer, event_id) SELECT :consumer, id FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id
        ON CONFLICT DO NOTHING RETURNING CAST(event_id AS text)""",
            consumer=name,
            ids=list(bodies),
        )
    }
    fresh = [body for event_id, body in bodies.items() if event_id in new]
    insert(
        connection,
        name,
        [body["payment_id"] for body in fresh],
        [body["amount_cents"] for body in fresh],
    )


def reading(place: Place, group: str) -> Consumer:
    """A consumer of every partition from the start, with the library's settings."""
    reader = Consumer(kafka.consumer_config(place.bootstrap, group, 3_000))
    reader.assign([TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
    return reader


def by_relay(place: Place) -> float:
    """Events a second from an outbox to Kafka; they are put there first."""
    events = [
        Posted(
            event_id=uuid5(SPACE, str(n)),
            occurred_at=datetime.now(UTC),
            payment_id=uuid5(SPACE, f"p{n}"),
            amount_cents=n % 997 + 1,
            note=PADDING,
        )
        for n in range(place.count)
    ]
    for start in range(0, place.count, 5_000):
        with place.engine.begin() as connection:
            outbox.add(connection, events[start : start + 5_000])
    stop, producer = threading.Event(), kafka.producer(place.bootstrap)
    producer.list_topics(TOPIC, timeout=15)
    thread = threading.Thread(
        target=relay.publish_until_stopped, args=(place.engine, producer, stop)
    )
    began = time.monotonic()
    thread.start()
    try:
        while count(place, "outbox WHERE published_at IS NULL"):
            if time.monotonic() - began > LIMIT_S or not thread.is_alive():
                raise Problem(
                    f"the relay left {count(place, 'outbox WHERE published_at IS NULL')} events behind"
                )
            time.sleep(0.02)
        return place.count / (time.monotonic() - began)
    finally:
        stop.set()
        thread.join()


def by_bare_produce(place: Place) -> float:
    """Messages a second of the same bodies, keys and headers, all handed over and then flushed; to a second topic."""
    with place.engine.connect() as connection:
        rows = run(
            connection, "SELECT CAST(event_id AS text), message_key, body FROM outbox ORDER BY id"
        ).all()
    producer = kafka.producer(place.bootstrap)
    producer.list_topics(f"{TOPIC}-bare", timeout=15)
    failed: list[object] = []
    began = time.monotonic()
    for event_id, key, body in rows:
        headers = [
            ("event_id", event_id),
            ("type", "bench-posted.v1"),
            ("correlation", ""),
            ("traceparent", unrecorded_header("", event_id)),
        ]
        producer.produce(
            f"{TOPIC}-bare",
            key=key,
            value=body,
            headers=headers,
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
        producer.poll(0)
    if producer.flush(LIMIT_S) or failed:
        raise Problem(f"bare produce: {len(failed)} messages were not acknowledged")
    return len(rows) / (time.monotonic() - began)


def by_bare_fetch(place: Place) -> float:
    """Messages a second that can be read from the topic when nothing is done with them."""
    reader = reading(place, "fetch")
    done, began = 0, 0.0
    while done < place.count:
        first = reader.poll(LIMIT_S)
        if first is None:
            raise Problem(f"bare fetch came to {done} of {place.count} messages")
        began = began or time.monotonic()
        done += 1 + len(reader.consume(BATCH_MAX - 1, 0))
    rate = done / (time.monotonic() - began)
    reader.close()
    return rate


def count(place: Place, what: str) -> int:
    """The rows of a table, with a condition."""
    with place.engine.connect() as connection:
        return int(run(connection, f"SELECT count(*) FROM {what}").scalar())  # noqa: S608 - our own words


def repetition(place: Place) -> dict[str, list[float]]:
    """The paces of both loops, in seconds a message of each turn. Their counts must add up: every message once in each inbox and once in the business table."""
    with place.engine.begin() as connection:
        run(connection, "TRUNCATE posting, inbox, consumer_offset")
    loops = {"library": by_library, "bare": by_bare_loop}
    turns = Turns(list(loops))
    lanes = [Lane(name, turns, place.count) for name in loops]
    failed: list[BaseException] = []

    def work(lane: Lane) -> None:
        try:
            loops[lane.name](place, lane)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)
        finally:
            turns.leave(lane.name)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    for lane in lanes:
        check(place, lane.name)
    return {lane.name: lane.paces for lane in lanes}


def rate(paces: Sequence[float]) -> float:
    """Messages a second in the median turn."""
    return 1 / statistics.median(paces)


def check(place: Place, name: str) -> None:
    """Refuse a run whose counts do not add up."""
    with place.engine.connect() as connection:
        found = run(
            connection,
            """
            SELECT count(*) AS rows, count(DISTINCT payment_id) AS once, sum(amount_cents) AS cents,
                   (SELECT count(*) FROM inbox WHERE consumer = :name) AS inbox,
                   (SELECT sum(next_offset) FROM consumer_offset WHERE consumer = :name) AS offsets
            FROM posting WHERE consumer = :name""",
            name=name,
        ).one()
    cents = sum(n % 997 + 1 for n in range(place.count))
    if tuple(found) != (place.count, place.count, cents, place.count, place.count):
        raise Problem(
            f"the {name} loop's counts do not add up: {found} of {place.count} messages and {cents} cents"
        )


@contextmanager
def placed(messages: int, postgres_url: str, bootstrap: str) -> Iterator[Place]:
    """Servers (those named, else temporary ones), a database and topics of the bench's own; leaves nothing behind."""
    with ExitStack() as stack:
        postgres_url = postgres_url or stack.enter_context(test_servers.temporary_postgres())
        bootstrap = bootstrap or stack.enter_context(test_servers.temporary_kafka()).bootstrap
        prefix = f"bench_{uuid.uuid4().hex[:10]}"
        _, owner_url = provision.create(postgres_url, "bench", prefix)
        stack.callback(provision.drop, postgres_url, "bench", prefix)
        engine = connect(owner_url, "bench")
        stack.callback(engine.dispose)
        with engine.begin() as connection:
            for statement in (*MESSAGING, BUSINESS):
                run(connection, statement)
        names = [TOPIC, f"{TOPIC}-bare"]
        kafka.create_topics(
            bootstrap, [Topic(name, "payment_id", "bench", ("bench",)) for name in names]
        )
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        stack.callback(
            lambda: [future.result(10) for future in admin.delete_topics(names).values()]
        )
        yield Place(engine, bootstrap, messages)


def facts(place: Place) -> list[str]:
    """The machine and what durability costs here."""
    with place.engine.connect() as connection:
        settings = {
            name: run(connection, f"SHOW {name}").scalar()
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes")
        }
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"machine     {os.cpu_count()} cores, {memory:.1f} GiB, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}",
        "PostgreSQL  " + ", ".join(f"{name} {value}" for name, value in settings.items()),
        "Kafka       one node, acks=all, enable.idempotence=true, compression lz4, 12 partitions; the broker flushes as its system does",
        f"messages    {place.count}, {len(PADDING) + 300} bytes, {BATCH_MAX} a transaction",
    ]


def show(name: str, library: Sequence[float], bare: Sequence[float]) -> float:
    """Print both rates and give their ratio."""
    ratio = rate(library) / rate(bare)
    print(f"  {name:<28} {rate(library):10,.0f} {rate(bare):10,.0f} {ratio:10.2f}", flush=True)
    return ratio


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print it; 1 if the library carries less than 0.8 of the bare loop."""
    parser = argparse.ArgumentParser(
        description="What the library carries beside bare loops of the same statements."
    )
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument(
        "--postgres",
        default=os.environ.get("PAYDOWN_TEST_POSTGRES_URL", ""),
        help="an administrator's URL (default: a temporary server)",
    )
    parser.add_argument(
        "--kafka",
        default=os.environ.get("PAYDOWN_TEST_KAFKA", ""),
        help="a broker (default: a temporary one)",
    )
    given = parser.parse_args(arguments)
    with placed(given.messages, given.postgres, given.kafka) as place:
        for line in facts(place):
            print(line, flush=True)
        gc.freeze()  # as Service does; for both loops
        relay, produce, fetch = by_relay(place), by_bare_produce(place), by_bare_fetch(place)
        print("\nconsumer loop, messages/s          library       bare      ratio")
        library: list[float] = []
        bare: list[float] = []
        for number in range(1, REPETITIONS + 1):
            paces = repetition(place)
            show(f"run {number}", paces["library"], paces["bare"])
            library += paces["library"]
            bare += paces["bare"]
        ratio = show("all turns", library, bare)
        print(
            f"\noutbox relay {relay:,.0f}/s beside bare produce {produce:,.0f}/s; bare fetch {fetch:,.0f}/s"
        )
    print(f"the library carries {ratio:.2f} of the bare loop (at least {LEAST} is asked for)")
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
