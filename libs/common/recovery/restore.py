"""Detect that an older backup of a database was restored, and recover the service's own messages.

In words: what a service publishes goes through its outbox, and outbox rows are never deleted. So
if its newest message on a topic is not in its outbox, the database is an older copy of itself. It
is then quarantined. The service's own messages are brought back into the outbox, so that none is
published twice; the service recovers what it can from them and from others (`RecoverySteps`); and
then two people release the database.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event as Stop

from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import Engine

from libs.common.contracts.errors import PaydownError, Reject, Retry
from libs.common.contracts.message import Message, is_uuid
from libs.common.contracts.topics import Topic
from libs.common.messaging import outbox, topic_reader
from libs.common.messaging.consumer import Beat, Verify
from libs.common.observability.logs import log
from libs.common.recovery import quarantine

#: So many of a partition's last records are searched for one of this service's own.
TAIL = 50
SILENT_POLLS_MAX = 60

#: A range of offsets, from and to (without), by (topic, partition).
Ranges = dict[tuple[str, int], tuple[int, int]]


def _nothing(*_: object) -> None:
    """The step of a service that has nothing of its own to recover."""


@dataclass(frozen=True)
class RecoverySteps:
    """What one service recovers while it is quarantined, besides its own messages.

    Each step may be called again after a crash, and may raise RecoveryBlocked. Recovered messages
    have outbox ids above `first`.

    Args:
        before: `before(engine, first, beat)`, once the own messages are in the outbox again.
        after: `after(engine, first, stop, beat)`, once the consumed topics are read to their ends.
        reads: whether the consumed topics are read in between.
    """

    before: Callable[[Engine, int, Beat], None] = _nothing
    after: Callable[[Engine, int, Stop, Beat], None] = _nothing
    reads: bool = True


class RecoveryBlocked(PaydownError):
    """Something cannot be recovered. A person must look, and nothing can be released.

    The message is shown to people.
    """

    code = "restored.stuck"


def detect_restore(
    engine: Engine,
    bootstrap: str,
    name: str,
    topics: Sequence[Topic],
    verify: Verify | None = None,
) -> None:
    """Quarantine the database if the service's newest message on a topic is not in its outbox.

    A quarantined database is checked as well: it may have been replaced by yet another copy.

    Raises:
        Retry: the broker does not answer; nothing is known.
    """
    newest = newest_own_messages(bootstrap, topics, name, verify)
    with engine.begin() as connection:
        known = outbox.find_ids(connection, [message.event_id for message in newest])
        unknown = [message for message in newest if message.event_id not in known]
        if not unknown:
            return
        first = unknown[0]
        log.critical(
            "database_is_older",
            topic=first.topic,
            partition=first.partition,
            offset=first.offset,
        )
        quarantine.start(
            connection,
            f"The topic {first.topic} holds messages of this service that its database does not "
            f"know (the first at partition {first.partition}, offset {first.offset}): it is an "
            "older copy of itself.",
        )


def newest_own_messages(
    bootstrap: str, topics: Sequence[Topic], name: str, verify: Verify | None = None
) -> list[Message]:
    """This service's newest message in each partition of these topics.

    Messages of other producers, and what it did not sign, are skipped: the last fifty of a
    partition at most.
    """
    with closing(topic_reader.reader(bootstrap, f"{name}.restored")) as reader:
        full = _full_ranges(reader, topics)
        last = {place: (end - 1, end) for place, (_, end) in full.items()}
        newest = _newest(reader, name, last, verify)
        tails = {
            place: (max(begin, end - TAIL), end)
            for place, (begin, end) in full.items()
            if place not in newest and end - 1 > begin
        }
        return list({**newest, **_newest(reader, name, tails, verify)}.values())


def _full_ranges(reader: Consumer, topics: Sequence[Topic]) -> Ranges:
    """Everything that lies on these topics."""
    return {
        (topic.name, partition): (begin, end)
        for topic in topics
        for partition, (begin, end) in topic_reader.watermarks(reader, topic.name).items()
        if end > begin
    }


def _newest(
    reader: Consumer, name: str, ranges: Ranges, verify: Verify | None
) -> dict[tuple[str, int], Message]:
    return {
        (message.topic, message.partition): message
        for message in _read(reader, ranges)
        if is_own(message, name, verify)
    }


def is_own(message: Message, name: str, verify: Verify | None = None) -> bool:
    """Whether a message left the outbox of this service, and is signed by it.

    A forged one must neither quarantine the database nor enter the outbox, where the relay would
    sign it.
    """
    if message.producer != name or not is_uuid(message.event_id):
        return False
    try:
        if verify is not None:
            verify(message)
    except Reject as reason:
        log.error(
            "own_message_forged",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            code=reason.code,
        )
        return False
    return True


def _read(reader: Consumer, ranges: Ranges, beat: Beat = lambda: None) -> Iterator[Message]:
    """The messages of these ranges.

    Raises:
        Retry: none came for half a minute.
    """
    left = set(ranges)
    reader.assign(
        [
            TopicPartition(topic, partition, begin)
            for (topic, partition), (begin, _) in ranges.items()
        ]
    )
    silent_polls = 0
    while left:
        beat()
        found = topic_reader.messages(reader)
        silent_polls = 0 if found else silent_polls + 1
        if silent_polls > SILENT_POLLS_MAX:
            raise Retry("the broker does not give its messages", "kafka.away")
        for message in found:
            place = message.topic, message.partition
            if message.offset < ranges[place][1]:
                yield message
            if message.offset + 1 >= ranges[place][1]:
                left.discard(place)


def recover_own_messages(
    engine: Engine,
    bootstrap: str,
    name: str,
    topics: Sequence[Topic],
    beat: Beat,
    verify: Verify | None = None,
) -> int:
    """Bring this service's own messages back into its outbox, as published.

    A second call finds none missing.

    Returns:
        How many were missing.

    Raises:
        RecoveryBlocked: the outbox holds another message under the id of a published one.
        Retry: the broker does not answer.
    """
    count = 0
    for topic in topics:
        batch: list[Message] = []
        with closing(topic_reader.reader(bootstrap, f"{name}.restored")) as reader:
            for message in _read(reader, _full_ranges(reader, [topic]), beat):
                if is_own(message, name, verify):
                    batch.append(message)
                if len(batch) >= topic_reader.BATCH_MAX:
                    count += _reinsert(engine, batch)
                    batch = []
        count += _reinsert(engine, batch)
    log.warning("own_messages_recovered", count=count)
    return count


def _reinsert(engine: Engine, batch: Sequence[Message]) -> int:
    with engine.begin() as connection:
        found = outbox.insert_published(connection, batch)
        if found.different:
            raise RecoveryBlocked(
                "This copy holds messages that it had not sent, and others were sent in their "
                "place: it belongs to a course of events that did not go on. Restore another copy."
            )
        return found.missing
