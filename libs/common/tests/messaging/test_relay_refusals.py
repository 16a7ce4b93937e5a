"""A message that Kafka can never take becomes a dead letter; what stands behind it is sent."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from libs.common.crypto.message_signatures import Signer
from libs.common.messaging import dead_letters, outbox, relay
from libs.common.messaging.consumer import send_again
from libs.common.tests.conftest import Store
from libs.common.tests.crypto.test_message_signatures import KEYS
from libs.common.tests.factories import hint
from libs.common.tests.fake_producer import Producer, add, publish, waiting

pytestmark = pytest.mark.database
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


class Refusing(Producer):
    """Refuses some events: at once, as the client does, or when all are sent, as a broker does."""

    def __init__(self, ids: set[str], *, by_broker: bool = False) -> None:
        super().__init__()
        self.refused, self.by_broker = ids, by_broker

    def produce(self, topic: str, **record: Any) -> None:
        if dict(record["headers"])["event_id"] in self.refused and not self.by_broker:
            raise KafkaException(TOO_LARGE)
        super().produce(topic, **record)

    def flush(self, limit_s: float) -> int:
        sent = {record["on_delivery"]: record for record in self.given}
        if self.by_broker and any(
            dict(sent[delivered]["headers"])["event_id"] in self.refused
            for delivered, _ in self.open
        ):  # a broker refuses a batch of messages as a whole
            self.open = [(delivered, TOO_LARGE) for delivered, _ in self.open]
        return super().flush(limit_s)


@pytest.mark.parametrize("by_broker", [False, True])
def test_one_that_is_too_large_is_a_dead_letter_and_the_others_are_sent(
    store: Store, by_broker: bool
) -> None:
    sent = add(store, range(5))
    producer = Refusing({sent[1]}, by_broker=by_broker)
    assert publish(store, producer) == 5
    assert waiting(store) == []
    published = store.rows(
        "SELECT CAST(event_id AS text) FROM outbox WHERE published_at IS NOT NULL ORDER BY id"
    )
    assert [row[0] for row in published] == [sent[0], *sent[2:]]
    ((consumer, topic, code, event_id, body, reason),) = store.rows(
        "SELECT consumer, topic, code, CAST(event_id AS text), body, reason FROM dead_letter"
    )
    assert (consumer, topic, code) == (
        dead_letters.OUTBOX,
        "provider-events",
        relay.REFUSED_CODE,
    )
    assert event_id == sent[1]
    assert bytes(body) == hint(1).body()
    assert "too large" in reason.lower()
    assert publish(store, Refusing({sent[1]})) == 0  # not a second time


def test_one_that_is_sent_alone_is_signed_like_the_others(store: Store) -> None:
    """A broker refuses a whole batch because of one event; the others are then sent one by one."""
    sent = add(store, range(3))
    producer = Refusing({sent[0]}, by_broker=True)
    signer = Signer.parse(KEYS["webhooks"])
    assert publish(store, producer, signer=signer) == 3
    alone = [dict(record["headers"]) for record in producer.given]
    assert {headers["event_id"] for headers in alone} == set(sent)
    assert all(headers.get("signature") for headers in alone)


def test_one_that_cannot_be_sent_now_keeps_its_place(store: Store) -> None:
    sent = add(store, range(3))
    producer = Producer(lambda n: KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert publish(store, producer) == 0
    assert waiting(store) == sent
    assert store.rows("SELECT * FROM dead_letter") == []


def test_a_redrive_puts_it_back_into_the_outbox_once(store: Store) -> None:
    sent = add(store, range(2))
    publish(store, Refusing({sent[0]}))
    (letter,) = store.rows("SELECT dead_letter_id FROM dead_letter")
    for expected in (True, False):
        with store.engine.begin() as connection:
            assert send_again(connection, letter[0], "otto") is expected
    assert waiting(store) == [sent[0]]
    assert publish(store, Producer()) == 1  # the broker's limit was raised meanwhile
    assert waiting(store) == []
    with store.engine.connect() as connection:
        assert dead_letters.count_open(connection) == 0
        assert outbox.backlog(connection).waiting == 0
