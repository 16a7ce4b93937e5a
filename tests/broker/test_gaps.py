"""Messages that are missing, topics that are not the ones they were: the process ends instead of going on."""

import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from libs.common.contracts.errors import Fatal
from libs.common.contracts.message import Message
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging import kafka, kafka_source, offsets
from libs.common.testing.waiting import wait_for
from tests.broker.field import PARTITIONS, Field, forget

pytestmark = [pytest.mark.broker, pytest.mark.database]


def source_of(field: Field) -> kafka_source.KafkaSource:
    return kafka_source.KafkaSource(
        field.bootstrap,
        field.topic,
        field.topic,
        offsets.Offsets(field.engine, field.topic).load,
        session_timeout_ms=1_000,
    )


def end_of(field: Field, limit_s: float = 20.0) -> tuple[str, list[Message]]:
    """What ends a consumer that stores no offsets, and what it read before."""
    source, seen, codes = source_of(field), list[Message](), list[str]()

    def ended() -> bool:
        try:
            seen.extend(source.poll())
        except Fatal as error:
            codes.append(error.code)
        return bool(codes)

    try:
        assert wait_for(ended, limit_s, 0), "it went on as if nothing were missing"
    finally:
        source.close()
    return codes[0], seen


def applied_by_a_worker(field: Field, count: int) -> None:
    worker = field.start()
    field.until_applied(count)
    assert worker.end() == 0


def test_messages_that_were_deleted_before_they_were_read(field: Field) -> None:
    field.produce(300)
    applied_by_a_worker(field, 300)
    field.produce(300)
    admin = AdminClient({"bootstrap.servers": field.bootstrap})
    for future in admin.delete_records([TopicPartition(field.topic, 0, -1)]).values():
        future.result(10)
    code, seen = end_of(field)
    assert code == "kafka.consumer"
    assert not [m for m in seen if m.partition == 0], (
        "auto.offset.reset=error: nothing is read from a place nobody stored"
    )


def test_a_gap_between_two_messages(field: Field) -> None:
    """A transaction's marker takes an offset and is no message: the same hole a lost or compacted message leaves."""
    producer = Producer({"bootstrap.servers": field.bootstrap, "transactional.id": field.topic})
    producer.init_transactions(20)
    for number in range(2):
        producer.begin_transaction()
        producer.produce(field.topic, key="a1", value=str(number), partition=0)
        producer.commit_transaction(20)
    code, seen = end_of(field)
    assert code == "kafka.gap"
    assert seen == []


def test_a_gap_ends_the_process(field: Field) -> None:
    field.expected_codes = {1}
    field.produce(100)
    applied_by_a_worker(field, 100)
    with field.engine.begin() as connection:
        run(
            connection,
            "UPDATE consumer_offset SET next_offset = next_offset + 1000 WHERE partition = 3",
        )
    worker = field.start()
    assert worker.process.wait(20) == 1
    assert "libs.common.contracts.errors.Fatal" in worker.log.read_text()
    assert field.applied() == 100


def again(field: Field, pause_s: float = 0.0) -> None:
    forget(field.bootstrap, [field.topic])
    time.sleep(pause_s)
    topic = Topic(field.topic, "account", "test", ("test",))

    def made() -> bool:
        try:
            return kafka.create_topics(field.bootstrap, [topic], PARTITIONS) == [field.topic]
        except Fatal:
            return False

    assert wait_for(made, 20)


@pytest.mark.parametrize("new", [0, 50, 900], ids=["empty", "shorter", "longer"])
def test_a_topic_that_was_deleted_and_made_again_is_not_read_from_the_old_offsets(
    field: Field, new: int
) -> None:
    field.produce(300)
    applied_by_a_worker(field, 300)
    again(field)
    if new:
        field.produce(new)
    assert end_of(field) == ("kafka.topic-replaced", [])


@pytest.mark.parametrize(
    "pause_s", [0.0, 0.5]
)  # with a pause librdkafka reads the new one on from the old offset, and says nothing
def test_a_topic_replaced_under_a_living_consumer_ends_it(field: Field, pause_s: float) -> None:
    field.expected_codes = {1}
    field.produce(300)
    worker = field.start()
    field.until_applied(300)
    again(field, pause_s)
    field.produce(900)  # longer than it was: the old offsets exist, and mean other messages
    assert worker.process.wait(30) == 1, field.story()
    assert "libs.common.contracts.errors.Fatal" in worker.log.read_text()
    assert end_of(field) == ("kafka.topic-replaced", []), (
        "and nobody can start again before a person has looked"
    )
