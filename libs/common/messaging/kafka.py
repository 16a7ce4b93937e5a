"""Kafka as this system uses it: the clients' settings, and the creation of topics."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined] # its __init__ re-exports without __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from libs.common.contracts.errors import Fatal
from libs.common.contracts.topics import CONFIG, PARTITIONS, Topic
from libs.common.messaging.address import client_settings
from libs.common.messaging.client_health import REPORT_EVERY_MS
from libs.common.messaging.client_log import LEVEL, ClientLog

MESSAGE_MAX_BYTES = 16_777_216
#: These come and go while a broker restarts or a group is rebalanced; librdkafka recovers by
#: itself.
TRANSIENT_ERRORS = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._PARTITION_EOF,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
}


def text(raw: bytes | str | None) -> str:
    """A key or a header as text.

    Invalid UTF-8 is replaced, so that the message becomes a dead letter instead of stopping its
    partition.
    """
    return str(raw, "utf-8", "replace") if isinstance(raw, bytes) else raw or ""


def signature(raw: bytes | str | None) -> bytes:
    """The header `signature`; empty if a message has none."""
    return raw if isinstance(raw, bytes) else b""


def producer_config(bootstrap: str) -> dict[str, Any]:
    """A producer's settings."""
    return {
        **client_settings(bootstrap),
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "compression.type": "lz4",
        "delivery.timeout.ms": 30_000,
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "queue.buffering.max.kbytes": 262_144,
        "reconnect.backoff.max.ms": 2_000,
        "log_level": LEVEL,
    }


def producer(bootstrap: str) -> Producer:
    """An idempotent producer. A message is delivered or reported as failed within 30 s."""
    return Producer(producer_config(bootstrap), logger=ClientLog("producer"))


def answers(bootstrap: str, within_s: float = 4.0) -> bool:
    """Whether a broker answers a new client, and takes part in the cluster."""
    client = AdminClient({**client_settings(bootstrap), "log_level": 2})
    try:
        return bool(client.list_topics(timeout=within_s).brokers)
    except KafkaException:
        return False


def consumer_config(bootstrap: str, group: str, session_timeout_ms: int) -> dict[str, Any]:
    """A consumer's settings.

    Every setting that decides whether a message can be lost, or applied by two consumers, is
    written here: librdkafka's defaults are not relied on.
    """
    return {
        **client_settings(bootstrap),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session_timeout_ms,
        "heartbeat.interval.ms": session_timeout_ms // 6,
        "max.poll.interval.ms": 60_000,
        "fetch.wait.max.ms": 5_000,  # only while nothing comes: a message is fetched at once
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "fetch.message.max.bytes": MESSAGE_MAX_BYTES,
        "queued.max.messages.kbytes": 65_536,
        "reconnect.backoff.max.ms": 2_000,
        "statistics.interval.ms": REPORT_EVERY_MS,
        "log_level": LEVEL,
    }


def create_topics(
    bootstrap: str, topics: Sequence[Topic], partitions: int = PARTITIONS, replication: int = 1
) -> list[str]:
    """Create the topics that are missing, and wait until they can be seen.

    A second call creates nothing.

    Returns:
        The names of the topics created.

    Raises:
        Fatal: the broker cannot be reached, a topic cannot be created, or one exists with
            another number of partitions (its keys would move).
    """
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    missing = _missing_topics(admin, bootstrap, topics, partitions)
    if missing:
        requested = [NewTopic(name, partitions, replication, config=CONFIG) for name in missing]
        _wait_until_created(admin.create_topics(requested, operation_timeout=15))
    # The controller answers before the broker knows the topic, for 5 s at most.
    for _ in range(100):
        if all(name in admin.list_topics(timeout=15).topics for name in missing):
            break
        time.sleep(0.05)
    return missing


def _missing_topics(
    admin: AdminClient, bootstrap: str, topics: Sequence[Topic], partitions: int
) -> list[str]:
    try:
        existing = admin.list_topics(timeout=15).topics
    except KafkaException as error:
        raise Fatal(
            f"Kafka at {bootstrap} cannot be reached: {error.args[0].str()}", "kafka.unreachable"
        ) from None
    for topic in topics:
        found = existing.get(topic.name)
        if found is not None and len(found.partitions) != partitions:
            raise Fatal(
                f"topic {topic.name} has {len(found.partitions)} partitions, expected {partitions}",
                "kafka.partitions",
            )
    return [topic.name for topic in topics if topic.name not in existing]


def _wait_until_created(created: Mapping[str, Any]) -> None:  # Any: a future of confluent_kafka
    for name, future in created.items():
        try:
            future.result(20)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Fatal(
                    f"topic {name} cannot be created: {error.args[0].str()}", "kafka.topics"
                ) from None


def effective_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """The settings a topic has at the broker, for tests and for people."""
    admin = AdminClient(client_settings(bootstrap))
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(10)
    return {name: str(entry.value) for name, entry in entries.items()}
