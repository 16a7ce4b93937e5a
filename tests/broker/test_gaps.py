"""If messages are missing, or a topic was replaced, the process ends instead of going on."""

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
from tests.broker.harness import PARTITIONS, Harness, delete_topics

pytestmark = [pytest.mark.broker, pytest.mark.database]


def source_of(harness: Harness) -> kafka_source.KafkaSource:
    stored = offsets.Offsets(harness.engine, harness.topic)
    return kafka_source.KafkaSource(
        harness.bootstrap,
        harness.topic,
        harness.topic,
        stored.load,
        session_timeout_ms=1_000,
        has_taken_in=stored.has_taken_in,
    )


def fatal_of(harness: Harness, limit_s: float = 20.0) -> tuple[str, list[Message]]:
    """The code that ends a consumer which stores no offsets, and what it read before."""
    source, seen, codes = source_of(harness), list[Message](), list[str]()

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


def apply_by_a_worker(harness: Harness, count: int) -> None:
    worker = harness.start()
    harness.wait_until_applied(count)
    assert worker.stop() == 0


def test_messages_that_were_deleted_before_they_were_read(harness: Harness) -> None:
    harness.produce(300)
    apply_by_a_worker(harness, 300)
    harness.produce(300)
    admin = AdminClient({"bootstrap.servers": harness.bootstrap})
    for future in admin.delete_records([TopicPartition(harness.topic, 0, -1)]).values():
        future.result(10)
    code, seen = fatal_of(harness)
    assert code == "kafka.consumer"
    assert not [m for m in seen if m.partition == 0], (
        "auto.offset.reset=error: nothing is read from a place nobody stored"
    )


def test_a_gap_between_two_messages(harness: Harness) -> None:
    """A transaction's marker takes an offset and is no message, as a lost message would."""
    producer = Producer({"bootstrap.servers": harness.bootstrap, "transactional.id": harness.topic})
    producer.init_transactions(20)
    for number in range(2):
        producer.begin_transaction()
        producer.produce(harness.topic, key="a1", value=str(number), partition=0)
        producer.commit_transaction(20)
    code, seen = fatal_of(harness)
    assert code == "kafka.gap"
    assert seen == []


def test_a_gap_ends_the_process(harness: Harness) -> None:
    harness.allowed_exit_codes = {1}
    harness.produce(100)
    apply_by_a_worker(harness, 100)
    with harness.engine.begin() as connection:
        run(
            connection,
            "UPDATE consumer_offset SET next_offset = next_offset + 1000 WHERE partition = 3",
        )
    worker = harness.start()
    assert worker.process.wait(20) == 1
    assert "libs.common.contracts.errors.Fatal" in worker.log.read_text()
    assert harness.applied() == 100


def make_again(harness: Harness, pause_s: float = 0.0) -> None:
    delete_topics(harness.bootstrap, [harness.topic])
    time.sleep(pause_s)
    topic = Topic(harness.topic, "account", "test", ("test",))

    def made() -> bool:
        try:
            return kafka.create_topics(harness.bootstrap, [topic], PARTITIONS) == [harness.topic]
        except Fatal:
            return False

    assert wait_for(made, 20)


@pytest.mark.parametrize("new", [0, 50, 900], ids=["empty", "shorter", "longer"])
def test_a_topic_that_was_deleted_and_made_again_is_not_read_from_the_old_offsets(
    harness: Harness, new: int
) -> None:
    harness.produce(300)
    apply_by_a_worker(harness, 300)
    make_again(harness)
    if new:
        harness.produce(new)
    assert fatal_of(harness) == ("kafka.topic-replaced", [])


def test_a_topic_of_an_older_copy_that_was_written_on_is_not_read_on(harness: Harness) -> None:
    """It has the same id, and the stored offsets exist: other messages lie before them."""
    harness.produce(300)
    apply_by_a_worker(harness, 300)
    harness.produce(300)
    with harness.engine.begin() as connection:  # what was read there was something else
        run(connection, "UPDATE inbox SET event_id = gen_random_uuid()")
    assert fatal_of(harness) == ("kafka.topic-older", [])


# With a pause librdkafka reads the new topic on from the old offset, without an error.
@pytest.mark.parametrize("pause_s", [0.0, 0.5])
def test_a_topic_replaced_under_a_living_consumer_ends_it(harness: Harness, pause_s: float) -> None:
    harness.allowed_exit_codes = {1}
    harness.produce(300)
    worker = harness.start()
    harness.wait_until_applied(300)
    make_again(harness, pause_s)
    harness.produce(900)  # longer than it was: the old offsets exist, and mean other messages
    assert worker.process.wait(30) == 1, harness.last_logs()
    assert "libs.common.contracts.errors.Fatal" in worker.log.read_text()
    assert fatal_of(harness) == ("kafka.topic-replaced", []), (
        "and it cannot start again before a person has checked"
    )
