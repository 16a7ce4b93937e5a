"""Messages that are rejected for ever, and messages that must wait, on a real broker."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Connection

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject, Retry
from libs.common.contracts.events.provider import ProviderEventReceived
from libs.common.database.engine import run
from libs.common.messaging import kafka, kafka_source, offsets
from libs.common.messaging.consumer import Apply, consume, redrive
from tests.broker.harness import Harness

pytestmark = [pytest.mark.broker, pytest.mark.database]
SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def hint(number: int) -> dict[str, Any]:
    return {
        "type": "provider-event-received.v1",
        "event_id": str(uuid5(SPACE, str(number))),
        "occurred_at": "2025-03-14T09:26:00Z",
        "provider_id": f"a{number % 23}",
        "provider_event": str(number),
        "webhook_type": "payment.update",
        "received_at": "2025-03-14T09:26:00Z",
    }


def send(harness: Harness, numbers: Sequence[int], **record: Any) -> None:
    """Publish hints on the harness's topic; `record` replaces parts of each."""
    producer = kafka.producer(harness.bootstrap)
    for number in numbers:
        body = hint(number)
        headers = [("type", body["type"]), ("event_id", body["event_id"]), ("correlation", "")]
        producer.produce(
            harness.topic,
            **{"key": body["provider_id"], "value": json.dumps(body), "headers": headers, **record},
        )
    assert producer.flush(20) == 0


def write(connection: Connection, events: Sequence[Event]) -> None:
    for event in events:
        assert isinstance(event, ProviderEventReceived)
        run(
            connection,
            """
            INSERT INTO applied (consumer, account, number)
            SELECT min(consumer), :a, :n
            FROM tally""",
            a=event.provider_id,
            n=int(event.provider_event),
        )


@contextmanager
def consuming(harness: Harness, apply: Apply) -> Iterator[Callable[[], int]]:
    """A consumer in a thread of this process; yields the count of its heartbeats."""
    stop, beats, failed = threading.Event(), list[int](), list[BaseException]()

    def work() -> None:
        source = kafka_source.KafkaSource(
            harness.bootstrap,
            harness.topic,
            harness.topic,
            offsets.Offsets(harness.engine, harness.topic).load,
            50,
            1_000,
        )
        try:
            consume(source, harness.engine, harness.topic, apply, stop, lambda: beats.append(1))
        except BaseException as error:  # noqa: BLE001 - asserted below
            failed.append(error)
        finally:
            source.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: len(beats)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert failed == []


def numbers(harness: Harness) -> list[int]:
    return sorted(row.number for row in harness.rows("SELECT number FROM applied"))


def letters(harness: Harness) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in harness.rows(
            "SELECT message_key, message_type, code FROM dead_letter ORDER BY dead_letter_id"
        )
    ]


def test_poison_becomes_a_dead_letter_the_partition_goes_on_and_a_redrive_applies_it(
    harness: Harness,
) -> None:
    def apply(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        for event in events:
            assert isinstance(event, ProviderEventReceived)
            if event.provider_event in {"7", "150"}:
                raise Reject("other money than before", "test.conflict")

    send(harness, range(200))
    with consuming(harness, apply):
        harness.wait_until_applied(198)
        send(harness, range(200, 300))
        harness.wait_until_applied(298)
    assert numbers(harness) == sorted(set(range(300)) - {7, 150})
    # they are of two partitions, between which there is no order
    assert {letter[0] for letter in letters(harness)} == {"a7", "a12"}
    assert len(letters(harness)) == 2
    assert {letter[1:] for letter in letters(harness)} == {
        ("provider-event-received.v1", "test.conflict")
    }
    for (letter,) in harness.rows("SELECT dead_letter_id FROM dead_letter"):
        for expected in (True, False):
            with harness.engine.begin() as connection:
                assert redrive(connection, letter, write, "pat") is expected
    assert numbers(harness) == list(range(300))


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (
            {
                "headers": [
                    ("type", "provider-event-received.v9"),
                    ("event_id", str(uuid5(SPACE, "50"))),
                ]
            },
            "event.unknown",
        ),
        ({"value": b"\xff{"}, "event.unknown"),
        ({"headers": []}, "event.no-id"),
        (
            {"headers": [("type", b"\xff"), ("event_id", None)], "key": b"\xfe\x00", "value": None},
            "event.no-id",
        ),
        (
            {
                "headers": [
                    ("type", "provider-event-received.v1"),
                    ("event_id", str(uuid5(SPACE, "other"))),
                ]
            },
            "event.other-id",
        ),
    ],
    ids=["unknown-version", "no-json", "no-headers", "no-utf8-and-a-tombstone", "other-id"],
)
def test_what_an_unknown_client_sends_becomes_a_dead_letter_and_stops_nothing(
    harness: Harness, record: dict[str, Any], code: str
) -> None:
    send(harness, range(50))
    send(harness, [50], **{"key": "a4", **record})
    send(harness, range(51, 100))
    with consuming(harness, write):
        harness.wait_until_applied(99)
    assert numbers(harness) == sorted(set(range(100)) - {50})
    assert [letter[2] for letter in letters(harness)] == [code]


def test_retry_waits_and_skips_nothing(harness: Harness) -> None:
    ready, tries = threading.Event(), list[int]()

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        if not ready.is_set():
            tries.append(len(events))
            raise Retry("the database is away")

    send(harness, range(100))
    with consuming(harness, apply) as beats:
        harness.wait_until(lambda: len(tries) >= 4)
        assert beats() >= len(tries)
        assert numbers(harness) == []
        assert len(set(tries)) == 1, "the same batch again and again"
        ready.set()
        harness.wait_until_applied(100)
    assert numbers(harness) == list(range(100))
    assert letters(harness) == []


def test_a_consumer_stopped_while_it_retries_leaves_everything_to_the_next(
    harness: Harness,
) -> None:
    tries: list[int] = []

    def never(connection: Connection, events: Sequence[Event]) -> None:
        tries.append(1)
        raise Retry("the database is away")

    send(harness, range(100))
    with consuming(harness, never):
        harness.wait_until(lambda: len(tries) >= 3)
    with consuming(harness, write):
        harness.wait_until_applied(100)
    assert numbers(harness) == list(range(100))


def test_a_message_that_comes_again_with_other_offsets_is_applied_once(harness: Harness) -> None:
    send(harness, range(60))
    send(harness, range(30, 90))
    with consuming(harness, write):
        harness.wait_until_applied(90)
        harness.wait_until(
            lambda: (
                sum(r[0] for r in harness.rows("SELECT next_offset FROM consumer_offset")) == 120
            )
        )
    assert numbers(harness) == list(range(90))
