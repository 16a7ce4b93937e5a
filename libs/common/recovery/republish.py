"""Fill a broker that has lost its topics again, from the outboxes: `python -m ops republish <service>…|all`, while the services are stopped.

In words: for each topic compare what a service's database remembers with what the broker has now; a topic that is empty where there
was something is lost. In ONE transaction per service the outbox rows of lost topics become unpublished again, the offsets of lost
topics are forgotten, and dead letters of them get numbers that no new message can have (their bytes stay). The relays send the rest
when the services are started, in the order of the outbox; the inboxes stay, so nothing is applied twice.

A second call finds nothing left to do. What was never in an outbox of ours (a stranger's message) does not come back.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its __init__ re-exports without __all__
from sqlalchemy import Connection, Engine

from libs.common.contracts.errors import Fatal, PaydownError
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging.address import client_settings
from libs.common.messaging.outbox import RELAY_LOCK
from libs.common.recovery import restore

ASK_S = 15.0


class Refused(PaydownError):
    """A refill would be wrong or is not needed. Nothing was changed."""

    code = "refill.refused"


class NothingLost(Refused):
    """The broker still has everything this service knows."""

    code = "refill.nothing-lost"


@dataclass(frozen=True)
class TopicOnBroker:
    """What the broker has of a topic: its id, and how many messages were ever written to it (doubles of a relay included)."""

    topic_id: str
    messages: int


@dataclass(frozen=True)
class TopicInDatabase:
    """What a database knows of a topic: messages it had acknowledged, ids under which it was read, and how many were read."""

    published: int = 0
    waiting: int = 0
    topic_ids: frozenset[str] = frozenset()
    read: int = 0


@dataclass(frozen=True)
class Plan:
    """Topics whose outbox rows are to be sent again, and topics whose offsets are to be forgotten; both empty: nothing is left to do."""

    send: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()


@dataclass(frozen=True)
class Republished:
    """What a transaction did: messages that wait to be sent now, how many of them it put back, and offsets it has forgotten."""

    waiting: int
    put_back: int
    forgotten: int


def plan(
    service: str, remembered: Mapping[str, TopicInDatabase], held: Mapping[str, TopicOnBroker]
) -> Plan:
    """What is lost, topic by topic. Pure.

    Raises:
        NothingLost
        Refused: a topic is missing, or holds something and yet not what it should.
    """
    send, forget, whole = [], [], []
    for topic, known in remembered.items():
        found = held.get(topic)
        if found is None:
            raise Refused(
                f"{service}: the broker has no topic {topic}; make the topics first (`python -m services topics`)."
            )
        short = found.messages < max(known.published, known.read)
        other = bool(known.topic_ids - {found.topic_id})
        if (short or other) and found.messages:
            raise Refused(
                f"{service}: topic {topic} holds {found.messages} messages and is not what it was: something was written after the loss, or a part "
                f"was lost; delete it, make it again (`python -m services topics`), and repeat this while the services are stopped."
            )
        if short and found.topic_id in known.topic_ids:
            raise Refused(
                f"{service}: topic {topic} is the one it was and yet empty; delete it, make it again, and repeat this."
            )
        if known.published and short:
            send.append(topic)
        if other:
            forget.append(topic)
        if (known.published or known.topic_ids) and not short and not other:
            whole.append(topic)
    if whole and not send and not forget:
        raise NothingLost(
            f"{service}: nothing was lost: the broker still has {', '.join(whole)} as this service knows it; start the services."
        )
    return Plan(tuple(send), tuple(forget))


def topics_in_database(
    connection: Connection, topics: Sequence[Topic]
) -> dict[str, TopicInDatabase]:
    """What this database remembers of the topics."""
    names = [topic.name for topic in topics]
    sent = {
        row.topic: row
        for row in run(
            connection,
            """
        SELECT topic, count(published_at) AS published, count(*) - count(published_at) AS waiting FROM outbox
        WHERE topic = ANY(CAST(:names AS text[])) GROUP BY topic""",
            names=names,
        )
    }
    seen = {
        row.topic: row
        for row in run(
            connection,
            """
        SELECT topic, array_agg(DISTINCT topic_id) AS ids, CAST(max(total) AS bigint) AS read
        FROM (SELECT topic, topic_id, sum(next_offset) OVER (PARTITION BY consumer, topic) AS total FROM consumer_offset
              WHERE topic = ANY(CAST(:names AS text[]))) o GROUP BY topic""",
            names=names,
        )
    }
    return {
        name: TopicInDatabase(
            sent[name].published if name in sent else 0,
            sent[name].waiting if name in sent else 0,
            frozenset(seen[name].ids) if name in seen else frozenset(),
            seen[name].read if name in seen else 0,
        )
        for name in names
    }


def topics_on_broker(bootstrap: str, topics: Sequence[Topic]) -> dict[str, TopicOnBroker]:
    """What the broker has; a topic it does not have is left out. A topic that was made this moment has no leader yet: asked again, for 15 s at most.

    Raises:
        Fatal: it cannot be asked.
    """
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    until = time.monotonic() + ASK_S
    while True:
        try:
            return _ask(admin, topics)
        except KafkaException as error:
            if time.monotonic() > until:
                raise Fatal(
                    f"Kafka at {bootstrap} cannot be asked: {error.args[0].str()}",
                    "kafka.unreachable",
                ) from None
            time.sleep(0.3)


def _ask(admin: AdminClient, topics: Sequence[Topic]) -> dict[str, TopicOnBroker]:
    there = admin.list_topics(timeout=5).topics
    names = [topic.name for topic in topics if topic.name in there]
    if not names:
        return {}
    described = {
        name: future.result(15)
        for name, future in admin.describe_topics(
            TopicCollection(names), request_timeout=10.0
        ).items()
    }
    wanted = {
        TopicPartition(name, p.id): OffsetSpec.latest()  # type: ignore[no-untyped-call] # its own stub says so
        for name, topic in described.items()
        for p in topic.partitions
    }
    ends = {
        partition: future.result(15).offset
        for partition, future in admin.list_offsets(wanted).items()
    }
    return {
        name: TopicOnBroker(
            str(topic.topic_id),
            sum(end for partition, end in ends.items() if partition.topic == name),
        )
        for name, topic in described.items()
    }


def republish(
    engine: Engine,
    service: str,
    topics: Sequence[Topic],
    held: Mapping[str, TopicOnBroker],
    only_look: bool = False,
) -> Republished:
    """Prepare one service's database, in one transaction; with `only_look` nothing is written. A second call changes nothing.

    Raises:
        Refused: as `plan` says, or the service is running.
    """
    with engine.begin() as connection:
        _require_stopped(connection, service)
        remembered = topics_in_database(connection, topics)
        todo = plan(service, remembered, held)
        waiting = sum(known.waiting for known in remembered.values())
        if only_look:
            return Republished(waiting, sum(remembered[name].published for name in todo.send), 0)
        put_back = run(
            connection,
            "UPDATE outbox SET published_at = NULL WHERE topic = ANY(CAST(:names AS text[])) AND published_at IS NOT NULL",
            names=list(todo.send),
        ).rowcount
        forgotten = run(
            connection,
            "DELETE FROM consumer_offset WHERE topic = ANY(CAST(:names AS text[]))",
            names=list(todo.forget),
        ).rowcount
        # A new message at an old one's place would be taken for it, and never be kept. Negative, and named by what is unique: free for ever.
        run(
            connection,
            "UPDATE dead_letter SET message_offset = -dead_letter_id WHERE topic = ANY(CAST(:names AS text[])) AND message_offset >= 0",
            names=list(todo.forget),
        )
        return Republished(waiting + put_back, put_back, forgotten)


def inbox_counts(engine: Engine, service: str, topics: Sequence[Topic]) -> dict[str, int]:
    """How many messages of each topic a service has ever taken in, by its inbox; of topics it reads."""
    names = {
        f"{service}.{topic.name}": topic.name for topic in topics if service in topic.consumers
    }
    with engine.connect() as connection:
        rows = run(
            connection,
            "SELECT consumer, count(*) AS n FROM inbox WHERE consumer = ANY(CAST(:names AS text[])) GROUP BY consumer",
            names=list(names),
        )
        return {names[row.consumer]: row.n for row in rows}


def outbox_counts(engine: Engine, service: str, topics: Sequence[Topic]) -> dict[str, int]:
    """How many messages of each topic a service's outbox holds; of topics it writes, also of those with none.

    Nothing of a database that is held as an older copy already (restored.py), or that decides nothing and is never held.
    """
    with engine.connect() as connection:
        if (
            run(connection, "SELECT to_regclass('restored')").scalar() is None
            or restore.open_quarantine(connection) is not None
        ):
            return {}
        known = topics_in_database(
            connection, [topic for topic in topics if topic.producer == service]
        )
    return {name: one.published + one.waiting for name, one in known.items()}


def refuse_older(
    producers: Mapping[str, Mapping[str, int]], consumers: Mapping[str, Mapping[str, int]]
) -> None:
    """Refuse if somebody has taken in more messages than the writer's outbox holds. Pure. An empty broker cannot show that a database is older.

    Args:
        producers: service -> topic -> messages in its outbox.
        consumers: service -> topic -> messages in its inbox.

    Raises:
        Refused
    """
    for producer, topics in producers.items():
        for topic, count in topics.items():
            for consumer, taken in consumers.items():
                if taken.get(topic, 0) > count:
                    raise Refused(
                        f"{consumer} has taken in {taken[topic]} messages of {topic}, and the outbox of {producer} holds {count}: the database of "
                        f"{producer} is an older copy of itself, which a refill would hide; hold it first (docs/runbooks/broker-lost.md)."
                    )


def _require_stopped(connection: Connection, service: str) -> None:
    """Keep a relay from starting before the transaction ends, and refuse if one works or anything of the service is connected."""
    free = run(connection, "SELECT pg_try_advisory_xact_lock(:lock)", lock=RELAY_LOCK).scalar()
    busy = run(
        connection,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name",
        name=f"paydown-{service}",
    ).scalar()
    if not free or busy:
        raise Refused(
            f"{service} is running; stop all services first, so that nothing is sent or read meanwhile."
        )


def remaining(
    engine: Engine, service: str, topics: Sequence[Topic], held: Mapping[str, TopicOnBroker]
) -> tuple[int, int]:
    """(messages still to be sent, messages still to be read) of a service. Only reads."""
    with engine.connect() as connection:
        known = topics_in_database(connection, topics)
    unread = (
        held[topic.name].messages - known[topic.name].read
        for topic in topics
        if service in topic.consumers and topic.name in held
    )
    return sum(one.waiting for one in known.values()), sum(max(0, messages) for messages in unread)
