"""Who signed a delivery, and what it names."""

import hashlib
import hmac
import json

import pytest

from services.webhooks import domain

SECRET, NOW = "a-secret-of-some-length", 1_790_000_000
BODY = (
    b'{"event":"evt_1","type":"payment.update","op":"update","id":"pmt_1",'
    b'"path":"/payments/pmt_1","webhook_id":"whk_1"}'
)


def signed(timestamp: str = str(NOW), body: bytes = BODY, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


def test_the_providers_delivery_is_accepted_up_to_the_limit_of_freshness() -> None:
    for age in (-300, 0, 300):
        domain.verify([SECRET], str(NOW - age), signed(str(NOW - age)), BODY, NOW, 300)


@pytest.mark.parametrize(
    ("timestamp", "given", "body", "code"),
    [
        (str(NOW), "", BODY, "webhook.unsigned"),
        ("", signed(), BODY, "webhook.unsigned"),
        (str(NOW), signed(secret="another-secret-of-it"), BODY, "webhook.forged"),
        (str(NOW), signed(), BODY + b" ", "webhook.forged"),
        (str(NOW + 1), signed(), BODY, "webhook.forged"),
        (str(NOW), signed().upper(), BODY, "webhook.forged"),
        (str(NOW), "ü" * 64, BODY, "webhook.forged"),
        (str(NOW - 301), signed(str(NOW - 301)), BODY, "webhook.stale"),
        (str(NOW + 301), signed(str(NOW + 301)), BODY, "webhook.stale"),
        ("soon", signed("soon"), BODY, "webhook.stale"),
        ("9" * 400, signed("9" * 400), BODY, "webhook.stale"),
    ],
)
def test_anything_else_is_refused(timestamp: str, given: str, body: bytes, code: str) -> None:
    with pytest.raises(domain.UnverifiedDelivery) as refused:
        domain.verify([SECRET], timestamp, given, body, NOW, 300)
    assert refused.value.code == code


def test_a_delivery_names_its_event_and_its_object() -> None:
    found = domain.read(BODY, str(NOW))
    assert found == domain.Delivery("evt_1", "payment.update", "pmt_1")
    assert found.event_id == domain.read(BODY.replace(b"whk_1", b"whk_2"), "1").event_id


def test_an_unknown_type_is_read_like_any_other() -> None:
    assert (
        domain.read(b'{"event":"evt_2","type":"moon.landing","id":"mon_1"}', "1").webhook_type
        == "moon.landing"
    )


def test_an_expanded_event_is_known_by_its_id() -> None:
    assert (
        domain.read(
            b'{"event":{"id":"evt_3"},"type":"payment.update","id":"pmt_1"}', "1"
        ).provider_event
        == "evt_3"
    )


def test_without_an_event_id_the_signed_text_is_the_event() -> None:
    old = b'{"id":"pmt_1","type":"payment.update","op":"update"}'
    assert (
        domain.read(old, "1").provider_event
        == domain.read(old, "1").provider_event
        != domain.read(old, "2").provider_event
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'"text"',
        b"\xff",
        b'{"event": 1}',
        b'{"event": ""}',
        b'{"event": "a\\u0000b"}',
        b"[" * 60_000,
        json.dumps({"event": "e" * 129}).encode(),
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(domain.UnreadableDelivery):
        domain.read(body, "1")


def test_any_of_the_secrets_in_use_may_have_signed() -> None:
    both = [SECRET, "the-secret-before-it"]
    for secret in both:
        domain.verify(both, str(NOW), signed(secret=secret), BODY, NOW, 300)
    with pytest.raises(domain.UnverifiedDelivery):
        domain.verify(both, str(NOW), signed(secret="a-third-secret-of-it"), BODY, NOW, 300)
    with pytest.raises(domain.UnverifiedDelivery):
        domain.verify([], str(NOW), signed(), BODY, NOW, 300)
