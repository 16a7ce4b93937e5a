"""A database that came back from a backup: noticed at start, brought up to what it had said already, and held until two people release it.

In words: what a service says goes through its outbox, and outbox rows are never deleted; so if the newest message it has said on a
topic is not in its outbox, the database is an older copy of itself. Such a one decides nothing. Its own messages are taken back into
the outbox (so that none is said twice), the service learns from them and from others what it can (its `TakingBack`), and then two
people say that it may go on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event as Stop

from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.errors import PaydownError, Retry
from libs.common.contracts.message import Message
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging import topic_reader
from libs.common.messaging.consumer import EVENT_ID
from libs.common.observability.logs import log

LOCK = 7_030_102
TAIL = 50  # of a partition's last records so many are looked through for one of our own
SILENCE_TURNS = 60

Beat = Callable[[], None]


def _nothing(*_: object) -> None:
    """What a service does that has nothing of its own to take back."""


@dataclass(frozen=True)
class RecoverySteps:
    """What one service does while it is held, beside taking its own messages back into the outbox; each may be called again after a crash.

    `before(engine, first, beat)` comes before, `after(engine, first, stop, beat)` after its topics are read up to their ends, if it `reads` them.
    What was taken back lies in the outbox above the id `first`. Either may raise Stuck.
    """

    before: Callable[[Engine, int, Beat], None] = _nothing
    after: Callable[[Engine, int, Stop, Beat], None] = _nothing
    reads: bool = True


class RecoveryBlocked(PaydownError):
    """Something of what was forgotten cannot be learnt; a person must look, and nothing can be released. The message is shown."""

    code = "restored.stuck"


class NotRecovered(PaydownError):
    """Nothing is held, or not everything that can be learnt is taken back yet. Nothing was changed."""

    code = "restored.not-now"


class NotAllowed(PaydownError):
    """The release takes an approver, and another person than who proposed it. Nothing was changed."""

    code = "auth.forbidden"


def open_quarantine(connection: Connection) -> Row[tuple[object, ...]] | None:
    """The open row of `restored`; None: the database is in use."""
    found: Row[tuple[object, ...]] | None = run(
        connection, "SELECT * FROM restored WHERE released_at IS NULL"
    ).first()
    return found


def quarantine(connection: Connection, why: str) -> None:
    """Decide nothing on this database until two people release it; a second call keeps the first reason, and everything is taken back again."""
    run(
        connection,
        """
        INSERT INTO restored (why, first_outbox_id) SELECT :why, coalesce(max(id), 0) FROM outbox
        ON CONFLICT ((true)) WHERE released_at IS NULL DO UPDATE SET settled_at = NULL, proposed_by = NULL""",
        why=why,
    )


def detect_restore(engine: Engine, bootstrap: str, name: str, topics: Sequence[Topic]) -> None:
    """Hold the database if the newest message of this service on one of its topics never left this outbox. Also a held one: it may be another copy.

    Raises:
        Retry: the broker does not answer; nothing is known.
    """
    newest = newest_own_messages(bootstrap, topics, name)
    with engine.begin() as connection:
        known = {
            row[0]
            for row in run(
                connection,
                "SELECT CAST(event_id AS text) FROM outbox WHERE event_id = ANY(CAST(:ids AS uuid[]))",
                ids=[message.event_id for message in newest],
            )
        }
        unknown = [message for message in newest if message.event_id not in known]
        if unknown:
            log.critical(
                "database_is_older",
                topic=unknown[0].topic,
                partition=unknown[0].partition,
                offset=unknown[0].offset,
            )
            quarantine(
                connection,
                f"The topic {unknown[0].topic} holds messages of this service that its database does not know (the first at partition "
                f"{unknown[0].partition}, offset {unknown[0].offset}): it is an older copy of itself.",
            )


Spans = dict[tuple[str, int], tuple[int, int]]  # (topic, partition) -> (from, to)


def newest_own_messages(bootstrap: str, topics: Sequence[Topic], name: str) -> list[Message]:
    """The newest message of this service in each partition of these topics; a stranger's are passed over, the last fifty at most."""
    with closing(topic_reader.reader(bootstrap, f"{name}.restored")) as reader:
        spans = _whole(reader, topics)
        newest = _newest(
            reader, name, {place: (high - 1, high) for place, (_, high) in spans.items()}
        )
        others = {
            place: (max(low, high - TAIL), high)
            for place, (low, high) in spans.items()
            if place not in newest and high - 1 > low
        }
        return list({**newest, **_newest(reader, name, others)}.values())


def _whole(reader: Consumer, topics: Sequence[Topic]) -> Spans:
    """Everything that lies on these topics."""
    return {
        (topic.name, p): span
        for topic in topics
        for p, span in topic_reader.watermarks(reader, topic.name).items()
        if span[1] > span[0]
    }


def _newest(reader: Consumer, name: str, spans: Spans) -> dict[tuple[str, int], Message]:
    return {
        (message.topic, message.partition): message
        for message in _between(reader, spans)
        if is_own(message, name)
    }


def is_own(message: Message, name: str) -> bool:
    """Whether a message left the outbox of this service."""
    return message.producer == name and EVENT_ID.fullmatch(message.event_id) is not None


def _between(reader: Consumer, spans: Spans, beat: Beat = lambda: None) -> Iterator[Message]:
    """The messages of these spans; raises Retry if they do not come."""
    left = dict(spans)
    reader.assign(
        [
            TopicPartition(topic, partition, start)
            for (topic, partition), (start, _) in spans.items()
        ]
    )
    silent = 0
    while left:
        beat()
        found = topic_reader.messages(reader)
        silent = 0 if found else silent + 1
        if silent > SILENCE_TURNS:
            raise Retry("the broker does not give its messages", "kafka.away")
        for message in found:
            place = message.topic, message.partition
            if message.offset < spans[place][1]:
                yield message
            if message.offset + 1 >= spans[place][1]:
                left.pop(place, None)


def recover_own_messages(
    engine: Engine, bootstrap: str, name: str, topics: Sequence[Topic], beat: Beat
) -> int:
    """Bring this service's own messages back into its outbox, as published; how many were missing there. A second call finds none."""
    count = 0
    for topic in topics:
        batch: list[Message] = []
        with closing(topic_reader.reader(bootstrap, f"{name}.restored")) as reader:
            for message in _between(reader, _whole(reader, [topic]), beat):
                if is_own(message, name):
                    batch.append(message)
                if len(batch) >= topic_reader.BATCH_MAX:
                    count += _keep(engine, batch)
                    batch = []
        count += _keep(engine, batch)
    log.warning("own_messages_taken_back", count=count)
    return count


def _keep(engine: Engine, batch: Sequence[Message]) -> int:
    with engine.begin() as connection:
        found = run(
            connection,
            """
            WITH given AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:types AS text[]),
                                                CAST(:correlations AS text[]), CAST(:bodies AS text[])) WITH ORDINALITY
                           AS g(event_id, topic, message_key, message_type, correlation, body, n)),
                 said AS (UPDATE outbox o SET published_at = now() FROM given g WHERE o.event_id = g.event_id AND o.published_at IS NULL
                          RETURNING o.body <> g.body AS otherwise),
                 missing AS (INSERT INTO outbox (event_id, topic, message_key, message_type, correlation, body, published_at)
                             SELECT event_id, topic, message_key, message_type, correlation, body, now() FROM given ORDER BY n
                             ON CONFLICT (event_id) DO NOTHING RETURNING 1)
            SELECT (SELECT count(*) FROM missing) AS missing, (SELECT count(*) FROM said WHERE otherwise) AS otherwise""",
            ids=[m.event_id for m in batch],
            topics=[m.topic for m in batch],
            keys=[m.key for m in batch],
            types=[m.type for m in batch],
            correlations=[m.correlation for m in batch],
            bodies=[m.body.decode() for m in batch],
        ).one()
        if found.otherwise:
            raise RecoveryBlocked(
                "This copy holds messages that it had not sent, and others were sent in their place: it is of a time that did not go on. "
                "Restore another copy."
            )
        return int(found.missing)


def report_progress(engine: Engine, progress: str) -> None:
    """Say how far it is, for people who look."""
    log.info("taking_back", outcome=progress)
    with engine.begin() as connection:
        run(
            connection,
            "UPDATE restored SET progress = :progress WHERE released_at IS NULL",
            progress=progress,
        )


def mark_recovered(engine: Engine) -> None:
    """Everything that can be learnt is taken back: from now on two people may release the database."""
    with engine.begin() as connection:
        run(
            connection,
            """UPDATE restored SET settled_at = coalesce(settled_at, now()), progress = 'Everything that can be known was taken back.'
                           WHERE released_at IS NULL""",
        )


def release(connection: Connection, person: str, reason: str, *, approver: bool) -> str:
    """Let a held database be used again: the first person proposes (`proposed`), another one, an approver, confirms (`released`).

    Raises:
        NotNow, NotAllowed
    """
    row = run(connection, "SELECT * FROM restored WHERE released_at IS NULL FOR UPDATE").first()
    if row is None:
        raise NotRecovered("This database is not held.")
    if row.settled_at is None:
        raise NotRecovered("What this database has lost is still being taken back.")
    if row.proposed_by is None:
        run(
            connection,
            "UPDATE restored SET proposed_by = :person WHERE restored_id = :id",
            person=person,
            id=row.restored_id,
        )
        return "proposed"
    if row.proposed_by == person:
        return "proposed"
    if not approver:
        raise NotAllowed(
            f"{row.proposed_by} has proposed it; it takes an approver, another person, to confirm it."
        )
    run(
        connection,
        "UPDATE restored SET released_by = :person, reason = :reason, released_at = now() WHERE restored_id = :id",
        person=person,
        reason=reason,
        id=row.restored_id,
    )
    log.warning("database_released", actor=person)
    return "released"


@contextmanager
def one_at_a_time(engine: Engine) -> Iterator[bool]:
    """Whether this process is the one that takes back (one of several replicas); as long as the context lasts."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = bool(run(connection, "SELECT pg_try_advisory_lock(:lock)", lock=LOCK).scalar())
        try:
            yield mine
        finally:
            if mine:
                run(connection, "SELECT pg_advisory_unlock(:lock)", lock=LOCK)
