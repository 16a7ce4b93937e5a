"""Puts a message that no service can apply on a topic, and one that it can once somebody says so: python dead_letter.py BOOTSTRAP KEY.

The first body is no event. The second is the batch's own last word again, under a header that is no event's id; applied again it changes nothing.
"""

import sys
import uuid

from confluent_kafka import Consumer, TopicPartition

from libs.common.messaging.kafka import producer
from libs.common.contracts.topics import BATCHES, PARTITIONS


def last_word(bootstrap: str, key: str) -> tuple[int, bytes, list[tuple[str, bytes]]]:
    """The newest message of a key: its partition, body and headers."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False, "enable.partition.eof": True})
    reader.assign([TopicPartition(BATCHES.name, n, 0) for n in range(PARTITIONS)])
    found, ended = None, 0
    while ended < PARTITIONS:
        record = reader.poll(10)
        if record is None or record.error():
            ended += 1
        elif record.key() == key.encode():
            found = (record.partition() or 0, record.value() or b"", [(name, value) for name, value in record.headers() or [] if isinstance(value, bytes)])
    reader.close()
    if found is None:
        raise SystemExit(f"no message about {key}")
    return found


def main(bootstrap: str, key: str) -> None:
    """Publish both, to the partition the key's messages go to."""
    partition, body, headers = last_word(bootstrap, key)
    plain = [(name, value) for name, value in headers if name not in ("event_id", "correlation")]
    out = producer(bootstrap)
    out.produce(BATCHES.name, b"{}", key.encode(), partition, headers=[*plain, ("event_id", str(uuid.uuid4()).encode())])
    out.produce(BATCHES.name, body, key.encode(), partition, headers=[*plain, ("event_id", b"not-an-id")])
    if out.flush(20):
        raise SystemExit("the broker did not take them")


if __name__ == "__main__":
    main(*sys.argv[1:])
