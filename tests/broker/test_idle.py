"""What a consumer asks the broker while nothing comes: counted, so that it stays little."""

import json
import time
from typing import Any

import pytest
from confluent_kafka import Producer

from devtools.test_servers import RunningBroker
from libs.common.contracts.topics import PARTITIONS, Topic
from libs.common.messaging import client_health, kafka, kafka_source

pytestmark = pytest.mark.broker
#: In an idle minute. A fetch waited half a second before, so there were 120.
FETCHES_A_MINUTE, HEARTBEATS_A_MINUTE = 14, 66
IDLE_S = 20.0
COMES_WITHIN_S = 2.5  # on a busy machine; a fetch that waited for its end would take up to five


def test_an_idle_consumer_fetches_seldom_and_a_message_comes_at_once(
    kafka_broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[dict[str, Any]] = []
    monkeypatch.setattr(
        client_health.ClientHealth, "report", lambda _, text: reports.append(json.loads(text))
    )
    topic = f"idle-{time.time_ns()}"
    kafka.create_topics(
        kafka_broker.bootstrap, [Topic(topic, "key", "test", ("test",))], PARTITIONS
    )
    source = kafka_source.KafkaSource(
        kafka_broker.bootstrap,
        topic,
        topic,
        lambda _topic, _id, partitions: dict.fromkeys(partitions, 0),
    )
    try:
        until = time.monotonic() + 30
        while not requests(reports, "Fetch") and time.monotonic() < until:
            source.poll()
        first, fetches, heartbeats = reports[-1], *asked(reports[-1])
        until = time.monotonic() + IDLE_S
        while time.monotonic() < until:
            assert source.poll() == []
        minutes = (reports[-1]["ts"] - first["ts"]) / 60_000_000
        more_fetches, more_heartbeats = asked(reports[-1])
        assert 0 < (more_fetches - fetches) / minutes <= FETCHES_A_MINUTE
        assert 0 < (more_heartbeats - heartbeats) / minutes <= HEARTBEATS_A_MINUTE

        producer = Producer(kafka.producer_config(kafka_broker.bootstrap))
        producer.list_topics(topic, timeout=10)
        producer.produce(topic, b"{}", b"key")
        began = time.monotonic()
        producer.flush(10)
        while not source.poll():
            assert time.monotonic() - began < COMES_WITHIN_S
    finally:
        source.close()


def asked(report: dict[str, Any]) -> tuple[int, int]:
    """How many fetches and heartbeats a client has sent."""
    return requests([report], "Fetch"), requests([report], "Heartbeat")


def requests(reports: list[dict[str, Any]], kind: str) -> int:
    return sum(one["req"].get(kind, 0) for one in reports[-1]["brokers"].values()) if reports else 0
