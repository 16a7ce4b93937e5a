"""What every Source promises, tried on the one in memory and on the one of a real broker."""

import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message, Source
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka, kafka_source
from libs.common.messaging.client_health import ClientHealth
from libs.common.testing.memory_broker import MemorySource, MemoryTopic
from libs.common.testing.waiting import wait_for

PARTITIONS = 4
GROUP = "contract"


@dataclass
class Stored:
    """Offsets as a consumer's database would store them, in a dictionary."""

    offsets: dict[int, int] = field(default_factory=dict)
    topic_ids: set[str] = field(default_factory=set)

    def load(self, topic: str, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        self.topic_ids.add(topic_id)
        return {p: self.offsets.get(p, 0) for p in partitions}

    def advance(self, batch: Sequence[Message]) -> None:
        for message in batch:
            assert message.offset == self.offsets.get(message.partition, 0), (
                "a message was skipped or came twice"
            )
            self.offsets[message.partition] = message.offset + 1


class Setup(Protocol):
    stored: Stored

    def publish(self, key: str, event_id: str) -> None: ...
    def open(self, batch_max: int = 500) -> Source: ...


class InMemory:
    def __init__(self) -> None:
        self.stored, self.topic = Stored(), MemoryTopic("contract", PARTITIONS)

    def publish(self, key: str, event_id: str) -> None:
        self.topic.append(key, "t.v1", event_id, b'{"a": 1}', "c")

    def open(self, batch_max: int = 500) -> Source:
        return MemorySource(self.topic, GROUP, self.stored.load, batch_max, wait_s=0.1)


class OnBroker:
    def __init__(self, bootstrap: str) -> None:
        self.stored, self.bootstrap, self.name = (
            Stored(),
            bootstrap,
            f"contract-{uuid.uuid4().hex[:10]}",
        )
        kafka.create_topics(bootstrap, [Topic(self.name, "key", "test", ("test",))], PARTITIONS)
        self.producer = kafka.producer(bootstrap)

    def publish(self, key: str, event_id: str) -> None:
        self.producer.produce(
            self.name,
            key=key,
            value=b'{"a": 1}',
            headers=[("type", "t.v1"), ("event_id", event_id), ("correlation", "c")],
        )
        self.producer.flush(10)

    def open(self, batch_max: int = 500) -> Source:
        return kafka_source.KafkaSource(
            self.bootstrap, self.name, self.name, self.stored.load, batch_max, 2_000
        )


@pytest.fixture(params=["memory", pytest.param("broker", marks=pytest.mark.broker)])
def setup(request: pytest.FixtureRequest) -> Setup:
    return (
        InMemory()
        if request.param == "memory"
        else OnBroker(request.getfixturevalue("kafka_bootstrap"))
    )


@pytest.fixture
def sources(setup: Setup) -> Iterator[Callable[..., Source]]:
    opened: list[Source] = []

    def make(batch_max: int = 500) -> Source:
        opened.append(setup.open(batch_max))
        return opened[-1]

    yield make
    for source in opened:
        source.close()


def read(setup: Setup, source: Source, until: Callable[[], bool]) -> list[Message]:
    """Read and store the offsets until something is true."""
    found: list[Message] = []

    def turn() -> bool:
        batch = source.poll()
        setup.stored.advance(batch)
        found.extend(batch)
        return until()

    assert wait_for(turn, 20, 0)
    return found


def total(setup: Setup) -> int:
    return sum(setup.stored.offsets.values())


def fill(setup: Setup, count: int, first: int = 0) -> list[str]:
    names = [f"e{n}" for n in range(first, first + count)]
    for n, name in enumerate(names, start=first):
        setup.publish(f"k{n % 9}", name)
    return names


def test_each_message_comes_once_in_the_order_of_its_key_with_all_it_carries(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    sent = fill(setup, 90)
    found = read(setup, sources(), lambda: total(setup) == 90)
    assert sorted(m.event_id for m in found) == sorted(sent)
    for key in (f"k{n}" for n in range(9)):
        assert [m.event_id for m in found if m.key == key] == [
            e for n, e in enumerate(sent) if f"k{n % 9}" == key
        ]
    assert all(
        (m.type, m.correlation, m.body, m.partition)
        == ("t.v1", "c", b'{"a": 1}', zlib.crc32(m.key.encode()) % PARTITIONS)
        for m in found
    )


def test_a_key_of_any_alphabet_comes_back(setup: Setup, sources: Callable[..., Source]) -> None:
    setup.publish("Zoë 李", "e")
    assert [m.key for m in read(setup, sources(), lambda: total(setup) == 1)] == ["Zoë 李"]


def test_without_messages_a_poll_ends_empty(setup: Setup, sources: Callable[..., Source]) -> None:
    assert sources().poll() == []


def test_no_batch_is_larger_than_asked_for(setup: Setup, sources: Callable[..., Source]) -> None:
    fill(setup, 50)
    source = sources(7)
    sizes: list[int] = []

    def turn() -> bool:
        batch = source.poll()
        setup.stored.advance(batch)
        sizes.append(len(batch))
        return total(setup) == 50

    assert wait_for(turn, 20, 0)
    assert max(sizes) == 7


def test_it_begins_where_the_stored_offsets_say(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 40)
    setup.stored.offsets.update({0: 2, 1: 1})
    found = read(setup, sources(), lambda: total(setup) == 40)
    assert len(found) == 37
    assert next(m.offset for m in found if m.partition == 0) == 2


def test_after_a_rewind_all_that_was_not_stored_comes_again(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 60)
    source = sources(10)
    for _ in range(5):
        assert wait_for(lambda: bool(source.poll()), 20, 0)  # read, and not stored
        source.rewind()
        assert wait_for(lambda: _stored_some(setup, source.poll()), 20, 0)
    fill(setup, 40, first=60)
    source.rewind()
    read(setup, source, lambda: total(setup) == 100)
    assert source.poll() == []


def test_a_rewind_goes_forward_where_another_has_moved_on(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 60)
    source = sources(10)
    assert wait_for(lambda: bool(source.poll()), 20, 0)
    setup.stored.offsets.update({0: 5, 1: 4, 2: 3, 3: 2})
    source.rewind()
    found = read(setup, source, lambda: total(setup) == 60)
    assert len(found) == 60 - 14


def test_a_rewind_before_anything_is_owned_does_nothing(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 5)
    source = sources()
    source.rewind()
    read(setup, source, lambda: total(setup) == 5)


def test_what_was_not_stored_comes_again_to_the_next_owner(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 20)
    first = sources()
    assert wait_for(lambda: bool(first.poll()), 20, 0)
    first.close()
    assert len(read(setup, sources(), lambda: total(setup) == 20)) == 20


def test_members_share_the_partitions_and_take_them_over(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    one, two = sources(), sources()
    of_one, of_two = set[int](), set[int]()
    sent = 0

    def turn() -> bool:
        nonlocal sent
        fill(setup, 9, sent)
        sent += 9
        for source, seen in ((one, of_one), (two, of_two)):
            seen.clear()
            batch = source.poll()
            setup.stored.advance(batch)
            seen |= {m.partition for m in batch}
        return bool(of_one and of_two)

    assert wait_for(turn, 20, 0)
    assert not of_one & of_two
    one.close()
    fill(setup, 36, sent)
    found = read(setup, two, lambda: total(setup) == sent + 36)
    assert {m.partition for m in found} == {
        zlib.crc32(f"k{n}".encode()) % PARTITIONS for n in range(9)
    }


def test_committing_to_the_broker_is_harmless_whatever_is_committed(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 10)
    source = sources()
    source.commit([])
    found = read(setup, source, lambda: total(setup) == 10)
    source.commit(found)
    source.commit([Message("contract", 99, 5, "k", "t", "e", b"")])
    fill(setup, 10, 10)
    read(setup, source, lambda: total(setup) == 20)


def test_an_offset_the_topic_does_not_have_ends_the_consumer(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    fill(setup, 10)
    setup.stored.offsets[0] = 1_000
    source = sources()

    def ended() -> bool:
        try:
            source.poll()
        except Fatal:
            return True
        return False

    assert wait_for(ended, 20, 0)


def test_an_owner_that_may_not_load_its_offsets_does_not_read(
    setup: Setup, sources: Callable[..., Source]
) -> None:
    def refuse(topic: str, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        raise Fatal("the topic is not the one it was", "kafka.topic-replaced")

    fill(setup, 10)
    setup.stored.load = refuse  # type: ignore[method-assign] # replaced on purpose
    source = sources()
    seen: list[Message] = []

    def ended() -> bool:
        try:
            seen.extend(source.poll())
        except Fatal as error:
            return error.code == "kafka.topic-replaced"
        return False

    assert wait_for(ended, 20, 0)
    assert seen == []


def test_the_topic_has_one_id(setup: Setup, sources: Callable[..., Source]) -> None:
    fill(setup, 5)
    read(setup, sources(), lambda: total(setup) == 5)
    assert len(setup.stored.topic_ids) == 1


def _stored_some(setup: Setup, batch: Sequence[Message]) -> bool:
    setup.stored.advance(batch)
    return bool(batch)


def test_an_assignment_the_group_has_revoked_meanwhile_is_tried_again() -> None:
    class Moved(Consumer):
        def incremental_assign(self, partitions: list[TopicPartition]) -> None:
            raise KafkaException(KafkaError(KafkaError._STATE))

    class Known(kafka_source.KafkaSource):
        def _stored_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
            return dict.fromkeys(partitions, 0)

    source = Known("127.0.0.1:1", "g", "t", Stored().load)
    other = Moved({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "log_level": 2})
    source._assigned(other, [TopicPartition("t", 0)])
    with pytest.raises(Retry):
        source.poll()
    for consumer in (other, source):
        consumer.close()


@pytest.mark.parametrize(
    ("answers", "reports", "is_given_up"),
    [
        (True, 5, True),
        (True, 2, False),
        (False, 5, False),
    ],
)
def test_a_client_without_brokers_is_given_up_while_the_broker_answers_another(
    answers: bool, reports: int, is_given_up: bool
) -> None:
    now = [0.0]
    source = kafka_source.KafkaSource(
        "127.0.0.1:1", "g", "t", Stored().load, broker_answers=lambda: answers
    )
    source.health = ClientHealth(lambda: now[0])
    for _ in range(reports):
        source.health.report('{"cgrp": {"state": "query-coord"}, "brokers": {}}')
        source.health.polled()
        now[0] += 5
    with pytest.raises(Retry, match="standing still") if is_given_up else nullcontext():
        source._check_client()
    source.close()
