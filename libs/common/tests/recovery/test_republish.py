from collections.abc import Iterable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message
from libs.common.contracts.topics import Topic
from libs.common.database.engine import connect, run
from libs.common.messaging import dead_letters
from libs.common.recovery import quarantine, republish
from libs.common.recovery.republish import (
    NothingLost,
    Plan,
    Refused,
    TopicInDatabase,
    TopicOnBroker,
)
from libs.common.tests.conftest import CONSUMER, TOPIC, Store

NEW = TopicOnBroker("new", 0)
WRITTEN = TopicInDatabase(published=5, waiting=1)
READ = TopicInDatabase(topic_ids=frozenset({"old"}), read=7)


def test_what_is_empty_now_is_sent_again_and_what_has_another_id_is_read_from_the_beginning() -> (
    None
):
    assert republish.plan("s", {"w": WRITTEN, "r": READ}, {"w": NEW, "r": NEW}) == Plan(
        ("w",), ("r",)
    )


def test_only_the_lost_topic_of_several_is_touched() -> None:
    assert republish.plan(
        "s", {"w": WRITTEN, "r": READ}, {"w": NEW, "r": TopicOnBroker("old", 7)}
    ) == Plan(("w",), ())


def test_after_publishing_again_and_in_a_new_system_nothing_is_left_to_do() -> None:
    assert (
        republish.plan(
            "s", {"w": TopicInDatabase(waiting=6), "r": TopicInDatabase()}, {"w": NEW, "r": NEW}
        )
        == Plan()
    )


@pytest.mark.parametrize("held", [TopicOnBroker("old", 7), TopicOnBroker("old", 9)])
def test_a_broker_that_has_everything_has_lost_nothing(held: TopicOnBroker) -> None:
    with pytest.raises(NothingLost, match="still has w, r"):
        republish.plan("s", {"w": WRITTEN, "r": READ}, {"w": TopicOnBroker("x", 5), "r": held})


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"r": NEW}, "no topic w"),
        ({"w": TopicOnBroker("new", 3), "r": NEW}, "topic w holds 3 messages"),
        ({"w": NEW, "r": TopicOnBroker("new", 7)}, "topic r holds 7 messages"),
        ({"w": NEW, "r": TopicOnBroker("old", 6)}, "topic r holds 6 messages"),
        ({"w": NEW, "r": TopicOnBroker("old", 0)}, "topic r is the one it was and yet empty"),
    ],
)
def test_a_topic_that_is_missing_or_holds_a_part_is_refused(
    held: dict[str, TopicOnBroker], says: str
) -> None:
    with pytest.raises(Refused, match=says) as refused:
        republish.plan("s", {"w": WRITTEN, "r": READ}, held)
    assert not isinstance(refused.value, NothingLost)


def test_a_database_that_is_older_than_what_others_have_read_is_refused() -> None:
    republish.refuse_older(
        {"ingest": {"batches": 5}}, {"ledger": {"batches": 5}, "reports": {"batches": 4}}
    )
    with pytest.raises(
        Refused,
        match="reports has taken in 6 messages of batches, and the outbox of ingest holds 5",
    ):
        republish.refuse_older(
            {"ingest": {"batches": 5}}, {"ledger": {"batches": 5}, "reports": {"batches": 6}}
        )


@pytest.mark.database
def test_a_quarantined_database_may_publish_again(store: Store) -> None:
    topic = Topic("batches", "batch_id", "ingest", ("test",))
    with store.engine.begin() as connection:
        run(
            connection,
            """
            INSERT INTO outbox
                (event_id, topic, message_key, message_type, correlation, body)
            VALUES
                (gen_random_uuid(), 'batches', 'k', 't', '', '{}')""",
        )
        run(
            connection,
            """
            INSERT INTO inbox
            VALUES ('test.batches', gen_random_uuid()),
                   ('test.batches', gen_random_uuid()),
                   ('x.y', gen_random_uuid())""",
        )
    assert republish.inbox_counts(store.engine, "test", [topic]) == {"batches": 2}
    assert republish.outbox_counts(store.engine, "ingest", [topic]) == {"batches": 1}
    with store.engine.begin() as connection:
        quarantine.start(connection, "it came from a backup")
    assert republish.outbox_counts(store.engine, "ingest", [topic]) == {}


def letter(offset: int) -> Message:
    return Message(
        TOPIC,
        0,
        offset,
        "key",
        "no-such.v1",
        f"00000000-0000-4000-8000-{offset:012d}",
        b"bytes %d" % offset,
    )


@pytest.mark.database
def test_dead_letters_keep_their_bytes_and_a_new_one_at_the_same_offset_is_written_too(
    store: Store,
) -> None:
    topic = Topic(TOPIC, "provider_id", "webhooks", ("test",))
    for lost in ("first", "second", "third"):  # a broker may be lost more than once
        with store.engine.begin() as connection:
            dead_letters.insert(connection, CONSUMER, letter(0), Reject(f"wrong on the {lost}"))
            run(connection, "UPDATE consumer_offset SET topic_id = :lost", lost=lost)
        assert (
            republish.republish(store.engine, "test-refilled", [topic], {TOPIC: NEW}).forgotten == 2
        )
        store.load(TOPIC, "again", [0, 1])
    assert store.rows(
        "SELECT reason, convert_from(body, 'UTF8') FROM dead_letter ORDER BY dead_letter_id"
    ) == [(f"wrong on the {lost}", "bytes 0") for lost in ("first", "second", "third")]


@pytest.mark.database
def test_a_service_that_is_connected_is_not_refilled(store: Store) -> None:
    running = connect(store.url, "paydown-webhooks")
    with running.connect(), pytest.raises(Refused, match="webhooks is running"):
        republish.republish(store.engine, "webhooks", [], {})
    running.dispose()
    republish.republish(store.engine, "webhooks", [], {})


class AnsweringAdmin:
    """Describes one topic of one partition, whose end is `end`; -1 is a time-out of the broker."""

    def __init__(self, end: int) -> None:
        self.end = end

    def list_topics(self, timeout: float) -> SimpleNamespace:
        return SimpleNamespace(topics={"batches": None})

    def describe_topics(self, _: object, request_timeout: float) -> dict[str, Future[object]]:
        partitions = [SimpleNamespace(id=0)]
        return {"batches": done(SimpleNamespace(topic_id="x", partitions=partitions))}

    def list_offsets(
        self, wanted: Iterable[object], request_timeout: float
    ) -> dict[object, Future[object]]:
        return {place: done(SimpleNamespace(offset=self.end)) for place in wanted}


def done(result: object) -> "Future[object]":
    future: Future[object] = Future()
    future.set_result(result)
    return future


def test_a_broker_that_does_not_answer_is_not_one_that_lost_messages() -> None:
    topics = [Topic("batches", "batch_id", "ingest", ("test",))]
    there: Any = AnsweringAdmin(7)
    assert republish._describe(there, topics) == {"batches": TopicOnBroker("x", 7)}
    silent: Any = AnsweringAdmin(-1)
    with pytest.raises(KafkaException):
        republish._describe(silent, topics)
