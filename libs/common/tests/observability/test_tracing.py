"""What is recorded of work, of a relay's turn and of a consumer's; nothing is when it is off."""

import threading
from typing import Any

import pytest
from sqlalchemy import Connection

from libs.common.contracts.errors import Reject, Retry
from libs.common.contracts.message import Message
from libs.common.messaging import message_tracing
from libs.common.messaging.consumer import consume
from libs.common.observability import tracing
from libs.common.observability.trace_context import Context, batch_root, unrecorded_header
from libs.common.observability.tracing import Span
from libs.common.testing.memory_broker import MemorySource, MemoryTopic
from libs.common.tests.conftest import CONSUMER, TOPIC, Store
from libs.common.tests.factories import BATCH, hint, message, write
from libs.common.tests.fake_producer import Producer, add, publish
from libs.common.tests.messaging.test_consumer_transaction import refuse_odd
from libs.common.tests.recorded_spans import RecordedSpans

OTHER = "99999999-2222-4333-8444-555555555555"
FIRST = Context("11111111222243338444555555555555", "1111111122224333")


def msg(n: int, batch_id: str = BATCH, by: Context | str = "") -> Message:
    return message(hint(n), 0, n)._replace(
        correlation=batch_id, traceparent=by if isinstance(by, str) else by.header()
    )


class TestWork:
    def test_it_is_a_span_of_its_batch_under_the_first_one(self, recorded: RecordedSpans) -> None:
        with tracing.batch_span("read roster", BATCH, attributes={"paydown.attempt": 2}) as span:
            assert span is not None
            span["paydown.count"] = 3
        (span_,) = recorded.spans
        assert (span_.name, span_.kind, span_.at.trace, span_.parent, span_.error) == (
            "read roster",
            "internal",
            FIRST.trace,
            FIRST,
            "",
        )
        assert span_.attributes == {
            "paydown.batch_id": BATCH,
            "paydown.attempt": 2,
            "paydown.count": 3,
        }
        assert 0 <= span_.ended_ns - span_.began_ns < 1_000_000_000

    def test_an_error_is_named_by_its_kind_and_goes_on(self, recorded: RecordedSpans) -> None:
        with pytest.raises(Reject), tracing.batch_span("read roster", BATCH):
            raise Reject("Jane's loan 0012345678")
        assert recorded.spans[0].error == "Reject"
        assert "Jane" not in repr(recorded.spans)

    def test_what_is_of_no_batch_is_not_recorded(self, recorded: RecordedSpans) -> None:
        with tracing.batch_span("POST /entities", "") as span:
            assert span is None
        assert recorded.spans == []

    def test_a_batch_outside_the_share_is_not_recorded_at_all(self) -> None:
        made = RecordedSpans()
        tracing.start(made, share=0.0)
        with (
            tracing.batch_span("read roster", BATCH) as span,
            message_tracing.consumer_turn(CONSUMER, [msg(1)]),
        ):
            assert span is None
        tracing.stop()
        assert made.spans == []

    def test_when_off_nothing_is_made(self) -> None:
        assert not tracing.is_on()
        assert message_tracing.start_publication() is None
        assert (
            message_tracing.consumer_turn(CONSUMER, [])
            is message_tracing.part_of_turn(lambda: pytest.fail("asked"))
            is message_tracing.savepoint()
        )
        with tracing.batch_span("read roster", BATCH) as span:
            assert span is None

    def test_a_recorder_that_raises_is_never_asked_again_and_stops_nothing(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Broken(RecordedSpans):
            def record(self, span: Span) -> None:
                super().record(span)
                raise RuntimeError("a bug")

        broken = Broken()
        tracing.start(broken)
        for _ in range(3):
            with tracing.batch_span("read roster", BATCH):
                pass
        assert len(broken.spans) == 1
        assert not tracing.is_on()

    def test_it_is_stopped_once(self, recorded: RecordedSpans) -> None:
        tracing.stop(0.5)
        tracing.stop()
        assert recorded.stopped == [0.5]


class TestTurn:
    def test_each_batch_has_one_span_with_its_messages_under_who_published_them(
        self, recorded: RecordedSpans
    ) -> None:
        by, later, far = (
            tracing.child_of(FIRST),
            tracing.child_of(FIRST),
            Context("e" * 32, "f" * 16),
        )
        batch = [
            msg(1, by=by),
            msg(2, OTHER),
            msg(3, by=later),
            msg(4, by=by),
            msg(5, by=far),
            msg(6, ""),
        ]
        with message_tracing.consumer_turn(CONSUMER, batch):
            assert recorded.spans == []
        mine, other = recorded.named(f"process {TOPIC}")
        assert (mine.kind, mine.at.trace, mine.parent, mine.links) == (
            "consumer",
            FIRST.trace,
            by,
            (later, far),
        )
        assert mine.attributes == {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "paydown.batch_id": BATCH,
            "messaging.destination.name": TOPIC,
            "messaging.batch.message_count": 4,
            "messaging.consumer.group.name": CONSUMER,
        }
        assert (other.parent, other.links, other.attributes["messaging.batch.message_count"]) == (
            batch_root(OTHER),
            (),
            1,
        )

    def test_a_publisher_that_recorded_nothing_is_nobodys_parent(
        self, recorded: RecordedSpans
    ) -> None:
        with message_tracing.consumer_turn(
            CONSUMER, [msg(1, by=unrecorded_header(BATCH, str(hint(1).event_id)))]
        ):
            pass
        assert (recorded.spans[0].parent, recorded.spans[0].links) == (FIRST, ())

    def test_links_have_a_limit(self, recorded: RecordedSpans) -> None:
        with message_tracing.consumer_turn(
            CONSUMER, [msg(n, by=tracing.child_of(FIRST)) for n in range(100)]
        ):
            pass
        assert len(recorded.spans[0].links) < message_tracing.LINKS_MAX

    def test_parts_are_counted_by_batch_and_come_under_the_turn(
        self, recorded: RecordedSpans
    ) -> None:
        with message_tracing.consumer_turn(CONSUMER, [msg(1), msg(2, OTHER)]):
            for _ in range(2):
                with message_tracing.part_of_turn(
                    lambda: [
                        (BATCH, "post hold"),
                        (BATCH, "post hold"),
                        (OTHER, "post hold"),
                        (BATCH, "post settle"),
                    ]
                ):
                    pass
        turns = {
            span.attributes["paydown.batch_id"]: span for span in recorded.named(f"process {TOPIC}")
        }
        found = {
            (s.name, s.attributes["paydown.batch_id"]): s
            for s in recorded.spans
            if s.kind == "internal"
        }
        assert {key: s.attributes["paydown.count"] for key, s in found.items()} == {
            ("post hold", BATCH): 4,
            ("post hold", OTHER): 2,
            ("post settle", BATCH): 2,
        }
        assert all(span.parent == turns[batch_id].at for (_, batch_id), span in found.items())

    def test_what_was_rolled_back_left_no_part(self, recorded: RecordedSpans) -> None:
        def work() -> None:
            with message_tracing.part_of_turn(lambda: [(BATCH, "post hold")]):
                pass
            raise Retry("not now")

        with pytest.raises(Retry), message_tracing.consumer_turn(CONSUMER, [msg(1)]):
            work()
        assert [(s.name, s.error) for s in recorded.spans] == [(f"process {TOPIC}", "Retry")]

    def test_a_savepoint_that_was_rolled_back_left_no_part(self, recorded: RecordedSpans) -> None:
        def work() -> None:
            with message_tracing.part_of_turn(lambda: [(BATCH, "post hold")]):
                pass
            raise Reject("one is wrong")

        with message_tracing.consumer_turn(CONSUMER, [msg(1)]):
            with pytest.raises(Reject), message_tracing.savepoint():
                work()
            with (
                message_tracing.savepoint(),
                message_tracing.part_of_turn(lambda: [(BATCH, "post settle")]),
            ):
                pass
        assert [span.name for span in recorded.spans] == [f"process {TOPIC}", "post settle"]


@pytest.mark.database
class TestLoops:
    def test_messages_carry_the_span_of_their_turn_and_it_counts_what_kafka_took(
        self, recorded: RecordedSpans, store: Store
    ) -> None:
        add(store, [1, 2, 3])
        producer = Producer()
        assert publish(store, producer) == 3
        (sent,) = recorded.spans
        assert {dict(record["headers"])["traceparent"] for record in producer.given} == {
            sent.at.header()
        }
        assert (sent.name, sent.kind, sent.parent, sent.at.trace) == (
            "send provider-events",
            "producer",
            FIRST,
            FIRST.trace,
        )
        assert sent.attributes == {
            "messaging.system": "kafka",
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "paydown.batch_id": BATCH,
            "messaging.destination.name": "provider-events",
            "messaging.batch.message_count": 3,
        }

    def test_what_kafka_did_not_acknowledge_was_not_sent(
        self, recorded: RecordedSpans, store: Store
    ) -> None:
        add(store, [1, 2, 3])
        refused = Producer(lambda n: BufferError() if n else None)
        assert publish(store, refused) == 1
        assert [span.attributes["messaging.batch.message_count"] for span in recorded.spans] == [1]
        nothing = Producer(lambda _: BufferError())
        assert publish(store, nothing) == 0
        assert len(recorded.spans) == 1

    def test_the_loop_records_a_turn_when_it_has_been_committed(
        self, recorded: RecordedSpans, store: Store
    ) -> None:
        self.loop(store, write)
        (span,) = recorded.spans
        assert (
            span.attributes["messaging.batch.message_count"],
            span.attributes["messaging.consumer.group.name"],
            span.error,
        ) == (4, CONSUMER, "")
        assert span.parent == FIRST._replace(
            span="b" * 16
        )  # the malformed header of another message is no reason to refuse it
        assert len(store.applied()) == 4
        assert store.rows("SELECT FROM dead_letter") == []

    def test_a_turn_with_a_dead_letter_counts_only_what_stayed(
        self, recorded: RecordedSpans, store: Store
    ) -> None:
        def late(connection: Connection, events: Any) -> None:
            with message_tracing.part_of_turn(
                lambda: [(event.correlation, "write") for event in events]
            ):
                pass
            refuse_odd(connection, events)

        self.loop(store, late)
        assert {
            span.name: span.attributes["paydown.count"]
            for span in recorded.spans
            if span.kind == "internal"
        } == {"write": 2}
        assert len(store.applied()) == 2

    def test_a_dead_letter_is_logged_with_its_batch(
        self, store: Store, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.loop(store, refuse_odd)
        output = capsys.readouterr().out
        assert output.count(BATCH) == 2

    @staticmethod
    def loop(store: Store, apply: Any) -> None:
        """Four messages through the loop; one header is malformed."""
        topic, stop = MemoryTopic(TOPIC, 2, "id"), threading.Event()
        for n in range(4):
            header = FIRST._replace(span="b" * 16).header() if n else "00-nonsense"
            topic.append("one", hint(n).type, str(hint(n).event_id), hint(n).body(), BATCH, header)
        source = MemorySource(topic, CONSUMER, store.load)

        def beat() -> None:
            if store.offsets() and sum(store.offsets().values()) == 4:
                stop.set()

        consume(source, store.engine, CONSUMER, apply, stop, beat)
