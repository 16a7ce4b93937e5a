"""Rules of a delivery: who signed it, whether it is fresh, and what it names. No clock, no I/O."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from libs.common.contracts.errors import PaydownError

BODY_MAX_BYTES = 65_536
NAME_MAX = 128  # characters
#: Namespace of the event ids that are made from the provider's own.
PROVIDER_EVENTS = UUID("5f0c7a8e-6f0b-5b6e-9b57-3a4d1f0f7c11")


class UnverifiedDelivery(PaydownError):
    """The sender could not be shown to be the provider; `code` says at which check.

    Nothing in the delivery is believed.
    """

    code = "webhook.refused"


class UnreadableDelivery(PaydownError):
    """Correctly signed, but not a delivery: not a JSON object, or its names are not names."""

    code = "webhook.malformed"


@dataclass(frozen=True)
class Delivery:
    """What a delivery names. `provider_id` is empty if it names no object."""

    provider_event: str
    webhook_type: str
    provider_id: str

    @property
    def event_id(self) -> UUID:
        """The id of our message about it, made from the provider's event: a repeat has the same."""
        return uuid5(PROVIDER_EVENTS, self.provider_event)


@dataclass(frozen=True)
class VerifiedDelivery:
    """A delivery that the provider signed, with its raw bytes."""

    delivery: Delivery
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class RejectedDelivery:
    """A delivery that was not verified. Of its contents only size and digest are stored."""

    code: str
    remote: str
    body_bytes: int
    body_sha256: str
    received_at: datetime


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 over `<timestamp>:<raw body>`."""
    return hmac.new(secret.encode(), timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def verify(
    secrets: Sequence[str],
    timestamp: str,
    given: str,
    body: bytes,
    now_s: int,
    freshness_s: int,
) -> None:
    """Accept a delivery that the provider signed a short while ago.

    Args:
        secrets: shared with the provider; the signature may be of any of them.
        timestamp: UNIX seconds as text, as received.
        given: the signature, as received.
        body: the raw bytes.
        now_s: our clock, UNIX seconds.
        freshness_s: how far the timestamp may be from our clock, in seconds.

    Raises:
        UnverifiedDelivery: unsigned, signed by somebody else, too old or too far ahead. The
            signature is checked first, so an unknown sender learns nothing about our clock.
    """
    if not given or not timestamp:
        raise UnverifiedDelivery("the delivery is not signed", "webhook.unsigned")
    matches = [
        hmac.compare_digest(signature(secret, timestamp, body).encode(), given.encode())
        for secret in secrets
    ]
    if not any(matches):
        raise UnverifiedDelivery("the signature is not the provider's", "webhook.forged")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise UnverifiedDelivery("the timestamp is not a number of seconds", "webhook.stale")
    if abs(now_s - int(timestamp)) > freshness_s:
        raise UnverifiedDelivery(
            f"the delivery was signed more than {freshness_s} s from now", "webhook.stale"
        )


def read(body: bytes, timestamp: str) -> Delivery:
    """What a signed delivery names. Unknown types are read like any other.

    An older version of the provider's API sends no event id. Then the signed text itself is the
    event. A repeat at another second is one more hint, which costs one more read at the provider.

    Raises:
        UnreadableDelivery: it is not JSON, not an object, or a name in it is not a name.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableDelivery("the body is not JSON") from None
    if not isinstance(found, dict):
        raise UnreadableDelivery("the body is not a JSON object")
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
        raise UnreadableDelivery(f"{field} is not a name")
    if field == "event" and not value:
        raise UnreadableDelivery("event is empty")
    return value
