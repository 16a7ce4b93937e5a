"""Publish two messages that no service can apply: python -m dashboard.e2e.publish_bad_messages.

The arguments are the broker's address and a batch's id. The first message has a body that is no
event. The second is the batch's newest message again, with an event id that is none; applied again
by an operator it changes nothing.
"""

import sys
import uuid
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from libs.common.contracts.topics import BATCHES, PARTITIONS
from libs.common.messaging.kafka import producer

Headers = list[tuple[str, bytes]]


def newest_message(bootstrap: str, key: str) -> tuple[int, bytes, Headers]:
    """Find the newest message of a key: its partition, body and headers."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": str(uuid.uuid4()),
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(BATCHES.name, n, 0) for n in range(PARTITIONS)])
    newest: Any = None  # a Message; its headers are typed too widely
    ended = 0
    while ended < PARTITIONS:
        message = consumer.poll(10)
        if message is None or message.error():
            ended += 1
        elif message.key() == key.encode():
            newest = message
    consumer.close()
    if newest is None:
        raise SystemExit(f"no message about {key}")
    headers = [(name, value) for name, value in newest.headers() or [] if isinstance(value, bytes)]
    return newest.partition() or 0, newest.value() or b"", headers


def main(bootstrap: str, key: str) -> None:
    """Publish both messages to the partition of the key."""
    partition, body, headers = newest_message(bootstrap, key)
    others = [header for header in headers if header[0] not in ("event_id", "correlation")]
    publisher = producer(bootstrap)
    for value, event_id in ((b"{}", str(uuid.uuid4())), (body, "not-an-id")):
        publisher.produce(
            BATCHES.name,
            value,
            key.encode(),
            partition,
            headers=[*others, ("event_id", event_id.encode())],
        )
    if publisher.flush(20):
        raise SystemExit("the broker did not take the messages")


if __name__ == "__main__":
    main(*sys.argv[1:])
