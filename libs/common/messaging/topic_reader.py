"""Read topics without a consumer group: their watermark offsets, and the messages of a range.

Nothing is committed to Kafka.
"""

from confluent_kafka import Consumer, KafkaException, TopicPartition

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message
from libs.common.messaging.address import client_settings
from libs.common.messaging.kafka import MESSAGE_MAX_BYTES, TRANSIENT_ERRORS, signature, text

BATCH_MAX = 2_000
ANSWER_S = 10.0


def reader(bootstrap: str, group: str = "rebuild") -> Consumer:
    """A consumer that is given its partitions with `assign`. Close it after use.

    It joins no group; the broker checks by the group's name who may read.
    """
    return Consumer(
        {
            **client_settings(bootstrap),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "message.max.bytes": MESSAGE_MAX_BYTES,
            "fetch.message.max.bytes": MESSAGE_MAX_BYTES,
            "fetch.wait.max.ms": 100,
            "log_level": 2,
        }
    )


def watermarks(open_reader: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """(first offset, offset after the last) of each partition.

    Raises:
        Retry: the broker does not answer.
    """
    try:
        partitions = open_reader.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions
        return {
            number: open_reader.get_watermark_offsets(
                TopicPartition(topic, number), timeout=ANSWER_S
            )
            for number in partitions
        }
    except (KafkaException, TypeError) as error:  # a time-out of the watermarks is None
        raise Retry(f"{topic}: the broker does not say where it ends", "kafka.away") from error


def messages(open_reader: Consumer) -> list[Message]:
    """The next messages of the assigned partitions, as soon as some have come.

    Empty after half a second without any.

    Raises:
        Fatal: a topic cannot be read.
    """
    found = []
    first = open_reader.poll(0.5)  # consume(2000, t) would wait out its time-out
    for record in [] if first is None else [first, *open_reader.consume(BATCH_MAX - 1, 0)]:
        error = record.error()
        if error is not None:
            if error.code() in TRANSIENT_ERRORS and not error.fatal():
                continue
            raise Fatal(f"{record.topic()}: {error.str()}", "kafka.consumer")
        headers = dict(record.headers() or [])
        found.append(
            Message(
                record.topic() or "",
                record.partition() or 0,
                record.offset() or 0,
                text(record.key()),
                text(headers.get("type")),
                text(headers.get("event_id")),
                record.value() or b"",
                text(headers.get("correlation")),
                text(headers.get("producer")),
                signature=signature(headers.get("signature")),
            )
        )
    return found
