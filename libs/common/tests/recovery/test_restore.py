"""A database is known as an older copy by its own newest messages, takes them back, and is released by two people."""

import uuid

import pytest
from sqlalchemy.exc import IntegrityError

from libs.common.contracts import two_person
from libs.common.contracts.errors import Retry
from libs.common.contracts.topics import Topic
from libs.common.database.engine import run
from libs.common.messaging import kafka, outbox, relay
from libs.common.recovery import quarantine, restore
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.tests.factories import hint

pytestmark = pytest.mark.database
NAME = "teller"


@pytest.fixture
def topic(kafka_bootstrap: str) -> Topic:
    made = Topic(f"restored-{uuid.uuid4().hex[:8]}", "provider_id", NAME, ())
    kafka.create_topics(kafka_bootstrap, [made], partitions=3)
    return made


def say(store: Store, bootstrap: str, topic: Topic, numbers: range, name: str = NAME) -> None:
    """What leaves the outbox by the relay."""
    with store.engine.begin() as connection:
        outbox.add(connection, [hint(n, f"pmt_{n}") for n in numbers])
        run(connection, "UPDATE outbox SET topic = :topic", topic=topic.name)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert relay.publish(connection, kafka.producer(bootstrap), name=name) == len(numbers)


def forget(store: Store, numbers: range) -> None:
    """The database as it was before these were said."""
    with store.engine.begin() as connection:
        run(
            connection,
            "DELETE FROM outbox WHERE event_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(hint(n).event_id) for n in numbers],
        )


def look(store: Store, bootstrap: str, topic: Topic) -> str:
    """Why the database is held; asked again while the broker does not answer, as a service asks (a topic made just now has no leader yet)."""

    def noticed() -> bool:
        try:
            restore.detect_restore(store.engine, bootstrap, NAME, [topic])
        except Retry:
            return False
        return True

    assert wait_for(noticed, 20)
    with store.engine.connect() as connection:
        row = quarantine.find_open(connection)
    return "" if row is None else str(row.why)


@pytest.mark.broker
def test_a_whole_database_is_not_held_whatever_strangers_say(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    assert look(store, kafka_bootstrap, topic) == "", "nothing was ever said"
    say(store, kafka_bootstrap, topic, range(30))
    assert look(store, kafka_bootstrap, topic) == ""
    say(store, kafka_bootstrap, topic, range(100, 130), name="stranger")
    forget(store, range(100, 130))
    assert look(store, kafka_bootstrap, topic) == ""


@pytest.mark.broker
def test_an_older_copy_is_held_takes_back_what_it_said_and_is_whole_again(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    say(store, kafka_bootstrap, topic, range(60))
    said = store.rows(
        "SELECT event_id, message_key, message_type, correlation, body FROM outbox ORDER BY event_id"
    )
    say(
        store, kafka_bootstrap, topic, range(100, 105), name="stranger"
    )  # after ours: they do not hide them
    forget(store, range(20, 60))
    forget(store, range(100, 105))
    with store.engine.begin() as connection:
        run(
            connection,
            "UPDATE outbox SET published_at = NULL WHERE event_id = :id",
            id=hint(3).event_id,
        )  # the copy had not been told that it arrived
    assert "older copy of itself" in look(store, kafka_bootstrap, topic)
    assert (
        restore.recover_own_messages(store.engine, kafka_bootstrap, NAME, [topic], lambda: None)
        == 40
    )
    assert (
        restore.recover_own_messages(store.engine, kafka_bootstrap, NAME, [topic], lambda: None)
        == 0
    )
    assert (
        store.rows(
            "SELECT event_id, message_key, message_type, correlation, body FROM outbox ORDER BY event_id"
        )
        == said
    )
    assert store.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)]
    quarantine.mark_recovered(store.engine)
    with store.engine.begin() as connection:
        quarantine.release(connection, "a", "x", approver=False)
        assert quarantine.release(connection, "b", "x", approver=True) == "released"
    assert look(store, kafka_bootstrap, topic) == ""


@pytest.mark.broker
def test_a_copy_of_a_time_that_did_not_go_on_is_for_a_person(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    """It holds a message that it had not sent; another one was sent under the same id."""
    say(store, kafka_bootstrap, topic, range(5))
    with store.engine.begin() as connection:
        run(
            connection,
            "UPDATE outbox SET published_at = NULL, body = body || ' ' WHERE event_id = :id",
            id=hint(3).event_id,
        )
    with pytest.raises(restore.RecoveryBlocked, match="did not go on"):
        restore.recover_own_messages(store.engine, kafka_bootstrap, NAME, [topic], lambda: None)


def test_it_takes_two_people_the_second_an_approver_and_everything_taken_back(store: Store) -> None:
    with store.engine.begin() as connection:
        with pytest.raises(quarantine.NotRecovered):
            quarantine.release(connection, "a", "x", approver=True)
        quarantine.start(connection, "old")
        with pytest.raises(quarantine.NotRecovered):
            quarantine.release(connection, "a", "x", approver=True)
    quarantine.mark_recovered(store.engine)
    with store.engine.begin() as connection:
        assert quarantine.release(connection, "a", "x", approver=True) == "proposed"
        assert quarantine.release(connection, "a", "x", approver=True) == "proposed"
        with pytest.raises(two_person.NotAllowed):
            quarantine.release(connection, "b", "x", approver=False)
    with store.engine.begin() as connection:
        quarantine.start(
            connection, "older still"
        )  # another copy came back before it was released: all that was settled is open again
        with pytest.raises(quarantine.NotRecovered):
            quarantine.release(connection, "b", "x", approver=True)
    quarantine.mark_recovered(store.engine)
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        run(
            connection,
            "UPDATE restored SET proposed_by = 'a', released_by = 'a', released_at = now()",
        )  # the database itself wants two
    with store.engine.begin() as connection:
        quarantine.release(connection, "c", "x", approver=False)
        assert quarantine.release(connection, "b", "x", approver=True) == "released"
        assert quarantine.find_open(connection) is None


def test_only_one_replica_takes_back(store: Store) -> None:
    with (
        quarantine.recovery_lock(store.engine) as first,
        quarantine.recovery_lock(store.engine) as second,
    ):
        assert (first, second) == (True, False)
    with quarantine.recovery_lock(store.engine) as again:
        assert again
