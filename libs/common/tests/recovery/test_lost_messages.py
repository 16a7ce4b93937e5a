"""A service does not start on topics that lack what it has published."""

import uuid

import pytest

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging import outbox
from libs.common.messaging.written_offsets import Ends
from libs.common.recovery.lost_messages import refuse_lost_messages
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.tests.factories import hint
from libs.common.tests.recovery.test_restore import NAME, forget, publish, topic

__all__ = ["topic"]
pytestmark = [pytest.mark.database, pytest.mark.broker]


def checked(store: Store, bootstrap: str, *topics: Topic) -> Ends:
    """What the check returns, asked again while the broker does not answer."""
    found: list[Ends] = []

    def answered() -> bool:
        try:
            found.append(refuse_lost_messages(store.engine, bootstrap, NAME, topics, partitions=3))
        except Retry:
            return False
        return True

    assert wait_for(answered, 20)
    return found[0]


def add_as_published(store: Store, topic: Topic, numbers: range) -> None:
    """What the broker acknowledged before it was restored from an older copy."""
    with store.engine.begin() as connection:
        outbox.add(connection, [hint(n, f"pmt_{n}") for n in numbers])
        run(
            connection,
            "UPDATE outbox SET topic = :topic, published_at = now() WHERE published_at IS NULL",
            topic=topic.name,
        )


def test_topics_that_have_everything_are_written_on(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    assert checked(store, kafka_bootstrap, topic) == {}
    publish(store, kafka_bootstrap, topic, range(60))
    publish(store, kafka_bootstrap, topic, range(100, 260), name="another")
    forget(store, range(100, 260))
    assert sum(checked(store, kafka_bootstrap, topic).values()) == 220


def test_one_that_was_sent_and_not_marked_is_no_loss(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    publish(store, kafka_bootstrap, topic, range(20))
    with store.engine.begin() as connection:
        run(
            connection,
            "UPDATE outbox SET published_at = NULL WHERE event_id = :id",
            id=hint(19).event_id,
        )
    checked(store, kafka_bootstrap, topic)


@pytest.mark.parametrize("lost", [range(60, 61), range(60, 100)])
def test_a_published_message_that_is_missing_ends_the_start(
    store: Store, kafka_bootstrap: str, topic: Topic, lost: range
) -> None:
    publish(store, kafka_bootstrap, topic, range(60))
    add_as_published(store, topic, lost)
    with pytest.raises(Fatal) as ended:
        checked(store, kafka_bootstrap, topic)
    assert ended.value.code == "kafka.topic-older"


def test_it_ends_also_if_something_was_written_since_and_not_marked(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    publish(store, kafka_bootstrap, topic, range(60))
    add_as_published(store, topic, range(60, 80))
    publish(store, kafka_bootstrap, topic, range(80, 120))
    with store.engine.begin() as connection:  # the relay ended before it marked them
        run(
            connection,
            "UPDATE outbox SET published_at = NULL WHERE event_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(hint(n).event_id) for n in range(80, 120)],
        )
    with pytest.raises(Fatal):
        checked(store, kafka_bootstrap, topic)


def test_a_topic_that_the_broker_does_not_know_yet_is_waited_for(
    store: Store, kafka_bootstrap: str
) -> None:
    missing = Topic(f"missing-{uuid.uuid4().hex[:8]}", "provider_id", NAME, ())
    add_as_published(store, missing, range(3))
    with pytest.raises(Retry):
        refuse_lost_messages(store.engine, kafka_bootstrap, NAME, [missing])
