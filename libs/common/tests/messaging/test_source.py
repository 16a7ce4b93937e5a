"""What every Source promises, tried on the one in memory and on the one of a real broker."""

import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message, Source
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka, kafka_source
from libs.common.testing.memory_broker import MemorySource, MemoryTopic
from libs.common.testing.waiting import wait_for

PARTITIONS = 4
GROUP = "contract"


@dataclass
class Stored:
    """Offsets as a consumer's database would keep them, in a dictionary."""

    offsets: dict[int, int] = field(default_factory=dict)
    topic_ids: set[str] = field(default_factory=set)

    def load(self, topic: str, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        self.topic_ids.add(topic_id)
        return {p: self.offsets.get(p, 0) for p in partitions}

    def keep(self, batch: Sequence[Message]) -> None:
        for message in batch:
            assert message.offset == self.offsets.get(message.partition, 0), (
                "a message was skipped or came twice"
            )
            self.offsets[message.partition] = message.offset + 1


class World(Protocol):
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
def world(request: pytest.FixtureRequest) -> World:
    return (
        InMemory()
        if request.param == "memory"
        else OnBroker(request.getfixturevalue("kafka_bootstrap"))
    )


@pytest.fixture
def sources(world: World) -> Iterator[Callable[..., Source]]:
    opened: list[Source] = []

    def make(batch_max: int = 500) -> Source:
        opened.append(world.open(batch_max))
        return opened[-1]

    yield make
    for source in opened:
        source.close()


def read(world: World, source: Source, until: Callable[[], bool]) -> list[Message]:
    """Read and keep the offsets until something is true."""
    found: list[Message] = []

    def turn() -> bool:
        batch = source.poll()
        world.stored.keep(batch)
        found.extend(batch)
        return until()

    assert wait_for(turn, 20, 0)
    return found


def total(world: World) -> int:
    return sum(world.stored.offsets.values())


def fill(world: World, count: int, first: int = 0) -> list[str]:
    names = [f"e{n}" for n in range(first, first + count)]
    for n, name in enumerate(names, start=first):
        world.publish(f"k{n % 9}", name)
    return names


def test_each_message_comes_once_in_the_order_of_its_key_with_all_it_carries(
    world: World, sources: Callable[..., Source]
) -> None:
    sent = fill(world, 90)
    found = read(world, sources(), lambda: total(world) == 90)
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


def test_a_key_of_any_alphabet_comes_back(world: World, sources: Callable[..., Source]) -> None:
    world.publish("Zoë 李", "e")
    assert [m.key for m in read(world, sources(), lambda: total(world) == 1)] == ["Zoë 李"]


def test_without_messages_a_poll_ends_empty(world: World, sources: Callable[..., Source]) -> None:
    assert sources().poll() == []


def test_no_batch_is_larger_than_asked_for(world: World, sources: Callable[..., Source]) -> None:
    fill(world, 50)
    source = sources(7)
    sizes: list[int] = []

    def turn() -> bool:
        batch = source.poll()
        world.stored.keep(batch)
        sizes.append(len(batch))
        return total(world) == 50

    assert wait_for(turn, 20, 0)
    assert max(sizes) == 7


def test_it_begins_where_the_stored_offsets_say(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 40)
    world.stored.offsets.update({0: 2, 1: 1})
    found = read(world, sources(), lambda: total(world) == 40)
    assert len(found) == 37
    assert next(m.offset for m in found if m.partition == 0) == 2


def test_after_a_rewind_all_that_was_not_stored_comes_again(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 60)
    source = sources(10)
    for _ in range(5):
        assert wait_for(lambda: bool(source.poll()), 20, 0)  # read, and not stored
        source.rewind()
        assert wait_for(lambda: _kept(world, source.poll()), 20, 0)
    fill(world, 40, first=60)
    source.rewind()
    read(world, source, lambda: total(world) == 100)
    assert source.poll() == []


def test_a_rewind_goes_forward_where_another_has_moved_on(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 60)
    source = sources(10)
    assert wait_for(lambda: bool(source.poll()), 20, 0)
    world.stored.offsets.update({0: 5, 1: 4, 2: 3, 3: 2})
    source.rewind()
    found = read(world, source, lambda: total(world) == 60)
    assert len(found) == 60 - 14


def test_a_rewind_before_anything_is_owned_does_nothing(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 5)
    source = sources()
    source.rewind()
    read(world, source, lambda: total(world) == 5)


def test_what_was_not_stored_comes_again_to_the_next_owner(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 20)
    first = sources()
    assert wait_for(lambda: bool(first.poll()), 20, 0)
    first.close()
    assert len(read(world, sources(), lambda: total(world) == 20)) == 20


def test_members_share_the_partitions_and_take_them_over(
    world: World, sources: Callable[..., Source]
) -> None:
    one, two = sources(), sources()
    of_one, of_two = set[int](), set[int]()
    sent = 0

    def turn() -> bool:
        nonlocal sent
        fill(world, 9, sent)
        sent += 9
        for source, seen in ((one, of_one), (two, of_two)):
            seen.clear()
            batch = source.poll()
            world.stored.keep(batch)
            seen |= {m.partition for m in batch}
        return bool(of_one and of_two)

    assert wait_for(turn, 20, 0)
    assert not of_one & of_two
    one.close()
    fill(world, 36, sent)
    found = read(world, two, lambda: total(world) == sent + 36)
    assert {m.partition for m in found} == {
        zlib.crc32(f"k{n}".encode()) % PARTITIONS for n in range(9)
    }


def test_telling_the_broker_is_harmless_whatever_is_told(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 10)
    source = sources()
    source.commit([])
    found = read(world, source, lambda: total(world) == 10)
    source.commit(found)
    source.commit([Message("contract", 99, 5, "k", "t", "e", b"")])
    fill(world, 10, 10)
    read(world, source, lambda: total(world) == 20)


def test_an_offset_the_topic_does_not_have_ends_the_consumer(
    world: World, sources: Callable[..., Source]
) -> None:
    fill(world, 10)
    world.stored.offsets[0] = 1_000
    source = sources()

    def ended() -> bool:
        try:
            source.poll()
        except Fatal:
            return True
        return False

    assert wait_for(ended, 20, 0)


def test_an_owner_that_may_not_load_its_offsets_does_not_read(
    world: World, sources: Callable[..., Source]
) -> None:
    def refuse(topic: str, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        raise Fatal("the topic is not the one it was", "kafka.topic-replaced")

    fill(world, 10)
    world.stored.load = refuse  # type: ignore[method-assign]
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


def test_the_topic_has_one_id(world: World, sources: Callable[..., Source]) -> None:
    fill(world, 5)
    read(world, sources(), lambda: total(world) == 5)
    assert len(world.stored.topic_ids) == 1


def _kept(world: World, batch: Sequence[Message]) -> bool:
    world.stored.keep(batch)
    return bool(batch)


def test_an_assignment_that_the_group_has_taken_back_meanwhile_is_asked_for_again_and_ends_no_process() -> (
    None
):
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
