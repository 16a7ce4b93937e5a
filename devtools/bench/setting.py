"""Where the bench runs: servers, a database and topics of its own, and the message it uses."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal
from uuid import UUID

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import Engine

from libs.common.contracts.envelope import Event
from libs.common.contracts.topics import PARTITIONS, Topic
from libs.common.crypto.message_signatures import Signer, Verifier, public_keys
from libs.common.database.engine import connect, run
from libs.common.messaging import kafka
from libs.common.testing.messaging_tables import MESSAGING
from ops import provision
from ops.secret_files import new_signing_key

BATCH_MAX = 500
PADDING = "0123456789abcdef" * 18
POSTING = """
CREATE TABLE posting (
    consumer text NOT NULL,
    payment_id uuid NOT NULL,
    amount_cents bigint NOT NULL
)"""


class Posted(Event):
    """The message of the bench: about 600 bytes with its headers, as the real ones."""

    topic: ClassVar[Topic] = Topic(
        f"bench-{uuid.uuid4().hex[:10]}", "payment_id", "bench", ("bench",)
    )
    type: Literal["bench-posted.v1"] = "bench-posted.v1"
    payment_id: UUID
    amount_cents: int
    note: str


SIGNING_KEYS = {"bench": new_signing_key("bench")}
SIGNER = Signer.parse(SIGNING_KEYS["bench"])
TOPIC = Posted.topic.name
BARE_TOPIC = f"{TOPIC}-bare"
RELAY_TOPIC = f"{TOPIC}-again"
TOPICS = (TOPIC, BARE_TOPIC, RELAY_TOPIC)


@dataclass(frozen=True)
class Setting:
    """A database, a broker, and how many messages there are."""

    engine: Engine
    bootstrap: str
    count: int

    def rows(self, what: str) -> int:
        """The number of rows of a table, with a condition."""
        with self.engine.connect() as connection:
            count = run(connection, f"SELECT count(*) FROM {what}").scalar()  # noqa: S608 - ours
            return int(count)

    def reader(self, group: str) -> Consumer:
        """A consumer of every partition from the start, with the library's settings."""
        reader = Consumer(kafka.consumer_config(self.bootstrap, group, 3_000))
        reader.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
        return reader


def verifier() -> Verifier:
    """What the library's loop verifies the messages with."""
    keys = Verifier.parse(public_keys(SIGNING_KEYS)).keys
    return Verifier(keys, producers={TOPIC: "bench"})


@contextmanager
def prepared(messages: int, postgres_url: str, bootstrap: str) -> Iterator[Setting]:
    """A database and topics on servers that run; both are removed again.

    Args:
        messages: how many the bench will send.
        postgres_url: an administrator's address.
        bootstrap: a broker's address.
    """
    with ExitStack() as stack:
        prefix = f"bench_{uuid.uuid4().hex[:10]}"
        _, owner_url = provision.create(postgres_url, "bench", prefix)
        stack.callback(provision.drop, postgres_url, "bench", prefix)
        engine = connect(owner_url, "bench")
        stack.callback(engine.dispose)
        with engine.begin() as connection:
            for statement in (*MESSAGING, POSTING):
                run(connection, statement)
        topics = [Topic(name, "payment_id", "bench", ("bench",)) for name in TOPICS]
        kafka.create_topics(bootstrap, topics)
        stack.callback(_delete_topics, bootstrap)
        yield Setting(engine, bootstrap, messages)


def _delete_topics(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    for future in admin.delete_topics(list(TOPICS)).values():
        future.result(10)
