"""Messages on the topics that the owner of the topic has not signed.

Who can write to Kafka is taken for an attacker. Each forged message must become a dead letter of
every consumer of its topic, and nothing may be paid.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from uuid import uuid4

import httpx
from confluent_kafka import Producer

from devtools import paths
from devtools.attack.target import Target, bearer
from devtools.attack.tries import HELD, Try
from libs.common.contracts.message import Message
from libs.common.contracts.registry import published_types
from libs.common.contracts.topics import TOPICS
from libs.common.crypto.message_signatures import CODES, FORM, Signer
from libs.common.messaging import kafka
from services import catalog

EXAMPLES = paths.ROOT / "contracts" / "examples"
WAIT_S, PAUSE_S = 40.0, 0.5

#: The header `signature` of a message; None: the message has none.
Forgery = Callable[[Message], bytes | None]


def message_tries(target: Target, bootstrap: str, signers: dict[str, Signer]) -> Iterator[Try]:
    """All tries with messages.

    Args:
        signers: the key of each service that signs; an attacker has stolen all but the owner's.
    """
    producer = kafka.producer(bootstrap)
    for message, owner in _examples():
        stolen = signers[next(name for name in catalog.SIGNING if name not in (owner, "gateway"))]
        for name, forgery in _forgeries(stolen, signers[owner].key_id).items():
            run = partial(_held, target, producer, message, forgery)
            yield Try("messages", f"{message.topic} {message.type} {name}", run)


def books_are_empty(simulator: str) -> Try:
    """The provider was never asked for a payment: the tries before approve nothing."""

    def run() -> str:
        books = httpx.get(f"{simulator}/_simulator/books").json()
        return HELD if books["payments"] == 0 else f"{books['payments']} payments at the provider"

    return Try("money", "nothing was paid", run)


def _examples() -> Iterator[tuple[Message, str]]:
    """An example of each message that somebody consumes, and the service that owns its topic."""
    for name, kind in sorted(published_types().items()):
        if not kind.topic.consumers:
            continue
        example = sorted((EXAMPLES / name).glob("*.json"))[0]
        event_id, batch_id = str(uuid4()), str(uuid4())
        body = json.loads(example.read_text()) | {"event_id": event_id}
        event = kind.model_validate(body)
        yield (
            Message(kind.topic.name, 0, 0, event.key(), name, event_id, event.body(), batch_id),
            kind.topic.producer,
        )


def _forgeries(stolen: Signer, owners_key_id: str) -> dict[str, Forgery]:
    def of_another(message: Message) -> bytes:
        (header,) = stolen.sign([message._replace(event_id=str(uuid4()))])
        return header

    def cut(message: Message) -> bytes:
        return stolen.sign([message])[0][:-1]

    return {
        "without a signature": lambda _: None,
        "with an empty signature": lambda _: b"",
        "with garbage": lambda _: FORM + owners_key_id.encode() + b":" + b"\xff" * 90,
        "of an older form": lambda message: b"1:" + stolen.sign([message])[0][2:],
        "with a stolen key": lambda message: stolen.sign([message])[0],
        "with a stolen key under the owner's name": lambda message: replace(
            stolen, key_id=owners_key_id
        ).sign([message])[0],
        "with a signature of another message": of_another,
        "with half a signature": cut,
    }


def _held(target: Target, producer: Producer, message: Message, forgery: Forgery) -> str:
    """HELD once every consumer of the topic has refused the message for its signature."""
    sent = message._replace(event_id=str(uuid4()))
    sent = sent._replace(
        body=json.dumps(json.loads(sent.body) | {"event_id": sent.event_id}).encode()
    )
    signature = forgery(sent)
    headers: list[tuple[str, str | bytes | None]] = [
        ("event_id", sent.event_id),
        ("type", sent.type),
        ("correlation", sent.correlation),
        *([] if signature is None else [("signature", signature)]),
    ]
    producer.produce(sent.topic, key=sent.key, value=sent.body, headers=headers)
    if producer.flush(10):
        return "the broker did not take it, so nothing was tried"
    consumers = next(t.consumers for t in TOPICS if t.name == sent.topic)
    missing, until = set(consumers), time.monotonic() + WAIT_S
    while missing and time.monotonic() < until:
        missing = set(consumers) - _refused_by(target, sent.event_id)
        if missing:
            time.sleep(PAUSE_S)
    return f"not refused by {', '.join(sorted(missing))}" if missing else HELD


def _refused_by(target: Target, event_id: str) -> set[str]:
    """The services that have refused a message for its signature."""
    answer = target.gateway("GET", "/api/v1/ops/dead-letters", [bearer("operator")])
    return {
        letter["consumer"].partition(".")[0]
        for letter in answer.json()["items"]
        if letter["event_id"] == event_id and letter["code"] in CODES
    }
