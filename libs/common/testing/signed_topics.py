"""Events on real topics, signed as the services that own the topics would, for tests."""

import base64
from collections.abc import Sequence
from hashlib import sha256

from libs.common.contracts.envelope import Event
from libs.common.contracts.message import Message
from libs.common.contracts.topics import TOPICS
from libs.common.crypto.message_signatures import Signer, public_keys
from libs.common.messaging import kafka

#: A private key of every service that publishes. Everybody knows them.
SIGNING_KEYS = {
    topic.producer: f"{topic.producer}-1:"
    + base64.b64encode(sha256(topic.producer.encode()).digest()).decode()
    for topic in TOPICS
}
PUBLIC_KEYS = public_keys(SIGNING_KEYS)


def publish(bootstrap: str, events: Sequence[Event]) -> None:
    """Send these events, each signed by the owner of its topic. A second call sends them again."""
    producer = kafka.producer(bootstrap)
    for event in events:
        message = Message(
            event.topic.name,
            0,
            0,
            event.key(),
            event.type,
            str(event.event_id),
            event.body(),
            event.correlation,
        )
        (signature,) = Signer.parse(SIGNING_KEYS[event.topic.producer]).sign([message])
        producer.produce(
            message.topic,
            key=message.key,
            value=message.body,
            headers=[
                ("event_id", message.event_id),
                ("type", message.type),
                ("correlation", message.correlation),
                ("producer", event.topic.producer),
                ("signature", signature),
            ],
        )
        producer.poll(0)
    assert producer.flush(30) == 0
