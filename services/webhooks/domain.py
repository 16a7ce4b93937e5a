"""Rules of a delivery: whose it is, whether it is fresh, and what it names. No clock and no I/O here."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from uuid import UUID, uuid5

from libs.common.contracts.errors import PaydownError

BODY_MAX_BYTES = 65_536
NAME_MAX = 128
#: Namespace of the event ids made from the provider's own.
PROVIDER_EVENTS = UUID("5f0c7a8e-6f0b-5b6e-9b57-3a4d1f0f7c11")


class Refused(PaydownError):
    """The sender could not be shown to be the provider; `code` says at which check. Nothing of the delivery is believed."""

    code = "webhook.refused"


class Malformed(PaydownError):
    """Rightly signed, but not a delivery: not a JSON object, or its names are not names."""

    code = "webhook.malformed"


@dataclass(frozen=True)
class Delivery:
    """What a delivery names; `provider_id` is empty when it names no object."""

    provider_event: str
    webhook_type: str
    provider_id: str

    @property
    def event_id(self) -> UUID:
        """The id of our message about it: the provider's event makes it, so a redelivery is the same message."""
        return uuid5(PROVIDER_EVENTS, self.provider_event)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 over `<timestamp>:<raw body>`."""
    return hmac.new(secret.encode(), timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def verify(
    secret: str, timestamp: str, given: str, body: bytes, now_s: int, freshness_s: int
) -> None:
    """Accept a delivery that the provider signed a short while ago.

    Args:
        timestamp: UNIX seconds as text, as it came.
        given: the signature as it came.
        now_s: our clock, UNIX seconds.

    Raises:
        Refused: unsigned, signed by another, or too old or too far ahead. The signature is judged first, so that a stranger
            learns nothing about our clock.
    """
    if not given or not timestamp:
        raise Refused("the delivery is not signed", "webhook.unsigned")
    if not hmac.compare_digest(signature(secret, timestamp, body).encode(), given.encode()):
        raise Refused("the signature is not the provider's", "webhook.forged")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Refused("the timestamp is not a number of seconds", "webhook.stale")
    if abs(now_s - int(timestamp)) > freshness_s:
        raise Refused(
            f"the delivery was signed more than {freshness_s} s from now", "webhook.stale"
        )


def read(body: bytes, timestamp: str) -> Delivery:
    """What a signed delivery names. Types we do not know are read like any other.

    An older API version sends no event id: then the signed text itself is the event, so a repeat in other seconds is one
    more hint, which costs one more look at the provider and nothing else.

    Raises:
        Malformed: it cannot be read.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("the body is not a JSON object")
    event = found.get("event")
    if isinstance(event, dict):  # `expand_event`: the event itself instead of its id
        event = event.get("id")
    if event is None:
        event = f"sha256:{hashlib.sha256(timestamp.encode() + b':' + body).hexdigest()}"
    return Delivery(
        _name("event", event),
        _name("type", found.get("type", "")),
        _name("id", found.get("id") or ""),
    )


def _name(field: str, value: object) -> str:
    if (
        not isinstance(value, str)
        or len(value) > NAME_MAX
        or not (value.isascii() and value.isprintable())
    ):
        raise Malformed(f"{field} is not a name")
    if field == "event" and not value:
        raise Malformed("event is empty")
    return value
