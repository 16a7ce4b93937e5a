"""Build a projection again from offset 0, in a second schema beside the live one, and compare the two.

In words: in ONE snapshot of the live store read how far each of its consumers is and take digests of what it holds; make an
empty schema `rebuild` in the same database with the same migrations; apply every topic from 0 to exactly those offsets, topic
after topic (another order than the live store saw); take the same digests; they must be equal. The live store is only read.

A service's `rebuild.py` describes its store as a `Projection` and returns `main` of it. Migrations must not name a schema
(no `public.`), because here they run with `search_path = rebuild`.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy import text as statement

from libs.common.contracts.errors import Fatal
from libs.common.contracts.topics import Topic
from libs.common.database import migrate
from libs.common.database.engine import connect, run
from libs.common.messaging import topic_reader
from libs.common.messaging.address import client_settings
from libs.common.messaging.consumer import Apply, apply_batch, wait_for
from libs.common.messaging.kafka import Offsets

SCHEMA = "rebuild"
SILENCE_S = 30.0
CATCH_UP_S = 30.0

Ends = dict[str, dict[int, int]]  # topic -> partition -> the offset that follows


@dataclass(frozen=True)
class Projection:
    """A store that is nothing but its topics: how each is applied, and what must come out equal.

    `digests` names queries; each is a complete, ordered SELECT without anything that depends on when a message was applied.
    `finish` is called once on the rebuilt store when every topic is applied: for what the live store decides between messages.
    """

    name: str
    migrations: Path
    applies: Mapping[Topic, Apply]
    digests: Mapping[str, str]
    finish: Callable[[Connection], None] = lambda connection: None  # noqa: ARG005

    def consumer(self, topic: Topic) -> str:
        """The name under which the live service keeps its offsets of a topic."""
        return f"{self.name}.{topic.name}"


class RebuildSettings(Protocol):
    """The settings of a service that a rebuild needs."""

    @property
    def owner_url(self) -> str:
        """The database, as the role that owns it."""

    @property
    def kafka(self) -> str:
        """The address of Kafka."""


def main(
    projection: Projection,
    settings: RebuildSettings,
    say: Callable[[str], object] = lambda line: sys.stdout.write(line + "\n"),
) -> int:
    """Rebuild, compare and say so. Exit code 0: every digest is equal; 1: not (the schema `rebuild` is kept to look at); 2: it cannot be tried."""
    if not settings.owner_url:
        say(
            f"PAYDOWN_{projection.name.upper()}_OWNER_URL is not set: a rebuild needs the role that owns the database."
        )
        return 2
    owner = connect(settings.owner_url, f"rebuild-{projection.name}")
    wait_for(lambda: unapplied_messages(owner, settings.kafka, projection) == 0, CATCH_UP_S, 0.5)
    late = unapplied_messages(owner, settings.kafka, projection)
    with owner.connect().execution_options(isolation_level="REPEATABLE READ") as snapshot:
        ends = offsets(snapshot, projection)
        live = {name: digest(snapshot, query) for name, query in projection.digests.items()}
    second = make_rebuild_schema(owner, settings.owner_url, projection.migrations)
    since = time.monotonic()
    count = sum(
        replay(second, settings.kafka, projection.consumer(topic), topic, apply, ends[topic.name])
        for topic, apply in projection.applies.items()
    )
    with second.begin() as connection:
        projection.finish(connection)
    with second.connect() as connection:
        rebuilt = {name: digest(connection, query) for name, query in projection.digests.items()}
    second.dispose()
    say(
        f"{projection.name}: {count} messages from offset 0 applied in {time.monotonic() - since:.1f} s"
        + (f"; the live store is {late} messages behind the topics" if late else "")
    )
    for name, found in live.items():
        say(
            f"  {name:<12} live {found[:16]}  rebuilt {rebuilt[name][:16]}  {'equal' if rebuilt[name] == found else 'DIFFERENT'}"
        )
    if live == rebuilt:
        with owner.begin() as connection:
            run(connection, f"DROP SCHEMA {SCHEMA} CASCADE")
    owner.dispose()
    return 0 if live == rebuilt else 1


def make_rebuild_schema(owner: Engine, owner_url: str, migrations: Path) -> Engine:
    """An engine on a new, empty store in the schema `rebuild`; an older one is dropped."""
    with owner.begin() as connection:
        run(connection, f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        run(connection, f"CREATE SCHEMA {SCHEMA}")
    inside = make_url(owner_url).update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    migrate.upgrade(inside.render_as_string(hide_password=False), migrations)
    engine = connect(owner_url, "rebuild")

    def look_there(raw: Any, _: object) -> None:  # psycopg2's own connection
        with raw.cursor() as cursor:
            cursor.execute(f"SET search_path TO {SCHEMA}")
        raw.commit()

    event.listen(engine, "connect", look_there)
    return engine


def offsets(connection: Connection, projection: Projection) -> Ends:
    """How far the store's consumers are, by topic; a topic never read is at nothing."""
    ends: Ends = {topic.name: {} for topic in projection.applies}
    for topic in projection.applies:
        rows = run(
            connection,
            "SELECT partition, next_offset FROM consumer_offset WHERE consumer = :consumer AND topic = :topic",
            consumer=projection.consumer(topic),
            topic=topic.name,
        )
        ends[topic.name] = {row.partition: row.next_offset for row in rows}
    return ends


def unapplied_messages(engine: Engine, bootstrap: str, projection: Projection) -> int:
    """How many messages lie on the topics that the store has not applied yet."""
    with engine.connect() as connection:
        ends = offsets(connection, projection)
    reader = topic_reader.reader(bootstrap)
    try:
        return sum(
            high - ends[topic.name].get(partition, 0)
            for topic in projection.applies
            for partition, (_, high) in topic_reader.watermarks(reader, topic.name).items()
        )
    finally:
        reader.close()


def replay(
    engine: Engine,
    bootstrap: str,
    consumer: str,
    topic: Topic,
    apply: Apply,
    until: Mapping[int, int],
) -> int:
    """Apply one topic from offset 0 up to (without) `until`; the number of messages. No group is joined, nothing is committed to Kafka.

    Raises:
        Fatal: the topic no longer holds what the live store has read.
    """
    left = {partition: end for partition, end in until.items() if end > 0}
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    topic_id = str(
        admin.describe_topics(TopicCollection([topic.name]), request_timeout=10.0)[topic.name]
        .result(12.0)
        .topic_id
    )
    Offsets(engine, consumer).load(topic.name, topic_id, list(until))
    reader = topic_reader.reader(bootstrap)
    reader.assign([TopicPartition(topic.name, partition, 0) for partition in left])
    done, heard = 0, time.monotonic()
    try:
        while left:
            batch = [
                message
                for message in topic_reader.messages(reader)
                if message.offset < until[message.partition]
            ]
            if batch:
                with engine.begin() as connection:
                    apply_batch(connection, consumer, batch, apply)
                done, heard = done + len(batch), time.monotonic()
                for message in batch:
                    if message.offset + 1 == until[message.partition]:
                        del left[message.partition]
            elif time.monotonic() - heard > SILENCE_S:
                raise Fatal(
                    f"{topic.name}: partitions {sorted(left)} end before the offsets the live store has read",
                    "rebuild.short",
                )
    finally:
        reader.close()
    return done


def digest(connection: Connection, query: str) -> str:
    """SHA-256 over the rows of an ordered query as PostgreSQL writes them, read by a server-side cursor in flat memory."""
    total = hashlib.sha256()
    complete = statement(f"SELECT CAST(d AS text) FROM ({query}) AS d")  # noqa: S608 - a projection's own text
    rows = connection.execution_options(stream_results=True, yield_per=5_000).execute(complete)
    for row in rows:
        total.update(row[0].encode() + b"\n")
    return total.hexdigest()
