"""What can be wrong around Kafka: topic settings other than ours, limits of the broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # its __init__ re-exports without __all__
    AdminClient,
    ConfigResource,
    ResourceType,
)

from libs.common.contracts.topics import CONFIG, PARTITIONS, Topic
from libs.common.messaging.address import client_settings
from libs.common.messaging.kafka import MESSAGE_MAX_BYTES

ANSWER_S = 10.0
#: Where there are brokers for it: so many copies of a message, so many before it is acknowledged.
REPLICAS, IN_SYNC_MIN = 3, 2
#: A topic's settings that must be exactly ours.
EXACT = ("retention.ms", "cleanup.policy", "message.timestamp.type")
Found = Mapping[str, str]


@dataclass(frozen=True)
class Copies:
    """How many replicas each partition of a topic has at least, how many are in sync, and how many
    brokers answer.
    """

    replicas: int
    in_sync: int
    brokers: int


def check_broker(
    bootstrap: str, topics: Sequence[Topic], session_timeout_ms: int
) -> dict[str, str]:
    """A sentence for each check by its name; "" where nothing is wrong.

    Raises:
        KafkaException, TimeoutError: the broker does not answer.
    """
    admin = AdminClient({**client_settings(bootstrap), "log_level": 2})
    cluster = admin.list_topics(timeout=ANSWER_S)
    found = {}
    for topic in topics:
        known = cluster.topics.get(topic.name)
        partitions = {} if known is None or known.error is not None else known.partitions
        replicas = min((len(one.replicas) for one in partitions.values()), default=0)
        in_sync = min((len(one.isrs) for one in partitions.values()), default=0)
        settings = _settings(admin, ResourceType.TOPIC, topic.name) if partitions else {}
        copies = Copies(replicas, in_sync, len(cluster.brokers))
        found[f"topic {topic.name}"] = topic_sentence(topic.name, len(partitions), copies, settings)
    broker = next(iter(cluster.brokers), None)
    limits = {} if broker is None else _settings(admin, ResourceType.BROKER, str(broker))
    found["limits of the broker"] = limits_sentence(limits, session_timeout_ms)
    return found


def _settings(admin: AdminClient, kind: ResourceType, name: str) -> Found:
    """The settings in force; none if we may not read them."""
    resource = ConfigResource(kind, name)
    try:
        entries = admin.describe_configs([resource], request_timeout=ANSWER_S)[resource].result(
            ANSWER_S + 1
        )
    except KafkaException:
        return {}
    return {key: str(entry.value) for key, entry in entries.items()}


def topic_sentence(name: str, partitions: int, copies: Copies, settings: Found) -> str:
    """What is other than it must be of one topic."""
    if not partitions:
        return f"There is no topic {name}. Make it: `python -m services topics`."
    wrong = []
    if partitions != PARTITIONS:
        wrong.append(f"{partitions} partitions instead of {PARTITIONS}")
    wrong += [
        f"{key} is {settings[key]} instead of {CONFIG[key]}"
        for key in EXACT
        if key in settings and settings[key] != CONFIG[key]
    ]
    if int(settings.get("max.message.bytes", MESSAGE_MAX_BYTES)) < MESSAGE_MAX_BYTES:
        wrong.append(f"max.message.bytes is below {MESSAGE_MAX_BYTES}")
    wrong += _wrong_copies(copies, settings)
    if not wrong:
        return ""
    return f"Topic {name}: {'; '.join(wrong)}. Messages could be lost or not be accepted."


def _wrong_copies(copies: Copies, settings: Found) -> list[str]:
    replicas, wanted = copies.replicas, min(REPLICAS, copies.brokers)
    if replicas < wanted:
        return [f"replicas: {replicas}, and there are brokers for {wanted}"]
    if "min.insync.replicas" not in settings:
        return []
    least = int(settings["min.insync.replicas"])
    if least > replicas:
        return [f"min.insync.replicas is {least} and there are {replicas} replicas"]
    if replicas >= REPLICAS and least < IN_SYNC_MIN:
        return [f"min.insync.replicas is {least} instead of {IN_SYNC_MIN}"]
    if copies.in_sync < least:
        return [f"{copies.in_sync} replicas are in sync, and {least} must be"]
    return []


def limits_sentence(limits: Found, session_timeout_ms: int) -> str:
    """What the broker refuses of us; "" also if it does not tell its limits."""
    wrong = []
    least = int(limits.get("group.min.session.timeout.ms", 0))
    most = int(limits.get("group.max.session.timeout.ms", session_timeout_ms))
    if not least <= session_timeout_ms <= most:
        wrong.append(
            f"it accepts session time-outs of {least} to {most} ms, and ours is "
            f"{session_timeout_ms}: change group.min.session.timeout.ms or "
            "group.max.session.timeout.ms there, or SESSION_TIMEOUT_MS of this service"
        )
    if int(limits.get("message.max.bytes", MESSAGE_MAX_BYTES)) < MESSAGE_MAX_BYTES:
        wrong.append(
            f"its message.max.bytes is {limits['message.max.bytes']}, below {MESSAGE_MAX_BYTES}"
        )
    return f"The broker has other limits: {'; '.join(wrong)}." if wrong else ""
