"""Detect that an older backup of a database was restored, and recover the service's own messages.

In words: what a service publishes goes through its outbox, and outbox rows are never deleted. So
if its newest message on a topic is not in its outbox, the database is an older copy of itself. It
is then quarantined. The service's own messages are brought back into the outbox, so that none is
published twice; the service recovers what it can from them and from others (`RecoverySteps`); and
then two people release the database.

A message that names the service and cannot be verified is in doubt. If the outbox has it, nothing
is missing. Else the database is quarantined too, and recovered only when the message can be
verified, or when people have named it as forged.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event as Stop

from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import Engine

from libs.common.contracts.errors import PaydownError, Retry
from libs.common.contracts.message import Message
from libs.common.contracts.topics import Topic
from libs.common.messaging import outbox, topic_reader
from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from libs.common.recovery import quarantine
from libs.common.recovery.own_messages import OwnMessages

#: A partition's last record is searched for one of this service's own, then so many before it,
#: then twice as many with each step.
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


@dataclass(frozen=True)
class NewestMessages:
    """What names the service at the ends of its topics.

    Args:
        verified: its newest verified message in each partition.
        in_doubt: messages after those that cannot be verified.
    """

    verified: Sequence[Message]
    in_doubt: Sequence[Message]


def detect_restore(
    engine: Engine,
    bootstrap: str,
    own: OwnMessages,
    topics: Sequence[Topic],
    beat: Beat = lambda: None,
) -> None:
    """Quarantine the database if the service's newest message on a topic is not in its outbox.

    A message that cannot be verified counts as well: keys that were restored together with the
    database do not know the one that signed last. A quarantined database is checked as well: it
    may have been replaced by yet another copy.

    Raises:
        Retry: the broker does not answer; nothing is known.
    """
    newest = newest_own_messages(bootstrap, own, topics, beat)
    everything = [*newest.verified, *newest.in_doubt]
    if newest.in_doubt:
        log.warning("own_messages_not_verified", count=len(newest.in_doubt))
    with engine.begin() as connection:
        known = outbox.find_ids(connection, [message.event_id for message in everything])
        unknown = [message for message in newest.verified if message.event_id not in known]
        in_doubt = [message for message in newest.in_doubt if message.event_id not in known]
        if not unknown and not in_doubt:
            return
        first = (unknown or in_doubt)[0]
        log.critical(
            "database_is_older" if unknown else "own_messages_in_doubt",
            topic=first.topic,
            partition=first.partition,
            offset=first.offset,
            count=len(unknown or in_doubt),
        )
        place = f"(the first at partition {first.partition}, offset {first.offset})"
        why = (
            f"The topic {first.topic} holds messages of this service that its database does not "
            f"know {place}: it is an older copy of itself."
            if unknown
            else f"The topic {first.topic} holds messages in this service's name that its database "
            f"does not know and that none of its public keys verifies {place}: it may be an "
            "older copy of itself, or somebody forged them."
        )
        quarantine.start(connection, why)


def newest_own_messages(
    bootstrap: str, own: OwnMessages, topics: Sequence[Topic], beat: Beat = lambda: None
) -> NewestMessages:
    """What names this service at the end of each partition of these topics.

    A partition is searched back to its newest verified message, however many messages of other
    producers and forged ones lie after it: else whoever can write to Kafka could hide a restore.
    One without any is read whole. Messages in doubt come without their bodies.

    Raises:
        Retry: the broker does not answer.
    """
    verified: list[Message] = []
    in_doubt: dict[tuple[str, int], list[Message]] = defaultdict(list)
    with closing(topic_reader.reader(bootstrap, f"{own.name}.restored")) as reader:
        full = full_ranges(reader, topics)
        ends, step = {place: end for place, (_, end) in full.items()}, 1
        while ends:
            ranges = {place: (max(full[place][0], end - step), end) for place, end in ends.items()}
            found = _newest(reader, own, ranges, beat)
            for place, one in found.items():
                verified += one.verified
                in_doubt[place] = [*one.in_doubt, *in_doubt[place]]
            ends = {
                place: begin
                for place, (begin, _) in ranges.items()
                if begin > full[place][0] and not found[place].verified
            }
            step = max(TAIL, 2 * step)
            if ends and step > TAIL:
                log.info("own_messages_searched_back", partitions=len(ends), next_records=step)
    return NewestMessages(verified, [message for one in in_doubt.values() for message in one])


def full_ranges(reader: Consumer, topics: Sequence[Topic]) -> Ranges:
    """Everything that lies on these topics."""
    return {
        (topic.name, partition): (begin, end)
        for topic in topics
        for partition, (begin, end) in topic_reader.watermarks(reader, topic.name).items()
        if end > begin
    }


def _newest(
    reader: Consumer, own: OwnMessages, ranges: Ranges, beat: Beat
) -> dict[tuple[str, int], NewestMessages]:
    """The newest verified message in each of these ranges, if any, and what is in doubt after."""
    verified: dict[tuple[str, int], list[Message]] = {place: [] for place in ranges}
    in_doubt: dict[tuple[str, int], list[Message]] = {place: [] for place in ranges}
    for message in read_ranges(reader, ranges, beat):
        place = message.topic, message.partition
        if not own.is_named(message):
            continue
        if own.is_verified(message):
            verified[place], in_doubt[place] = [message], []
        elif message not in own.forged:
            in_doubt[place].append(message._replace(body=b"", signature=b""))
    return {place: NewestMessages(verified[place], in_doubt[place]) for place in ranges}


def read_ranges(reader: Consumer, ranges: Ranges, beat: Beat = lambda: None) -> Iterator[Message]:
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
    engine: Engine, bootstrap: str, own: OwnMessages, topics: Sequence[Topic], beat: Beat
) -> int:
    """Bring this service's own messages back into its outbox, as published.

    A second call finds none missing.

    Returns:
        How many were missing.

    Raises:
        RecoveryBlocked: messages in its name that it does not have cannot be verified, or the
            outbox holds another message under the id of a published one.
        Retry: the broker does not answer.
    """
    count, in_doubt = 0, _InDoubt()
    for topic in topics:
        batch: list[Message] = []
        with closing(topic_reader.reader(bootstrap, f"{own.name}.restored")) as reader:
            for message in read_ranges(reader, full_ranges(reader, [topic]), beat):
                if own.is_named(message):
                    batch.append(message)
                if len(batch) >= topic_reader.BATCH_MAX:
                    count += _recover(engine, own, batch, in_doubt)
                    batch = []
        count += _recover(engine, own, batch, in_doubt)
    if first := in_doubt.first:
        raise RecoveryBlocked(
            f"Messages in this service's name cannot be verified: {in_doubt.count}, the first in "
            f"{first.topic}, partition {first.partition}, offset {first.offset}. Give the public "
            "key that signed them (PUBLIC_KEYS), or ACCEPT_UNSIGNED if they are older than "
            "signatures. If people know that they are forged, name them in FORGED_MESSAGES."
        )
    log.warning("own_messages_recovered", count=count)
    return count


@dataclass
class _InDoubt:
    """How many messages are in doubt, and the first: a topic without a key has all of its own."""

    count: int = 0
    first: Message | None = None

    def add(self, message: Message) -> None:
        self.count += 1
        self.first = self.first or message


def _recover(engine: Engine, own: OwnMessages, batch: Sequence[Message], in_doubt: _InDoubt) -> int:
    """Reinsert the verified messages; count in `in_doubt` those that are not and are missing.

    After the first of these nothing more is inserted: the outbox keeps the order of the topics.
    """
    verified = [message for message in batch if own.is_verified(message)]
    if len(verified) < len(batch):
        others = set(batch) - set(verified)
        with engine.begin() as connection:
            known = outbox.find_published_ids(connection, [one.event_id for one in others])
        for one in batch:
            if one in others and one.event_id not in known and one not in own.forged:
                in_doubt.add(one)
    return 0 if in_doubt.count else _reinsert(engine, verified)


def _reinsert(engine: Engine, batch: Sequence[Message]) -> int:
    with engine.begin() as connection:
        found = outbox.insert_published(connection, batch)
        if found.different:
            raise RecoveryBlocked(
                "This copy holds messages that it had not sent, and others were sent in their "
                "place: it belongs to a course of events that did not go on. Restore another copy."
            )
        return found.missing
