"""An older copy of a database is detected by its own newest messages.

They are recovered, and two people release the database.
"""

import re
import tracemalloc
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import IntegrityError

from libs.common.contracts import two_person
from libs.common.contracts.errors import Retry
from libs.common.contracts.message import Message
from libs.common.contracts.topics import PROVIDER_EVENTS, Topic
from libs.common.crypto.message_signatures import Signer, Verifier, public_keys
from libs.common.database.engine import run
from libs.common.messaging import kafka, outbox, relay, topic_reader
from libs.common.messaging.forged_messages import ForgedMessages
from libs.common.recovery import quarantine, restore
from libs.common.recovery.own_messages import OwnMessages
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.tests.crypto.test_message_signatures import key
from libs.common.tests.factories import hint, messages

pytestmark = pytest.mark.database
NAME = "teller"
OWN = OwnMessages(NAME)
OLD_KEY, NEW_KEY = f"teller-1:{key(1)}", f"teller-2:{key(2)}"
OUTBOX = """
    SELECT event_id, message_key, message_type, correlation, body
    FROM outbox
    ORDER BY event_id"""


@pytest.fixture
def topic(kafka_bootstrap: str) -> Topic:
    made = Topic(f"restored-{uuid.uuid4().hex[:8]}", "provider_id", NAME, ())
    kafka.create_topics(kafka_bootstrap, [made], partitions=3)
    return made


def publish(
    store: Store,
    bootstrap: str,
    topic: Topic,
    numbers: range,
    name: str = NAME,
    signer: Signer | None = None,
) -> None:
    """Send these messages through the outbox and the relay."""
    with store.engine.begin() as connection:
        outbox.add(connection, [hint(n, f"pmt_{n}") for n in numbers])
        run(connection, "UPDATE outbox SET topic = :topic", topic=topic.name)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        producer = kafka.producer(bootstrap)
        assert relay.publish(connection, producer, name=name, signer=signer) == len(numbers)


def forget(store: Store, numbers: range) -> None:
    """Bring the database back to before these messages."""
    with store.engine.begin() as connection:
        run(
            connection,
            "DELETE FROM outbox WHERE event_id = ANY(CAST(:ids AS uuid[]))",
            ids=[str(hint(n).event_id) for n in numbers],
        )


def quarantine_reason(store: Store, bootstrap: str, topic: Topic, own: OwnMessages = OWN) -> str:
    """Why the database is quarantined; "" if it is not.

    It is checked again while the broker does not answer, as a service does: a topic created just
    now has no leader yet.
    """

    def answered() -> bool:
        try:
            restore.detect_restore(store.engine, bootstrap, own, [topic])
        except Retry:
            return False
        return True

    assert wait_for(answered, 20)
    with store.engine.connect() as connection:
        row = quarantine.find_open(connection)
    return "" if row is None else str(row.why)


@pytest.mark.broker
def test_a_whole_database_is_not_quarantined_whatever_others_publish(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    assert quarantine_reason(store, kafka_bootstrap, topic) == "", "nothing was ever published"
    publish(store, kafka_bootstrap, topic, range(30))
    assert quarantine_reason(store, kafka_bootstrap, topic) == ""
    publish(store, kafka_bootstrap, topic, range(100, 130), name="another")
    forget(store, range(100, 130))
    assert quarantine_reason(store, kafka_bootstrap, topic) == ""


@pytest.mark.broker
def test_an_older_copy_is_quarantined_and_whole_again_once_its_messages_are_recovered(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    publish(store, kafka_bootstrap, topic, range(60))
    published = store.rows(OUTBOX)
    publish(
        store, kafka_bootstrap, topic, range(100, 105), name="another"
    )  # after ours: they do not hide ours
    forget(store, range(20, 60))
    forget(store, range(100, 105))
    with store.engine.begin() as connection:
        run(
            connection,
            "UPDATE outbox SET published_at = NULL WHERE event_id = :id",
            id=hint(3).event_id,
        )  # the copy does not know that it was published
    assert "older copy of itself" in quarantine_reason(store, kafka_bootstrap, topic)
    assert (
        restore.recover_own_messages(store.engine, kafka_bootstrap, OWN, [topic], lambda: None)
        == 40
    )
    assert (
        restore.recover_own_messages(store.engine, kafka_bootstrap, OWN, [topic], lambda: None) == 0
    )
    assert store.rows(OUTBOX) == published
    assert store.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)]
    quarantine.mark_recovered(store.engine)
    with store.engine.begin() as connection:
        quarantine.release(connection, "a", "x", approver=False)
        assert quarantine.release(connection, "b", "x", approver=True) == "released"
    assert quarantine_reason(store, kafka_bootstrap, topic) == ""


@pytest.mark.broker
def test_a_copy_with_messages_that_were_never_sent_blocks_the_recovery(
    store: Store, kafka_bootstrap: str, topic: Topic
) -> None:
    """It holds a message that it had not sent, and another was sent under the same id."""
    publish(store, kafka_bootstrap, topic, range(5))
    with store.engine.begin() as connection:
        run(
            connection,
            "UPDATE outbox SET published_at = NULL, body = body || ' ' WHERE event_id = :id",
            id=hint(3).event_id,
        )
    with pytest.raises(restore.RecoveryBlocked, match="did not go on"):
        restore.recover_own_messages(store.engine, kafka_bootstrap, OWN, [topic], lambda: None)


class TestMessagesThatCannotBeVerified:
    """They are in doubt: a key is missing, or somebody forged them."""

    @staticmethod
    def own(topic: Topic, keys: str, forged: str = "") -> OwnMessages:
        known = Verifier.parse(public_keys({NAME: keys})).keys
        verifier = Verifier(known, producers={topic.name: NAME})
        return OwnMessages(NAME, verifier.verify, ForgedMessages.parse(forged))

    @pytest.mark.broker
    def test_a_key_that_is_missing_neither_hides_a_restore_nor_stops_a_whole_database(
        self, store: Store, kafka_bootstrap: str, topic: Topic
    ) -> None:
        """Keys from the same backup as the database do not know the key that signed last."""
        publish(store, kafka_bootstrap, topic, range(20), signer=Signer.parse(OLD_KEY))
        publish(store, kafka_bootstrap, topic, range(20, 60), signer=Signer.parse(NEW_KEY))
        published = store.rows(OUTBOX)
        without = self.own(topic, OLD_KEY)
        assert quarantine_reason(store, kafka_bootstrap, topic, without) == ""
        forget(store, range(20, 60))
        left = store.rows(OUTBOX)
        assert "none of its public keys" in quarantine_reason(
            store, kafka_bootstrap, topic, without
        )
        with pytest.raises(restore.RecoveryBlocked, match=r"verified: 40, .*PUBLIC_KEYS"):
            restore.recover_own_messages(
                store.engine, kafka_bootstrap, without, [topic], lambda: None
            )
        assert store.rows(OUTBOX) == left
        # What can be verified is recovered also where forged messages lay before.
        places = ",".join(f"{topic.name}/{partition}/0-999" for partition in range(3))
        both = self.own(topic, f"{NEW_KEY},{OLD_KEY}", places)
        assert (
            restore.recover_own_messages(store.engine, kafka_bootstrap, both, [topic], lambda: None)
            == 40
        )
        assert store.rows(OUTBOX) == published

    @pytest.mark.broker
    def test_forged_messages_at_the_end_of_every_partition_do_not_hide_a_restore(
        self, store: Store, kafka_bootstrap: str, topic: Topic
    ) -> None:
        publish(store, kafka_bootstrap, topic, range(60), signer=Signer.parse(OLD_KEY))
        publish(store, kafka_bootstrap, topic, range(100, 400))  # unsigned
        forget(store, range(100, 400))
        places = ",".join(f"{topic.name}/{partition}/0-999" for partition in range(3))
        own = self.own(topic, OLD_KEY, places)
        assert quarantine_reason(store, kafka_bootstrap, topic, own) == ""
        forget(store, range(30, 60))
        assert "older copy of itself" in quarantine_reason(store, kafka_bootstrap, topic, own)

    @pytest.mark.broker
    def test_a_forged_message_quarantines_until_people_have_named_it(
        self, store: Store, kafka_bootstrap: str, topic: Topic
    ) -> None:
        publish(store, kafka_bootstrap, topic, range(20), signer=Signer.parse(OLD_KEY))
        published = store.rows(OUTBOX)
        publish(store, kafka_bootstrap, topic, range(90, 91))  # unsigned
        forget(store, range(90, 91))
        own = self.own(topic, OLD_KEY)
        why = quarantine_reason(store, kafka_bootstrap, topic, own)
        assert "somebody forged them" in why
        with pytest.raises(restore.RecoveryBlocked, match=r"verified: 1, .*FORGED_MESSAGES"):
            restore.recover_own_messages(store.engine, kafka_bootstrap, own, [topic], lambda: None)
        partition, offset = re.findall(r"partition (\d+), offset (\d+)", why)[0]
        named = self.own(topic, OLD_KEY, f"{topic.name}/{partition}/{offset}")
        assert (
            restore.recover_own_messages(
                store.engine, kafka_bootstrap, named, [topic], lambda: None
            )
            == 0
        )
        quarantine.mark_recovered(store.engine)
        with store.engine.begin() as connection:
            quarantine.release(connection, "a", "x", approver=False)
            quarantine.release(connection, "b", "x", approver=True)
        assert quarantine_reason(store, kafka_bootstrap, topic, named) == ""
        assert store.rows(OUTBOX) == published


def test_a_recovery_that_finds_all_in_doubt_keeps_no_bodies_in_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing key puts every message of a topic in doubt: they may be gigabytes."""
    verifier = Verifier({}, producers={"provider-events": NAME})
    body_bytes, count = 100_000, 200
    template = messages(1)[0]._replace(producer=NAME)

    def read(*_: object) -> Iterator[Message]:
        for offset in range(count):
            event_id = str(hint(offset).event_id)
            yield template._replace(offset=offset, event_id=event_id, body=bytes(body_bytes))

    monkeypatch.setattr(restore, "read_ranges", read)
    monkeypatch.setattr(restore, "full_ranges", lambda *_: {})
    monkeypatch.setattr(topic_reader, "BATCH_MAX", 10)
    tracemalloc.start()
    try:
        with pytest.raises(
            restore.RecoveryBlocked, match=rf"verified: {count}, .* partition 0, offset 0\."
        ):
            restore.recover_own_messages(
                store.engine,
                "127.0.0.1:1",
                OwnMessages(NAME, verifier.verify),
                [PROVIDER_EVENTS],
                lambda: None,
            )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < body_bytes * count / 4


def test_a_release_needs_two_people_the_second_an_approver_and_a_complete_recovery(
    store: Store,
) -> None:
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
        # Another copy was restored before the release: all has to be recovered once more.
        quarantine.start(connection, "older still")
        with pytest.raises(quarantine.NotRecovered):
            quarantine.release(connection, "b", "x", approver=True)
    quarantine.mark_recovered(store.engine)
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        run(
            connection,
            "UPDATE restored SET proposed_by = 'a', released_by = 'a', released_at = now()",
        )  # the database itself requires two people
    with store.engine.begin() as connection:
        quarantine.release(connection, "c", "x", approver=False)
        assert quarantine.release(connection, "b", "x", approver=True) == "released"
        assert quarantine.find_open(connection) is None


def test_only_one_replica_recovers(store: Store) -> None:
    with (
        quarantine.recovery_lock(store.engine) as first,
        quarantine.recovery_lock(store.engine) as second,
    ):
        assert (first, second) == (True, False)
    with quarantine.recovery_lock(store.engine) as again:
        assert again
