"""Whether a process has the keys of messages that it needs, checked before it does anything.

With a wrong key every message would be refused, by itself or by all who read what it publishes.
"""

from collections.abc import Collection

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message
from libs.common.contracts.topics import TOPICS, Topic
from libs.common.crypto.message_signatures import Signer, Verifier

SEE = "See docs/runbooks/keys.md."


def why_cannot_verify(service: str, verifier: Verifier, producers: Collection[str]) -> str:
    """Which of these services' messages could not be verified, in one sentence; "" if all can.

    Also where unsigned messages are accepted: what is signed is verified there as well.
    """
    missing = verifier.missing(producers)
    if not missing:
        return ""
    return f"{_setting(service, 'PUBLIC_KEYS')} has no key of {', '.join(missing)}. {SEE}"


def why_cannot_publish(service: str, signer: Signer | None, verifier: Verifier) -> str:
    """Why what this service publishes would not be believed, in one sentence; "" if it would.

    A probe is signed and verified: a key under the right id may still be another one.
    """
    topic = next((topic for topic in TOPICS if topic.producer == service), None)
    if topic is None:
        return ""
    signing_keys = _setting(service, "SIGNING_KEYS")
    if signer is None:
        return f"{signing_keys} is not set: nothing could be published. {SEE}"
    try:
        _probe(topic, signer, verifier)
    except Reject:
        return (
            f"{_setting(service, 'PUBLIC_KEYS')} has no key that verifies what the first of "
            f"{signing_keys} ({signer.key_id}) signs: every reader would refuse it. {SEE}"
        )
    return ""


def why_cannot_call(service: str) -> str:
    """Why no other service would answer this one, in one sentence."""
    return f"{_setting(service, 'SIGNING_KEYS')} is not set: no service would answer. {SEE}"


def _probe(topic: Topic, signer: Signer, verifier: Verifier) -> None:
    probe = Message(topic.name, 0, 0, "key", "probe.v1", "", b"{}")
    (signature,) = signer.sign([probe])
    verifier.verify(probe._replace(signature=signature))


def _setting(service: str, name: str) -> str:
    return f"PAYDOWN_{service.upper()}_{name}"
