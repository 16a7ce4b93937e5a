"""The relay sends the outbox in order, and marks only what Kafka acknowledged."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy import Engine, event

from libs.common.contracts.errors import Fatal, Retry
from libs.common.contracts.message import Message
from libs.common.crypto.message_signatures import Signer
from libs.common.messaging import outbox, relay
from libs.common.messaging.written_offsets import WrittenOffsets
from libs.common.observability.clock_difference import ClockComparison
from libs.common.observability.trace_context import unrecorded_header
from libs.common.testing.waiting import wait_for
from libs.common.tests.conftest import Store
from libs.common.tests.crypto.test_message_signatures import KEYS, key, verifier
from libs.common.tests.factories import BATCH, hint
from libs.common.tests.fake_producer import Producer, add, publish, waiting


@pytest.mark.database
class TestPublish:
    def test_a_message_carries_what_a_reader_needs(self, store: Store) -> None:
        add(store, [1])
        producer = Producer()
        assert publish(store, producer) == 1
        (record,) = producer.given
        assert (record["topic"], record["key"], record["value"].encode()) == (
            "provider-events",
            "pmt_1",
            hint(1).body(),
        )
        event_id = str(hint(1).event_id)
        assert dict(record["headers"]) == {
            "event_id": event_id,
            "type": "provider-event-received.v1",
            "correlation": BATCH,
            "traceparent": unrecorded_header(BATCH, event_id),
            "producer": "webhooks",
        }

    def test_what_it_sends_is_signed_with_the_key_of_that_moment(self, store: Store) -> None:
        add(store, range(40))
        for keys in (KEYS["webhooks"], f"webhooks-2:{key(9)},{KEYS['webhooks']}"):
            producer, acting = Producer(), Signer.parse(keys)
            publish(store, producer, signer=acting)
            accepted = verifier({"webhooks": keys})
            for record in producer.given:
                headers = dict(record["headers"])
                assert headers["signature"].startswith(f"2:{acting.key_id}:".encode())
                accepted.verify(
                    Message(
                        record["topic"],
                        0,
                        0,
                        record["key"],
                        headers["type"],
                        headers["event_id"],
                        record["value"].encode(),
                        headers["correlation"],
                        signature=headers["signature"],
                    )
                )
            assert len(producer.given) == 40
            with store.engine.begin() as connection:  # a broker that lost everything
                outbox.mark_unpublished(connection, ["provider-events"])

    def test_oldest_first_and_no_more_than_asked_for(self, store: Store) -> None:
        sent = add(store, range(25))
        producer = Producer()
        assert [publish(store, producer, 10) for _ in range(4)] == [10, 10, 5, 0]
        assert producer.ids() == sent

    def test_only_what_was_acknowledged_is_marked_and_the_rest_goes_again(
        self, store: Store
    ) -> None:
        sent = add(store, range(10))
        assert (
            publish(
                store,
                Producer(lambda n: KafkaError(KafkaError._MSG_TIMED_OUT) if n % 3 == 0 else None),
            )
            == 6
        )
        assert waiting(store) == sent[::3]
        second = Producer()
        assert publish(store, second) == 4
        assert second.ids() == sent[::3]

    @pytest.mark.parametrize(
        "refusal",
        [BufferError("queue full"), KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))],
    )
    def test_after_a_refused_one_nothing_is_sent_in_this_turn(
        self, store: Store, refusal: Exception
    ) -> None:
        sent = add(store, range(10))
        producer = Producer(lambda n: refusal if n == 4 else None)
        assert publish(store, producer) == 4
        assert producer.ids() == sent[:4]
        assert waiting(store) == sent[4:]

    def test_what_is_not_answered_in_time_is_given_up_and_not_marked(self, store: Store) -> None:
        sent = add(store, range(3))
        producer = Producer()
        producer.silent = True
        assert publish(store, producer) == 0
        assert producer.purged
        assert waiting(store) == sent

    @pytest.mark.parametrize("broker_answers", [True, False])
    def test_a_producer_that_sends_nothing_is_given_up_if_the_broker_answers_another(
        self, store: Store, broker_answers: bool
    ) -> None:
        sent = add(store, range(3))
        producer: Any = Producer()
        producer.silent = True
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            with pytest.raises(Retry) if broker_answers else nullcontext():
                relay.publish(connection, producer, broker_answers=lambda: broker_answers)
            assert waiting(store) == sent
            producer = Producer()
            relay.publish(connection, producer, broker_answers=lambda: True)
            relay.publish(connection, producer, broker_answers=lambda: True)  # nothing to send
        assert waiting(store) == []

    def test_a_producer_that_can_never_send_again_ends_the_process(self, store: Store) -> None:
        sent = add(store, range(3))
        with pytest.raises(Fatal):
            publish(
                store,
                Producer(
                    lambda _: KafkaException(
                        KafkaError(KafkaError._FATAL, "out of order", fatal=True)
                    )
                ),
            )
        assert waiting(store) == sent

    def test_a_later_id_that_commits_first_makes_nobody_skip_the_earlier(
        self, store: Store
    ) -> None:
        with store.engine.begin() as slow:
            outbox.add(slow, [hint(1)])
            add(store, [2])
            assert publish(store, Producer()) == 1
        producer = Producer()
        assert publish(store, producer) == 1
        assert producer.ids() == [str(hint(1).event_id)]


@contextmanager
def relaying(
    engine: Engine, producer: Producer
) -> Iterator[tuple[threading.Thread, threading.Event]]:
    stop = threading.Event()
    thread = threading.Thread(target=relay.publish_until_stopped, args=(engine, producer, stop))
    thread.start()
    try:
        yield thread, stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


@pytest.mark.database
class TestRelay:
    def test_of_two_one_works_and_the_other_takes_over_even_in_the_same_process(
        self, store: Store
    ) -> None:
        one, two = Producer(), Producer()
        with relaying(store.engine, one) as (first, stop_one):
            sent = add(store, range(5))
            assert wait_for(lambda: waiting(store) == [], 10)
            with relaying(store.engine, two):
                sent += add(store, range(5, 10))
                assert wait_for(lambda: waiting(store) == [], 10)
                assert (one.ids(), two.ids()) == (sent, [])
                stop_one.set()
                assert wait_for(lambda: not first.is_alive(), 10)
                late = add(store, range(10, 15))
                assert wait_for(lambda: waiting(store) == [], 10)
        assert one.ids() + two.ids() == sent + late

    def test_it_gives_the_lock_back_when_it_ends(self, store: Store) -> None:
        with relaying(store.engine, Producer()):
            assert wait_for(lambda: _holders(store) == 1, 10)
        assert wait_for(lambda: _holders(store) == 0, 5)

    @pytest.mark.parametrize("how", ["the server says so", "without a word"])
    def test_it_outlives_its_connection(self, store: Store, how: str) -> None:
        producer, opened = Producer(), list[Any]()
        store.engine.dispose()
        event.listen(store.engine, "connect", keep := lambda raw, _: opened.append(raw))
        with relaying(store.engine, producer):
            add(store, [1])
            assert wait_for(lambda: waiting(store) == [], 10)
            if how == "without a word":  # as when the server's machine has died
                for raw in opened:
                    with socket.socket(fileno=os.dup(raw.fileno())) as link:
                        link.shutdown(socket.SHUT_RDWR)
            else:
                store.rows(
                    """
                    SELECT pg_terminate_backend(pid)
                    FROM pg_stat_activity
                    WHERE usename = current_user
                      AND pid <> pg_backend_pid()"""
                )
            time.sleep(0.5)  # so that it finds out while it waits
            add(store, [2])
            assert wait_for(lambda: waiting(store) == [], 10)
            event.remove(store.engine, "connect", keep)
        assert producer.ids() == [str(hint(n).event_id) for n in (1, 2)]

    def test_while_nothing_happens_it_asks_nothing_and_an_event_goes_at_once(
        self, store: Store
    ) -> None:
        producer, asked = Producer(), list[str]()
        event.listen(
            store.engine,
            "before_cursor_execute",
            note := lambda _c, _cursor, sql, *_: asked.append(sql),
        )
        with relaying(store.engine, producer) as (thread, stop):
            assert wait_for(lambda: any("FROM outbox" in sql for sql in asked), 10)
            before = len(asked)
            time.sleep(2.5)
            event.remove(store.engine, "before_cursor_execute", note)
            assert asked[before:] == []
            began = time.monotonic()
            add(store, [1])
            assert wait_for(lambda: bool(producer.given), 5)
            assert time.monotonic() - began < 1
            stop.set()
            thread.join(relay.AGAIN_S + 1)
            assert not thread.is_alive()

    def test_two_statements_carry_a_thousand_events(self, store: Store) -> None:
        sent, producer, asked = add(store, range(2_500)), Producer(), list[str]()
        event.listen(
            store.engine,
            "before_cursor_execute",
            note := lambda _c, _cursor, sql, *_: asked.append(sql),
        )
        with relaying(store.engine, producer):
            assert wait_for(lambda: len(producer.given) == 2_500, 20)
        event.remove(store.engine, "before_cursor_execute", note)
        assert producer.ids() == sent
        assert sum("outbox" in sql and "LISTEN" not in sql for sql in asked) == 2 * 3

    def test_what_was_not_acknowledged_is_sent_again_soon(self, store: Store) -> None:
        producer = Producer(lambda n: KafkaError(KafkaError._MSG_TIMED_OUT) if n == 0 else None)
        with relaying(store.engine, producer):
            add(store, [1])
            assert wait_for(lambda: waiting(store) == [], relay.LOOK_S / 2)
        assert len(producer.given) == 2


def _holders(store: Store) -> int:
    return int(
        store.rows(
            """
            SELECT count(*)
            FROM pg_locks
            JOIN pg_database ON pg_database.oid = pg_locks.database
            WHERE locktype = 'advisory'
              AND objid = :lock
              AND granted
              AND datname = current_database()""",
            lock=relay.RELAY_LOCK,
        )[0][0]
    )


@pytest.mark.parametrize(("ahead_s", "words"), [(0.0, ""), (9.0, "ahead of"), (-9.0, "behind")])
def test_what_is_sent_compares_the_brokers_clock(store: Store, ahead_s: float, words: str) -> None:
    clock = ClockComparison("the broker", precision_s=0.001)
    producer = Producer()
    producer.clock_ahead_s = ahead_s
    acting: Any = producer
    for number in range(3):
        add(store, [number])
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            relay.publish(connection, acting, broker_clock=clock)
    found = clock.check()["clock of the broker"]
    assert (words in found) if words else found == ""


@pytest.mark.database
class TestOlderTopic:
    """The topic was restored from an older copy, which ends before what was written."""

    def test_what_is_written_where_other_messages_were_is_not_marked(self, store: Store) -> None:
        sent = add(store, range(3))
        producer, written = Producer(), WrittenOffsets({("provider-events", 0): 10})
        producer.next_offset = 4
        acting: Any = producer
        connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with connection, pytest.raises(Fatal):
            relay.publish(connection, acting, name="webhooks", written=written)
        assert waiting(store) == sent

    def test_a_repeated_send_whose_offset_is_not_told_is_marked(self, store: Store) -> None:
        add(store, range(3))
        producer, written = Producer(), WrittenOffsets({("provider-events", 0): 10})
        producer.next_offset = None
        acting: Any = producer
        connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with connection:
            relay.publish(connection, acting, name="webhooks", written=written)
        assert waiting(store) == []

    def test_it_ends_the_relay_that_wrote_before(self, store: Store) -> None:
        producer, ended = Producer(), list[str]()

        def work() -> None:
            acting: Any = producer
            try:
                relay.publish_until_stopped(store.engine, acting, threading.Event())
            except Fatal as error:
                ended.append(error.code)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        add(store, range(5))
        assert wait_for(lambda: waiting(store) == [], 10)
        producer.next_offset = 2
        late = add(store, range(5, 7))
        thread.join(10)
        assert ended == ["kafka.topic-older"]
        assert waiting(store) == late
