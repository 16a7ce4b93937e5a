"""Messages that are wrong for ever, and worlds that are not ready, on a real broker."""

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
from tests.broker.field import Field

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


def send(field: Field, numbers: Sequence[int], **record: Any) -> None:
    """Hints on the field's topic; `record` replaces parts of each."""
    producer = kafka.producer(field.bootstrap)
    for number in numbers:
        body = hint(number)
        headers = [("type", body["type"]), ("event_id", body["event_id"]), ("correlation", "")]
        producer.produce(
            field.topic,
            **{"key": body["provider_id"], "value": json.dumps(body), "headers": headers, **record},
        )
    assert producer.flush(20) == 0


def write(connection: Connection, events: Sequence[Event]) -> None:
    for event in events:
        assert isinstance(event, ProviderEventReceived)
        run(
            connection,
            "INSERT INTO applied (consumer, account, number) SELECT min(consumer), :a, :n FROM tally",
            a=event.provider_id,
            n=int(event.provider_event),
        )


@contextmanager
def consuming(field: Field, apply: Apply) -> Iterator[Callable[[], int]]:
    """A consumer in a thread of this process; gives how often it beat."""
    stop, beats, failed = threading.Event(), list[int](), list[BaseException]()

    def work() -> None:
        source = kafka_source.KafkaSource(
            field.bootstrap,
            field.topic,
            field.topic,
            offsets.Offsets(field.engine, field.topic).load,
            50,
            1_000,
        )
        try:
            consume(source, field.engine, field.topic, apply, stop, lambda: beats.append(1))
        except BaseException as error:  # noqa: BLE001 - looked at below
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


def numbers(field: Field) -> list[int]:
    return sorted(row.number for row in field.rows("SELECT number FROM applied"))


def letters(field: Field) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in field.rows(
            "SELECT message_key, message_type, code FROM dead_letter ORDER BY dead_letter_id"
        )
    ]


def test_poison_becomes_a_dead_letter_the_partition_goes_on_and_a_redrive_applies_it(
    field: Field,
) -> None:
    def apply(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        for event in events:
            assert isinstance(event, ProviderEventReceived)
            if event.provider_event in {"7", "150"}:
                raise Reject("other money than before", "test.conflict")

    send(field, range(200))
    with consuming(field, apply):
        field.until_applied(198)
        send(field, range(200, 300))
        field.until_applied(298)
    assert numbers(field) == sorted(set(range(300)) - {7, 150})
    assert {letter[0] for letter in letters(field)} == {
        "a7",
        "a12",
    }  # of two partitions, between which there is no order
    assert len(letters(field)) == 2
    assert {letter[1:] for letter in letters(field)} == {
        ("provider-event-received.v1", "test.conflict")
    }
    for (letter,) in field.rows("SELECT dead_letter_id FROM dead_letter"):
        for expected in (True, False):
            with field.engine.begin() as connection:
                assert redrive(connection, letter, write, "pat") is expected
    assert numbers(field) == list(range(300))


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
def test_what_a_stranger_sends_is_parked_and_stops_nothing(
    field: Field, record: dict[str, Any], code: str
) -> None:
    send(field, range(50))
    send(field, [50], **{"key": "a4", **record})
    send(field, range(51, 100))
    with consuming(field, write):
        field.until_applied(99)
    assert numbers(field) == sorted(set(range(100)) - {50})
    assert [letter[2] for letter in letters(field)] == [code]


def test_retry_waits_and_skips_nothing(field: Field) -> None:
    ready, tries = threading.Event(), list[int]()

    def apply(connection: Connection, events: Sequence[Event]) -> None:
        write(connection, events)
        if not ready.is_set():
            tries.append(len(events))
            raise Retry("the world is down")

    send(field, range(100))
    with consuming(field, apply) as beats:
        field.until(lambda: len(tries) >= 4)
        assert beats() >= len(tries)
        assert numbers(field) == []
        assert len(set(tries)) == 1, "the same batch again and again"
        ready.set()
        field.until_applied(100)
    assert numbers(field) == list(range(100))
    assert letters(field) == []


def test_a_consumer_stopped_while_it_retries_leaves_everything_to_the_next(field: Field) -> None:
    tries: list[int] = []

    def never(connection: Connection, events: Sequence[Event]) -> None:
        tries.append(1)
        raise Retry("the world is down")

    send(field, range(100))
    with consuming(field, never):
        field.until(lambda: len(tries) >= 3)
    with consuming(field, write):
        field.until_applied(100)
    assert numbers(field) == list(range(100))


def test_a_message_that_comes_again_with_other_offsets_is_applied_once(field: Field) -> None:
    send(field, range(60))
    send(field, range(30, 90))
    with consuming(field, write):
        field.until_applied(90)
        field.until(
            lambda: sum(r[0] for r in field.rows("SELECT next_offset FROM consumer_offset")) == 120
        )
    assert numbers(field) == list(range(90))
