"""Publish two messages that no service can apply: python -m dashboard.e2e.publish_bad_messages.

The arguments are the broker's address, a batch's id, and the folder of the stack's `keys.json`.
The first message has a body that nobody signed. The second is the batch's newest message again,
signed, with an event id that is none; applied again by an operator it changes nothing.
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from libs.common.contracts.message import Message
from libs.common.contracts.topics import BATCHES, PARTITIONS
from libs.common.crypto.message_signatures import Signer
from libs.common.messaging.kafka import producer
from ops.secret_files import signing_keys_of

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


def main(bootstrap: str, key: str, keys: str) -> None:
    """Publish both messages to the partition of the key."""
    partition, body, headers = newest_message(bootstrap, key)
    signing_keys = signing_keys_of(json.loads((Path(keys) / "keys.json").read_text()))
    signer = Signer.parse(signing_keys[BATCHES.producer])
    # Without its correlation it keeps no batch from completing.
    signed = {**dict(headers), "event_id": b"not-an-id", "correlation": b""}
    signed["signature"] = _signature(signer, key, body, signed)
    publisher = producer(bootstrap)
    for value, own in ((b"{}", {**signed, "event_id": str(uuid.uuid4()).encode()}), (body, signed)):
        publisher.produce(BATCHES.name, value, key.encode(), partition, headers=[*own.items()])
    if publisher.flush(20):
        raise SystemExit("the broker did not take the messages")


def _signature(signer: Signer, key: str, body: bytes, headers: dict[str, bytes]) -> bytes:
    kind, event_id, batch_id = (headers[n].decode() for n in ("type", "event_id", "correlation"))
    message = Message(BATCHES.name, 0, 0, key, kind, event_id, body, batch_id)
    return signer.sign([message])[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
