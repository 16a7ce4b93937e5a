"""Build a projection again from offset 0, in a second schema, and compare it with the live one.

In words: in ONE snapshot of the live store read how far each of its consumers is, and take digests
of what it holds. Make an empty schema `rebuild` in the same database, with the same migrations.
Apply every topic from 0 to exactly those offsets, topic after topic (another order than the live
store saw). Take the same digests. They must be equal. The live store is only read.

A service's `rebuild.py` describes its store as a `Projection` and calls `main` with it. Migrations
must not name a schema (no `public.`), because here they run with `search_path = rebuild`.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy import text as statement

from libs.common.contracts.errors import Fatal
from libs.common.contracts.topics import Topic
from libs.common.crypto.message_key_check import why_cannot_verify
from libs.common.crypto.message_signatures import Verifier
from libs.common.database import migrate
from libs.common.database.engine import connect, run, several_hosts
from libs.common.messaging import offsets, topic_reader
from libs.common.messaging.address import client_settings
from libs.common.messaging.consumer import Apply, FindRefusals, apply_batch
from libs.common.messaging.offsets import Offsets

SCHEMA = "rebuild"
SILENCE_S = 30.0
CATCH_UP_S, CATCH_UP_POLL_S = 30.0, 0.5

#: The offset that follows the last one applied, by topic and partition.
Ends = dict[str, dict[int, int]]
Say = Callable[[str], object]


@dataclass(frozen=True)
class Projection:
    """A store that is computed from its topics alone, and what must come out equal.

    Args:
        name: the service.
        migrations: the folder of its migrations.
        applies: how the messages of each topic are applied.
        digests: named queries. Each is a complete, ordered SELECT without anything that depends
            on when a message was applied.
        finish: called once on the rebuilt store after all topics, for what the live store
            decides between messages.
        own: likewise, of topics that the service writes itself: decisions of people that it
            published and that are in no other topic. They are read to their ends. A decision that
            is made while a rebuild begins may make the two differ; the next one agrees.
    """

    name: str
    migrations: Path
    applies: Mapping[Topic, Apply]
    digests: Mapping[str, str]
    finish: Callable[[Connection], None] = lambda connection: None  # noqa: ARG005 - does nothing
    own: Mapping[Topic, Apply] = field(default_factory=dict)

    def consumer(self, topic: Topic) -> str:
        """The name under which the live service stores its offsets of a topic."""
        return f"{self.name}.{topic.name}"


class RebuildSettings(Protocol):
    """The settings of a service that a rebuild needs."""

    @property
    def owner_url(self) -> str:
        """The database, as the role that owns it."""

    @property
    def kafka(self) -> str:
        """The address of Kafka."""

    @property
    def verifier(self) -> Verifier:
        """Verifies the messages: a rebuild believes no more than the live store did."""


def main(
    projection: Projection,
    settings: RebuildSettings,
    say: Say = lambda line: sys.stdout.write(line + "\n"),
) -> int:
    """Rebuild, compare, and print the result.

    Returns:
        0: every digest is equal. 1: not; the schema `rebuild` stays, to be looked at. 2: the
        rebuild cannot be tried.
    """
    if not settings.owner_url:
        say(
            f"PAYDOWN_{projection.name.upper()}_OWNER_URL is not set: "
            "a rebuild needs the role that owns the database."
        )
        return 2
    producers = {topic.producer for topic in (*projection.applies, *projection.own)}
    verifier = settings.verifier
    if wrong := why_cannot_verify(projection.name, verifier, producers):
        say(wrong)
        return 2
    owner = connect(settings.owner_url, f"rebuild-{projection.name}")
    behind = _wait_for_live_store(owner, settings.kafka, projection)
    own_ends = topic_ends(settings.kafka, projection.own)
    with owner.connect().execution_options(isolation_level="REPEATABLE READ") as snapshot:
        ends = live_ends(snapshot, projection) | own_ends
        live = _digests(snapshot, projection)
    second = make_rebuild_schema(owner, settings.owner_url, projection.migrations)
    began = time.monotonic()
    count = sum(
        replay(
            second,
            settings.kafka,
            projection.consumer(topic),
            topic,
            apply,
            ends[topic.name],
            verifier.refusals,
        )
        for topic, apply in {**projection.applies, **projection.own}.items()
    )
    with second.begin() as connection:
        projection.finish(connection)
    with second.connect() as connection:
        rebuilt = _digests(connection, projection)
    second.dispose()
    say(
        f"{projection.name}: {count} messages from offset 0 applied "
        f"in {time.monotonic() - began:.1f} s"
        + (f"; the live store is {behind} messages behind the topics" if behind else "")
    )
    _say_digests(live, rebuilt, say)
    if live == rebuilt:
        with owner.begin() as connection:
            run(connection, f"DROP SCHEMA {SCHEMA} CASCADE")
    owner.dispose()
    return 0 if live == rebuilt else 1


def _wait_for_live_store(owner: Engine, bootstrap: str, projection: Projection) -> int:
    """Wait at most 30 s until the live store has applied everything; how much is missing then."""
    until = time.monotonic() + CATCH_UP_S
    while behind := unapplied_messages(owner, bootstrap, projection):
        if time.monotonic() > until:
            break
        time.sleep(CATCH_UP_POLL_S)
    return behind


def _digests(connection: Connection, projection: Projection) -> dict[str, str]:
    return {name: digest(connection, query) for name, query in projection.digests.items()}


def _say_digests(live: Mapping[str, str], rebuilt: Mapping[str, str], say: Say) -> None:
    for name, found in live.items():
        result = "equal" if rebuilt[name] == found else "DIFFERENT"
        say(f"  {name:<12} live {found[:16]}  rebuilt {rebuilt[name][:16]}  {result}")


def make_rebuild_schema(owner: Engine, owner_url: str, migrations: Path) -> Engine:
    """An engine on a new, empty store in the schema `rebuild`; an older one is dropped."""
    with owner.begin() as connection:
        run(connection, f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        run(connection, f"CREATE SCHEMA {SCHEMA}")
    inside = make_url(several_hosts(owner_url)).update_query_dict(
        {"options": f"-csearch_path={SCHEMA}"}
    )
    migrate.upgrade(inside.render_as_string(hide_password=False), migrations)
    engine = connect(owner_url, "rebuild")

    def set_search_path(raw: Any, _: object) -> None:  # raw: psycopg2's own connection
        with raw.cursor() as cursor:
            cursor.execute(f"SET search_path TO {SCHEMA}")
        raw.commit()

    event.listen(engine, "connect", set_search_path)
    return engine


def live_ends(connection: Connection, projection: Projection) -> Ends:
    """How far the store's consumers are; a topic that was never read has no partitions."""
    return {
        topic.name: offsets.find(connection, projection.consumer(topic), topic.name)
        for topic in projection.applies
    }


def topic_ends(bootstrap: str, topics: Iterable[Topic]) -> Ends:
    """The ends of topics now, of each partition."""
    reader = topic_reader.reader(bootstrap)
    try:
        return {
            topic.name: {
                partition: high
                for partition, (_, high) in topic_reader.watermarks(reader, topic.name).items()
            }
            for topic in topics
        }
    finally:
        reader.close()


def unapplied_messages(engine: Engine, bootstrap: str, projection: Projection) -> int:
    """How many messages lie on the topics that the store has not applied yet."""
    with engine.connect() as connection:
        ends = live_ends(connection, projection)
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
    find_refusals: FindRefusals | None = None,
) -> int:
    """Apply one topic from offset 0 up to `until` (without); the number of messages.

    No group is joined, and nothing is committed to Kafka.

    Raises:
        Fatal: the topic no longer holds what the live store has read.
    """
    left = {partition for partition, end in until.items() if end > 0}
    Offsets(engine, consumer).load(topic.name, _topic_id(bootstrap, topic.name), list(until))
    reader = topic_reader.reader(bootstrap)
    reader.assign([TopicPartition(topic.name, partition, 0) for partition in left])
    done, last_message_at = 0, time.monotonic()
    try:
        while left:
            batch = [
                message
                for message in topic_reader.messages(reader)
                if message.offset < until[message.partition]
            ]
            if batch:
                with engine.begin() as connection:
                    apply_batch(connection, consumer, batch, apply, find_refusals)
                done, last_message_at = done + len(batch), time.monotonic()
                left -= {m.partition for m in batch if m.offset + 1 == until[m.partition]}
            elif time.monotonic() - last_message_at > SILENCE_S:
                raise Fatal(
                    f"{topic.name}: partitions {sorted(left)} end before the offsets the live "
                    "store has read",
                    "rebuild.short",
                )
    finally:
        reader.close()
    return done


def _topic_id(bootstrap: str, topic: str) -> str:
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=10.0)
    return str(described[topic].result(12.0).topic_id)


def digest(connection: Connection, query: str) -> str:
    """SHA-256 over the rows of an ordered query, as PostgreSQL writes them.

    A server-side cursor reads them, so memory does not grow with their number.
    """
    total = hashlib.sha256()
    complete = statement(f"SELECT CAST(d AS text) FROM ({query}) AS d")  # noqa: S608 - a projection's own text
    rows = connection.execution_options(stream_results=True, yield_per=5_000).execute(complete)
    for row in rows:
        total.update(row[0].encode() + b"\n")
    return total.hexdigest()
