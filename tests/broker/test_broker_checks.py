"""What a real broker says of its topics and limits, and how a refused session time-out ends."""

import time
import uuid

import pytest

from libs.common.contracts.errors import Retry
from libs.common.contracts.topics import PARTITIONS, Topic
from libs.common.messaging import kafka, kafka_source
from libs.common.messaging.broker_checks import check_broker

pytestmark = pytest.mark.broker


def made(bootstrap: str, partitions: int) -> Topic:
    topic = Topic(f"checked-{uuid.uuid4().hex[:10]}", "key", "test", ("test",))
    kafka.create_topics(bootstrap, [topic], partitions)
    return topic


def test_our_own_topics_and_the_brokers_limits_are_in_order(kafka_bootstrap: str) -> None:
    topic = made(kafka_bootstrap, PARTITIONS)
    assert check_broker(kafka_bootstrap, [topic], 6_000) == {
        f"topic {topic.name}": "",
        "limits of the broker": "",
    }


def test_a_topic_of_other_partitions_a_missing_one_and_a_short_session_are_named(
    kafka_bootstrap: str,
) -> None:
    topic, missing = made(kafka_bootstrap, 3), Topic("never-made", "key", "test", ())
    found = check_broker(kafka_bootstrap, [topic, missing], 900)
    assert "3 partitions instead of 12" in found[f"topic {topic.name}"]
    assert "There is no topic never-made" in found["topic never-made"]
    assert "1000 to 1800000 ms, and ours is 900" in found["limits of the broker"]


def test_a_session_time_out_that_the_broker_refuses_is_said_in_its_words(
    kafka_bootstrap: str,
) -> None:
    topic = made(kafka_bootstrap, PARTITIONS)
    source = kafka_source.KafkaSource(
        kafka_bootstrap,
        topic.name,
        topic.name,
        lambda _topic, _id, partitions: dict.fromkeys(partitions, 0),
        session_timeout_ms=900,
    )

    def poll() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            source.poll()

    try:
        with pytest.raises(Retry, match=r"group\.min\.session\.timeout\.ms") as refused:
            poll()
    finally:
        source.close()
    assert refused.value.code == "kafka.session-timeout"
