"""A topic that was restored from an older copy is noticed, also if it has been written on.

It has the same id, and the offsets where readers stand exist again: with other messages.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from libs.common.contracts.errors import Fatal, Reject, Retry
from libs.common.contracts.message import Message
from libs.common.messaging import dead_letters, inbox
from libs.common.messaging.kafka_source import KafkaSource
from libs.common.messaging.offsets import Offsets
from libs.common.messaging.written_offsets import OLDER, WrittenOffsets
from libs.common.tests.conftest import Store

STORED = 5


class Record:
    """A record of partition 0 whose event is named by a word."""

    def __init__(self, offset: int, word: str) -> None:
        self.at, self.word = offset, word

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"{}"

    def headers(self) -> list[tuple[str, bytes]]:
        return [("event_id", self.word.encode())]


class Client:
    """A Kafka client that gives the records of a list, from where it was assigned or sought."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.next, self.sought = list(words), 0, list[int]()

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.next = partitions[0].offset

    def seek(self, place: TopicPartition) -> None:
        self.next = place.offset
        self.sought.append(place.offset)

    def poll(self, _: float) -> Record | None:
        if self.next >= len(self.words):
            return None
        self.next += 1
        return Record(self.next - 1, self.words[self.next - 1])

    def consume(self, count: int, _: float) -> list[Record]:
        found = [self.poll(0.0) for _ in range(min(count, len(self.words) - self.next))]
        return [record for record in found if record is not None]


class Source(KafkaSource):
    """A source that has read five messages, `old-0` to `old-4`; its broker is the client above."""

    def __init__(self, client: Client) -> None:
        self.read = [f"old-{n}" for n in range(STORED)]
        super().__init__(
            "127.0.0.1:1", "g", "t", lambda *_: {}, has_taken_in=lambda m: m.event_id in self.read
        )
        self.consumer.close()
        self.was_disconnected = False  # it never had a broker
        acting: Any = client  # it has the methods that the source uses
        self.consumer = acting
        self._assigned(acting, [TopicPartition("t", 0)])

    def _stored_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, len(self.read))

    def poll_words(self) -> list[str]:
        batch = [message.event_id for message in self.poll()]
        self.read += batch
        return batch


def test_after_the_message_that_was_taken_in_last_it_reads_on() -> None:
    source = Source(Client([*(f"old-{n}" for n in range(STORED)), "new-1", "new-2"]))
    assert source.poll_words() == ["new-1", "new-2"]
    assert source.poll_words() == []


def test_before_other_messages_than_were_read_nothing_is_taken_in() -> None:
    source = Source(Client(["old-0", "old-1", "new-1", "new-2", "new-3", "new-4", "new-5"]))
    with pytest.raises(Fatal) as ended:
        source.poll_words()
    assert ended.value.code == OLDER


def test_after_a_lost_connection_it_compares_again_before_it_reads_on() -> None:
    client = Client([f"old-{n}" for n in range(STORED)])
    source = Source(client)
    assert source.poll_words() == []
    client.words = ["old-0", "old-1", *(f"new-{n}" for n in range(9))]  # restored, written on
    source._note_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert source.poll_words() == []
    assert client.sought == [STORED - 1]
    with pytest.raises(Fatal) as ended:
        source.poll_words()
    assert ended.value.code == OLDER


def test_after_a_lost_connection_to_the_same_topic_nothing_is_missed_or_twice() -> None:
    client = Client([f"old-{n}" for n in range(STORED)])
    source = Source(client)
    client.words += ["new-1", "new-2", "new-3"]
    source._note_error(KafkaError(KafkaError._TRANSPORT))
    found = [word for _ in range(4) for word in source.poll_words()]
    assert found == ["new-1", "new-2", "new-3"]


def test_a_client_that_reads_from_elsewhere_is_closed() -> None:
    client = Client([f"old-{n}" for n in range(STORED + 2)])
    source = Source(client)
    client.next = STORED + 1
    with pytest.raises(Retry):
        source.poll_words()


@pytest.mark.database
def test_events_and_dead_letters_are_messages_that_were_taken_in(store: Store) -> None:
    known, other = str(uuid.uuid4()), str(uuid.uuid4())
    event = Message("t", 0, 7, "k", "x.v1", known, b"{}")
    letter = Message("t", 0, 8, "k", "x.v1", "no uuid", b"{1}")
    with store.engine.begin() as connection:
        inbox.insert_new(connection, "reader", [event])
        dead_letters.insert(connection, "reader", letter, Reject("it is wrong", "x"))
    reader = Offsets(store.engine, "reader")
    assert reader.has_taken_in(event)
    assert reader.has_taken_in(letter)
    assert not reader.has_taken_in(event._replace(event_id=other))
    assert not reader.has_taken_in(letter._replace(body=b"{2}"))
    assert not reader.has_taken_in(letter._replace(offset=9))
    assert not Offsets(store.engine, "another").has_taken_in(event)


def test_offsets_that_were_written_only_go_up() -> None:
    written = WrittenOffsets({("t", 0): 5})
    written.note("t", 0, 5)
    written.note("t", 0, 7)
    written.note("t", 1, 0)
    with pytest.raises(Fatal) as ended:
        written.note("t", 0, 7)
    assert ended.value.code == OLDER
    with pytest.raises(Fatal):
        WrittenOffsets({("t", 0): 5}).note("t", 0, 4)
