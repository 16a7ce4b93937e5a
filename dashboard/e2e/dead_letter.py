"""Put two messages on a topic that no service can apply.

    python -m dashboard.e2e.dead_letter BOOTSTRAP KEY

The first body is no event. The second is the newest message of the key again, under a header that
is no event id: redriven, it is applied and changes nothing.
"""

import sys
import uuid

from confluent_kafka import Consumer, TopicPartition

from libs.common.contracts.topics import BATCHES, PARTITIONS
from libs.common.messaging.kafka import producer

Headers = dict[str, str | bytes | None]


def newest_message(bootstrap: str, key: str) -> tuple[int, bytes, Headers]:
    """The newest message of a key: its partition, body and headers."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": str(uuid.uuid4()),
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    reader.assign([TopicPartition(BATCHES.name, n, 0) for n in range(PARTITIONS)])
    found, ended = None, 0
    while ended < PARTITIONS:
        record = reader.poll(10)
        if record is None or record.error():
            ended += 1
        elif record.key() == key.encode():
            headers: Headers = dict(record.headers() or [])
            found = (record.partition() or 0, record.value() or b"", headers)
    reader.close()
    if found is None:
        raise SystemExit(f"no message of {key}")
    return found


def main(bootstrap: str, key: str) -> None:
    """Publish both, to the partition of the key."""
    partition, body, headers = newest_message(bootstrap, key)
    headers.pop("correlation", None)
    out = producer(bootstrap)
    for value, event_id in ((b"{}", str(uuid.uuid4()).encode()), (body, b"not-an-id")):
        given = {**headers, "event_id": event_id}
        out.produce(BATCHES.name, value, key.encode(), partition, headers=given)
    if out.flush(20):
        raise SystemExit("the broker did not take them")


if __name__ == "__main__":
    main(*sys.argv[1:])
