import json

import pytest

from libs.common.contracts.envelope import Event
from libs.common.contracts.errors import Reject
from libs.common.contracts.registry import UnknownEvent, parse, published_types
from libs.common.contracts.topics import TOPICS
from libs.common.tests.factories import hint

OURS = published_types()


def test_an_event_comes_back_from_its_bytes() -> None:
    assert parse("provider-event-received.v1", hint(1).body()) == hint(1)


def test_fields_of_a_newer_producer_are_ignored() -> None:
    body = json.dumps({**json.loads(hint(1).body()), "added_later": [1, 2]}).encode()
    assert parse("provider-event-received.v1", body) == hint(1)


@pytest.mark.parametrize("name", ["provider-event-received.v2", "", None, "Event"])
def test_an_unknown_type_or_version_is_rejected(name: str | None) -> None:
    with pytest.raises(UnknownEvent) as unknown:
        parse(name, hint(1).body())
    assert isinstance(unknown.value, Reject)
    assert unknown.value.code == "event.unknown"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"type": "provider-event-received.v1"}']
)
def test_a_body_that_does_not_fit_its_type_is_rejected(body: bytes) -> None:
    with pytest.raises(UnknownEvent):
        parse("provider-event-received.v1", body)


def test_the_error_names_the_field_and_never_the_value() -> None:
    body = json.dumps({**json.loads(hint(1).body()), "received_at": "Jane Roe 1999-01-01"}).encode()
    with pytest.raises(UnknownEvent) as unknown:
        parse("provider-event-received.v1", body)
    assert "received_at" in str(unknown.value)
    assert "Jane" not in str(unknown.value)


def test_an_event_is_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        hint(1).provider_id = "other"  # type: ignore[misc] # refused, which is tested


@pytest.mark.parametrize("known", OURS.values(), ids=OURS)
def test_every_event_is_on_a_topic_of_the_table_and_has_its_key(known: type[Event]) -> None:
    assert known.topic in TOPICS
    assert known.topic.key in known.model_fields
    assert known.name().endswith(".v1")


def test_every_topic_carries_something() -> None:
    assert {known.topic for known in OURS.values()} == set(TOPICS)
