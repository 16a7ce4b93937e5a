"""The settings that decide whether a message can be lost, and what a topic really has."""

import pytest
from confluent_kafka.admin import AdminClient

from libs.common.contracts.errors import Fatal
from libs.common.contracts.topics import Topic
from libs.common.messaging import kafka, kafka_source
from tests.broker.harness import PARTITIONS, Harness, delete_topics

LIMIT = 16_777_216


def test_the_consumers_settings_are_these() -> None:
    assert kafka.consumer_config("h:1", "g", 3_000) == {
        "bootstrap.servers": "h:1",
        "group.id": "g",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,  # our database knows the offsets
        "auto.offset.reset": "error",  # librdkafka's default skips silently to the end
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 3_000,
        "heartbeat.interval.ms": 500,
        "max.poll.interval.ms": 60_000,
        "fetch.wait.max.ms": 5_000,
        "message.max.bytes": LIMIT,
        "fetch.message.max.bytes": LIMIT,
        "queued.max.messages.kbytes": 65_536,
        "reconnect.backoff.max.ms": 2_000,
        "statistics.interval.ms": 5_000,  # the client's health is read from them
        "log_level": 4,
    }


@pytest.mark.broker
@pytest.mark.database
class TestTopics:
    def test_a_topic_keeps_its_facts_for_ever(self, harness: Harness) -> None:
        found = kafka.effective_settings(harness.bootstrap, harness.topic)
        assert (found["retention.ms"], found["cleanup.policy"], found["max.message.bytes"]) == (
            "-1",
            "delete",
            str(LIMIT),
        )

    def test_making_topics_again_makes_none(self, harness: Harness) -> None:
        assert (
            kafka.create_topics(
                harness.bootstrap, [Topic(harness.topic, "account", "test", ("test",))], PARTITIONS
            )
            == []
        )

    def test_a_topic_with_another_number_of_partitions_is_refused(self, harness: Harness) -> None:
        with pytest.raises(Fatal) as refused:
            kafka.create_topics(
                harness.bootstrap,
                [Topic(harness.topic, "account", "test", ("test",))],
                PARTITIONS + 1,
            )
        assert refused.value.code == "kafka.partitions"

    def test_a_missing_one_is_made_beside_those_that_are_there(self, harness: Harness) -> None:
        names = [harness.topic, f"{harness.topic}-new"]
        try:
            assert (
                kafka.create_topics(
                    harness.bootstrap,
                    [Topic(n, "account", "test", ("test",)) for n in names],
                    PARTITIONS,
                )
                == names[1:]
            )
            found = (
                AdminClient({"bootstrap.servers": harness.bootstrap}).list_topics(timeout=10).topics
            )
            assert len(found[names[1]].partitions) == PARTITIONS
        finally:
            delete_topics(harness.bootstrap, names[1:])

    def test_a_message_as_large_as_a_batch_of_thousands_of_branches_passes(
        self, harness: Harness
    ) -> None:
        producer, answers = kafka.producer(harness.bootstrap), list[object]()
        producer.produce(
            harness.topic,
            key="k",
            value=b"x" * 12_000_000,
            on_delivery=lambda error, _: answers.append(error),
        )
        assert producer.flush(20) == 0
        assert answers == [None]
        source = kafka_source.KafkaSource(
            harness.bootstrap,
            harness.topic,
            harness.topic,
            lambda t, i, ps: dict.fromkeys(ps, 0),
            session_timeout_ms=1_000,
        )
        try:
            found = next(batch for batch in iter(source.poll, None) if batch)
        finally:
            source.close()
        assert [len(m.body) for m in found] == [12_000_000]
