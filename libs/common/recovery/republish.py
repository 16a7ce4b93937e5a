"""Fill a broker that lost its topics again, from the outboxes of the services.

`python -m ops republish <service>…|all`, while the services are stopped. In words: for each topic
compare what a service's database knows with what the broker has now. A topic that is empty where
there was something is lost. In ONE transaction per service the outbox rows of lost topics become
unpublished again, the offsets of lost topics are deleted, and dead letters of them get offsets
that no new message can have (their bytes stay). When the services are started, the relays send the
rest in the order of the outbox. The inboxes stay, so nothing is applied twice.

A second call finds nothing left to do. Messages of unknown producers, which were never in an outbox
of ours, do not come back.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from sqlalchemy import Connection, Engine

from libs.common.contracts.errors import Fatal, PaydownError
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging import dead_letters, inbox, offsets, outbox
from libs.common.messaging.address import client_settings
from libs.common.messaging.end_offsets import end_offsets
from libs.common.messaging.offsets import TopicProgress
from libs.common.messaging.outbox import TopicCounts
from libs.common.messaging.relay import RELAY_LOCK
from libs.common.recovery import quarantine

BROKER_LIMIT_S = 15.0


class Refused(PaydownError):
    """Publishing again would be wrong or is not needed. Nothing was changed."""

    code = "refill.refused"


class NothingLost(Refused):
    """The broker still has everything this service knows."""

    code = "refill.nothing-lost"


@dataclass(frozen=True)
class TopicOnBroker:
    """A topic at the broker: its id, and how many messages were ever written to it.

    Messages that a relay sent twice count twice.
    """

    topic_id: str
    messages: int


@dataclass(frozen=True)
class TopicInDatabase:
    """What a database knows of a topic.

    Args:
        published: messages that the broker acknowledged.
        waiting: messages that are not published yet.
        topic_ids: ids the topic had when it was read.
        read: how many messages were read, by the consumer that is furthest.
    """

    published: int = 0
    waiting: int = 0
    topic_ids: frozenset[str] = frozenset()
    read: int = 0


@dataclass(frozen=True)
class Plan:
    """Topics whose outbox rows are sent again, and topics whose offsets are deleted.

    Both are empty if nothing is left to do.
    """

    send: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()


@dataclass(frozen=True)
class Republished:
    """What a transaction did.

    Args:
        waiting: messages that wait to be sent now.
        put_back: those of them that were published before.
        forgotten: offsets deleted.
    """

    waiting: int
    put_back: int
    forgotten: int


def plan(
    service: str, in_database: Mapping[str, TopicInDatabase], on_broker: Mapping[str, TopicOnBroker]
) -> Plan:
    """Find what is lost, topic by topic. Pure.

    Raises:
        NothingLost
        Refused: a topic is missing, or holds something and yet not what it should.
    """
    send, forget, whole = [], [], []
    for topic, known in in_database.items():
        found = on_broker.get(topic)
        if found is None:
            raise Refused(
                f"{service}: the broker has no topic {topic}; make the topics first "
                "(`python -m services topics`)."
            )
        short = found.messages < max(known.published, known.read)
        other = bool(known.topic_ids - {found.topic_id})
        _refuse_partial(service, topic, known, found, short=short, other=other)
        if known.published and short:
            send.append(topic)
        if other:
            forget.append(topic)
        if (known.published or known.topic_ids) and not short and not other:
            whole.append(topic)
    if whole and not send and not forget:
        raise NothingLost(
            f"{service}: nothing was lost: the broker still has {', '.join(whole)} as this "
            "service knows it; start the services."
        )
    return Plan(tuple(send), tuple(forget))


def _refuse_partial(
    service: str,
    topic: str,
    known: TopicInDatabase,
    found: TopicOnBroker,
    *,
    short: bool,
    other: bool,
) -> None:
    """Refuse a topic that is neither whole nor empty and new.

    Args:
        short: the broker has fewer messages than the database knows.
        other: the topic has another id than when it was read.
    """
    if (short or other) and found.messages:
        raise Refused(
            f"{service}: topic {topic} holds {found.messages} messages and is not what it was: "
            "something was written after the loss, or a part was lost; delete it, make it again "
            "(`python -m services topics`), and repeat this while the services are stopped."
        )
    if short and found.topic_id in known.topic_ids:
        raise Refused(
            f"{service}: topic {topic} is the one it was and yet empty; delete it, make it "
            "again, and repeat this."
        )


def topics_in_database(
    connection: Connection, topics: Sequence[Topic]
) -> dict[str, TopicInDatabase]:
    """What this database knows of each of the topics."""
    names = [topic.name for topic in topics]
    counts = outbox.topic_counts(connection, names)
    progress = offsets.progress(connection, names)
    known = {}
    for name in names:
        sent = counts.get(name, TopicCounts())
        seen = progress.get(name, TopicProgress())
        known[name] = TopicInDatabase(sent.published, sent.waiting, seen.topic_ids, seen.read)
    return known


def topics_on_broker(bootstrap: str, topics: Sequence[Topic]) -> dict[str, TopicOnBroker]:
    """What the broker has; a topic it does not have is left out.

    A topic created just now has no leader yet, so the broker is asked again, for 15 s at most.

    Raises:
        Fatal: it does not answer.
    """
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    until = time.monotonic() + BROKER_LIMIT_S
    while True:
        try:
            return _describe(admin, topics)
        except KafkaException as error:
            if time.monotonic() > until:
                raise Fatal(
                    f"Kafka at {bootstrap} cannot be asked: {error.args[0].str()}",
                    "kafka.unreachable",
                ) from None
            time.sleep(0.3)


def _describe(admin: AdminClient, topics: Sequence[Topic]) -> dict[str, TopicOnBroker]:
    existing = admin.list_topics(timeout=5).topics
    names = [topic.name for topic in topics if topic.name in existing]
    if not names:
        return {}
    answers = admin.describe_topics(TopicCollection(names), request_timeout=10.0)
    described = {name: future.result(15) for name, future in answers.items()}
    places = [(name, p.id) for name, topic in described.items() for p in topic.partitions]
    ends = end_offsets(admin, places, answer_s=14.0)
    return {
        name: TopicOnBroker(
            str(topic.topic_id),
            sum(end for (topic_name, _), end in ends.items() if topic_name == name),
        )
        for name, topic in described.items()
    }


def republish(
    engine: Engine,
    service: str,
    topics: Sequence[Topic],
    on_broker: Mapping[str, TopicOnBroker],
    only_look: bool = False,
) -> Republished:
    """Prepare one service's database, in one transaction. A second call changes nothing.

    Args:
        only_look: count what would be done, and write nothing.

    Raises:
        Refused: as `plan` says, or the service is running.
    """
    with engine.begin() as connection:
        require_stopped(connection, service)
        in_database = topics_in_database(connection, topics)
        todo = plan(service, in_database, on_broker)
        waiting = sum(known.waiting for known in in_database.values())
        if only_look:
            return Republished(waiting, sum(in_database[name].published for name in todo.send), 0)
        put_back = outbox.mark_unpublished(connection, todo.send)
        forgotten = offsets.delete(connection, todo.forget)
        dead_letters.free_offsets(connection, todo.forget)
        return Republished(waiting + put_back, put_back, forgotten)


def require_stopped(connection: Connection, service: str) -> None:
    """Refuse while the service runs, and keep a relay from starting until the transaction ends."""
    free = run(connection, "SELECT pg_try_advisory_xact_lock(:lock)", lock=RELAY_LOCK).scalar()
    connected = run(
        connection,
        """
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = current_database()
          AND application_name = :name""",
        name=f"paydown-{service}",
    ).scalar()
    if not free or connected:
        raise Refused(
            f"{service} is running; stop all services first, so that nothing is sent or read "
            "meanwhile."
        )


def inbox_counts(engine: Engine, service: str, topics: Sequence[Topic]) -> dict[str, int]:
    """How many messages of each topic it consumes a service has ever taken in, by its inbox."""
    names = {
        f"{service}.{topic.name}": topic.name for topic in topics if service in topic.consumers
    }
    with engine.connect() as connection:
        counts = inbox.counts(connection, list(names))
    return {names[consumer]: count for consumer, count in counts.items()}


def outbox_counts(engine: Engine, service: str, topics: Sequence[Topic]) -> dict[str, int]:
    """How many messages a service's outbox holds, of each topic it writes, also of empty ones.

    Empty for a database that is quarantined already, and for one on which nothing rests and which
    is never quarantined.
    """
    written = [topic for topic in topics if topic.producer == service]
    with engine.connect() as connection:
        if not quarantine.exists(connection) or quarantine.find_open(connection) is not None:
            return {}
        known = topics_in_database(connection, written)
    return {name: one.published + one.waiting for name, one in known.items()}


def refuse_older(
    producers: Mapping[str, Mapping[str, int]], consumers: Mapping[str, Mapping[str, int]]
) -> None:
    """Refuse if a consumer has taken in more messages than the producer's outbox holds. Pure.

    The producer's database is then an older copy; an empty broker would not show that.

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
                        f"{consumer} has taken in {taken[topic]} messages of {topic}, and the "
                        f"outbox of {producer} holds {count}: the database of {producer} is an "
                        "older copy of itself, which a refill would hide; hold it first "
                        "(docs/runbooks/broker-lost.md)."
                    )


def remaining(
    engine: Engine, service: str, topics: Sequence[Topic], on_broker: Mapping[str, TopicOnBroker]
) -> tuple[int, int]:
    """(messages still to be sent, messages still to be read) of a service. Only reads."""
    with engine.connect() as connection:
        known = topics_in_database(connection, topics)
    unread = (
        on_broker[topic.name].messages - known[topic.name].read
        for topic in topics
        if service in topic.consumers and topic.name in on_broker
    )
    return sum(one.waiting for one in known.values()), sum(max(0, messages) for messages in unread)
