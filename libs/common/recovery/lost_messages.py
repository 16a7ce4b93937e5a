"""Detect that a topic was restored from an older copy: messages that were published are not on it.

In words: the outbox knows what the broker has acknowledged. The newest of these rows of each
partition must be on the topic. If one is not, readers will never get it, and what the relay writes
next would take the offsets of what was lost. So the service ends before it writes anything, at each
start again, until the topics are made anew and filled (docs/runbooks/broker-lost.md).
"""

import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing

from confluent_kafka import Consumer
from sqlalchemy import Engine

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.topics import PARTITIONS, Topic
from libs.common.messaging import outbox, topic_reader
from libs.common.messaging.consumer import Beat
from libs.common.messaging.written_offsets import OLDER, Ends
from libs.common.observability.logs import log
from libs.common.recovery.restore import TAIL, full_ranges, read_ranges

#: So many of the newest published rows of a topic are compared.
NEWEST_MAX = 1_000


def refuse_lost_messages(
    engine: Engine,
    bootstrap: str,
    name: str,
    topics: Sequence[Topic],
    beat: Beat = lambda: None,
    partitions: int = PARTITIONS,
) -> Ends:
    """Return where the topics end, if they have what this service published.

    Raises:
        Fatal: a published message is not on its topic.
        Retry: the broker does not answer; nothing is known.
    """
    with closing(topic_reader.reader(bootstrap, f"{name}.restored")) as reader:
        for topic in topics:
            newest = find_newest_published(engine, topic, partitions)
            if newest and (missing := _find_missing(reader, topic, newest, beat)):
                log.critical("topic_is_older", topic=topic.name, count=len(missing))
                raise Fatal(
                    f"the topic {topic.name} does not have messages that this service published "
                    f"(the newest of partition {min(missing)}): it was restored from an older copy",
                    OLDER,
                )
        return {place: end for place, (_, end) in full_ranges(reader, topics).items()}


def find_newest_published(
    engine: Engine, topic: Topic, partitions: int = PARTITIONS
) -> dict[int, str]:
    """The event that was published last to each partition, as far as the newest rows tell."""
    with engine.connect() as connection:
        rows = outbox.find_newest_published(connection, topic.name, NEWEST_MAX)
    newest: dict[int, str] = {}
    for row in rows:
        newest.setdefault(zlib.crc32(row.message_key.encode()) % partitions, str(row.event_id))
    return newest


def _find_missing(
    reader: Consumer, topic: Topic, newest: Mapping[int, str], beat: Beat
) -> set[int]:
    """The partitions that do not have their newest published event.

    Each is searched back from its end: messages that were sent and not yet marked, and those of
    other producers, may lie behind it.
    """
    full, step = topic_reader.watermarks(reader, topic.name), 1
    if not full:  # a broker that has just started may not know its topics yet
        raise Retry(f"the broker has no topic {topic.name}", "kafka.away")
    missing = set(newest)
    ends = {partition: full[partition][1] for partition in missing if full[partition][1]}
    while ends:
        ranges = {
            (topic.name, partition): (max(full[partition][0], end - step), end)
            for partition, end in ends.items()
        }
        for message in read_ranges(reader, ranges, beat):
            if message.event_id == newest[message.partition]:
                missing.discard(message.partition)
        ends = {
            partition: begin
            for (_, partition), (begin, _) in ranges.items()
            if partition in missing and begin > full[partition][0]
        }
        step = max(TAIL, 2 * step)
    return missing
