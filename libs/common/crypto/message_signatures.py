"""Signatures of messages: each service signs what it publishes, and readers refuse anything else.

Whoever can write to Kafka could else make payments. A signature covers all that a reader acts on:
topic, type, event id, correlation, key and body. With another event id a true message could be
replayed, and would keep the event of that id out of the inbox.

To verify one Ed25519 signature takes three times as long as to consume a message, so the messages
of a turn of the relay share one: messages of one partition make groups of up to 32, and up to 48
groups make one signed list. Each message carries what is needed to verify it alone: the id of the
key, the signature, the hashes of the groups, and the hashes of its own group's messages.

    header = "2:" key id ":" signature (64) number of groups (1) group hash (16)… message hash (16)…

The form's number comes first. A header of another form counts as no signature.

A reader keeps the hashes that it has verified, so most messages cost one SHA-256 and one look-up.
Hashes are cut to 128 bits: to forge a message one must find a second preimage.
"""

import base64
import binascii
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message
from libs.common.contracts.topics import TOPICS

UNSIGNED, WRONG = "message.unsigned", "message.signature"
#: The codes of dead letters that were refused for their signature, and never applied.
CODES = (UNSIGNED, WRONG)
FORM = b"2:"
DOMAIN = b"paydown messages 2\n"
GROUP_MAX = 32
#: A full turn of the relay (1,000 messages on 12 partitions) makes 36 groups, and one signature.
GROUPS_MAX = 48
HASH_BYTES, SIGNATURE_BYTES = 16, 64
HEAD_PARTS = 5
KNOWN_MAX = 50_000
PRODUCERS = {topic.name: topic.producer for topic in TOPICS}


def message_hash(message: Message) -> bytes:
    """The hash of what a reader acts on. No part but the body may hold the NUL that ends it.

    Raises:
        Reject: one does.
    """
    topic, _, _, key, type_name, event_id, body, correlation, *_ = message
    head = f"{topic}\0{type_name}\0{event_id}\0{correlation}\0{key}\0"
    if head.count("\0") != HEAD_PARTS:
        raise Reject("its key or a header holds a NUL character", WRONG)
    return sha256(head.encode() + body).digest()[:HASH_BYTES]


def _group_hash(message_hashes: bytes) -> bytes:
    return sha256(b"group\0" + message_hashes).digest()[:HASH_BYTES]


@dataclass(frozen=True)
class Signer:
    """Signs with the first key of a list `id:base64[,id:base64]` of Ed25519 private keys."""

    key_id: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def parse(cls, keys: str) -> "Signer":
        """Read a list of private keys.

        Raises:
            ValueError: it is no such list. The message holds no key.
        """
        found = parse_private_keys(keys)
        key_id = next(iter(found))
        return cls(key_id, found[key_id])

    def sign(self, messages: Sequence[Message]) -> list[bytes]:
        """The headers of messages, in the same order.

        Those of one partition share groups, because they are read together. A wrong partition
        costs time, nothing else. Offsets and other headers are not signed.
        """
        headers = [b""] * len(messages)
        groups: dict[tuple[str, int], list[tuple[int, bytes]]] = defaultdict(list)
        closed: list[list[tuple[int, bytes]]] = []
        for place, message in enumerate(messages):
            group = groups[message.topic, message.partition]
            group.append((place, message_hash(message)))
            if len(group) == GROUP_MAX:
                closed.append(groups.pop((message.topic, message.partition)))
        closed += groups.values()
        for begin in range(0, len(closed), GROUPS_MAX):
            self._sign_groups(closed[begin : begin + GROUPS_MAX], headers)
        return headers

    def _sign_groups(
        self, groups: Sequence[Sequence[tuple[int, bytes]]], headers: list[bytes]
    ) -> None:
        hashes = [b"".join(one for _, one in group) for group in groups]
        listed = b"".join(map(_group_hash, hashes))
        head = b"".join(
            (
                FORM,
                self.key_id.encode(),
                b":",
                self.key.sign(DOMAIN + listed),
                bytes((len(groups),)),
                listed,
            )
        )
        for group, own in zip(groups, hashes, strict=True):
            for place, _ in group:
                headers[place] = head + own


@dataclass
class Verifier:
    """Refuses what the owner of a topic has not signed. Each consumer has one of its own.

    Args:
        keys: public keys by the service that signs and the id of the key. Several are accepted,
            so keys can be changed while services run.
        producers: the service that owns each topic.
        accept_unsigned: let messages without a signature pass, for the transition of an
            installation that is older than signatures. A wrong signature is refused all the same.
    """

    keys: Mapping[str, Mapping[str, Ed25519PublicKey]]
    accept_unsigned: bool = False
    producers: Mapping[str, str] = field(default_factory=lambda: PRODUCERS)
    _known: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set), repr=False)
    _known_groups: dict[str, set[bytes]] = field(
        default_factory=lambda: defaultdict(set), repr=False
    )

    @classmethod
    def parse(cls, keys: str, *, accept_unsigned: bool = False) -> "Verifier":
        """Read `service/id:base64[,service/id:base64]`, Ed25519 public keys.

        Raises:
            ValueError: it is no such list.
        """
        found: dict[str, dict[str, Ed25519PublicKey]] = defaultdict(dict)
        for part in filter(None, keys.split(",")):
            name, _, encoded = part.strip().partition(":")
            service, slash, key_id = name.partition("/")
            if not (service and slash and key_id):
                raise ValueError("public keys are service/id:base64[,service/id:base64]")
            found[service][key_id] = Ed25519PublicKey.from_public_bytes(_decode(encoded))
        return cls(found, accept_unsigned)

    def missing(self, producers: Collection[str]) -> list[str]:
        """The services among these of which there is no key."""
        return sorted({name for name in producers if not self.keys.get(name)})

    def refusals(self, messages: Sequence[Message]) -> list[Reject | None]:
        """Why each of these messages is refused; None if the owner of its topic signed it.

        Written for speed: one SHA-256 and one look-up for each message of a known group.
        """
        found: list[Reject | None] = []
        of_topic, known = "", set[bytes]()
        for message in messages:
            topic, _, _, key, type_name, event_id, body, correlation, _, _, signature = message
            if topic != of_topic:
                of_topic, known = topic, self._known[self.producers.get(topic, "")]
            head = f"{topic}\0{type_name}\0{event_id}\0{correlation}\0{key}\0"
            own = sha256(head.encode() + body).digest()[:HASH_BYTES]
            if own in known and head.count("\0") == HEAD_PARTS and signature.startswith(FORM):
                found.append(None)
            else:
                found.append(self._refusal(message))
        return found

    def _refusal(self, message: Message) -> Reject | None:
        try:
            self.verify(message)
        except Reject as reason:
            return reason
        return None

    def verify(self, message: Message) -> None:
        """Return if the owner of the message's topic signed it.

        Raises:
            Reject: not.
        """
        if not message.signature.startswith(FORM):
            if self.accept_unsigned:
                return
            raise Reject("it has no signature: its topic's owner did not write it", UNSIGNED)
        producer = self.producers.get(message.topic, "")
        known = self._known[producer]
        own = message_hash(message)
        if own in known:
            return
        hashes = self._verified_hashes(producer, message.signature)
        if own not in hashes:
            raise Reject("its signature is of other messages", WRONG)
        if len(known) > KNOWN_MAX:
            known.clear()
        known |= hashes

    def _verified_hashes(self, producer: str, header: bytes) -> set[bytes]:
        """The hashes of the messages of one group, once its signature is verified."""
        key_id, colon, rest = header.removeprefix(FORM).partition(b":")
        key = self.keys.get(producer, {}).get(key_id.decode("utf-8", "replace"))
        if key is None or not colon:
            raise Reject(
                f"it is not signed with a key of {producer or 'any service'} that is known here",
                WRONG,
            )
        count = rest[SIGNATURE_BYTES] if len(rest) > SIGNATURE_BYTES else 0
        begin = SIGNATURE_BYTES + 1
        end = begin + count * HASH_BYTES
        listed, own = rest[begin:end], rest[end:]
        if not 0 < len(own) <= GROUP_MAX * HASH_BYTES or len(own) % HASH_BYTES:
            raise Reject("its signature is cut off", WRONG)
        known, group = self._known_groups[producer], _group_hash(own)
        if group not in known:
            groups = _split(listed)
            if group not in groups:
                raise Reject("its signature is of other messages", WRONG)
            try:
                key.verify(rest[:SIGNATURE_BYTES], DOMAIN + listed)
            except InvalidSignature:
                raise Reject("its signature is wrong", WRONG) from None
            if len(known) > KNOWN_MAX:
                known.clear()
            known |= groups
        return _split(own)


def parse_private_keys(keys: str) -> dict[str, Ed25519PrivateKey]:
    """Private keys by id, in order.

    Raises:
        ValueError: it is no list `id:base64[,id:base64]`. The message holds no key.
    """
    found = {}
    for part in keys.split(","):
        key_id, colon, encoded = part.strip().partition(":")
        if not key_id or not colon or "/" in key_id:
            raise ValueError("signing keys are id:base64[,id:base64]")
        found[key_id] = Ed25519PrivateKey.from_private_bytes(_decode(encoded))
    return found


def public_keys(signing_keys: Mapping[str, str]) -> str:
    """The public keys of every service, from the private ones: what `Verifier.parse` reads."""
    return ",".join(
        f"{service}/{key_id}:" + base64.b64encode(key.public_key().public_bytes_raw()).decode()
        for service, keys in sorted(signing_keys.items())
        for key_id, key in parse_private_keys(keys).items()
    )


def _decode(encoded: str) -> bytes:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise ValueError("a key is 32 bytes in base64")
    return raw


def _split(hashes: bytes) -> set[bytes]:
    return {hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)}
