"""Signatures of calls: the gateway signs each call to a service, and the service verifies it.

Without it, whoever knew the internal token could act as any person, past the gateway's checks and
its audit log. A signature covers the service, method, path with query, person, roles, the body's
SHA-256, the time and an id of its own. It is good for a minute and, where the call changes
something, for one call.

    header = key id ":" seconds since 1970 ":" call id ":" SHA-256 of the body ":" signature

The SHA-256 of a body that is a stream (an upload) is not known when the call begins: it is "-".
What an upload holds is decided by people, who approve the digest of its rows.
"""

import base64
import binascii
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

DOMAIN = b"paydown call 1"
GATEWAY = "gateway"
STREAM = "-"
GOOD_FOR_S = 60


class CallRefused(Exception):
    """A call is not signed by the gateway. The message says why, and holds nothing secret."""


@dataclass(frozen=True)
class CallContents:
    """What a signature covers, as it is on the wire.

    `target`: path and query. `headers`: those that name the person, in a fixed order.
    """

    service: str
    method: str
    target: bytes
    headers: tuple[bytes, ...]

    def signed_bytes(self, at_s: int, call_id: str, body_hash: str) -> bytes:
        """The bytes that are signed. No part can hold the newline that separates them."""
        return b"\n".join(
            (
                DOMAIN,
                self.service.encode(),
                self.method.encode(),
                self.target,
                *self.headers,
                str(at_s).encode(),
                call_id.encode(),
                body_hash.encode(),
            )
        )


def hash_body(body: bytes) -> str:
    """The SHA-256 of a body as hex digits."""
    return sha256(body).hexdigest()


@dataclass(frozen=True)
class CallSigner:
    """Signs calls with one key of the gateway."""

    key_id: str
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, contents: CallContents, at_s: int, call_id: str, body_hash: str) -> str:
        """The header of one call.

        Args:
            at_s: now, in seconds since 1970.
            call_id: random, without a colon; no two calls have the same.
            body_hash: from `hash_body`, or STREAM.
        """
        signature = self.key.sign(contents.signed_bytes(at_s, call_id, body_hash))
        encoded = base64.b64encode(signature).decode()
        return f"{self.key_id}:{at_s}:{call_id}:{body_hash}:{encoded}"


@dataclass(frozen=True)
class SignedCall:
    """What a verified header says."""

    key_id: str
    at_s: int
    call_id: str
    body_hash: str


@dataclass
class CallVerifier:
    """Refuses calls that the gateway has not signed. May be used from several threads.

    Args:
        keys: the gateway's public keys by their ids; several, while they are changed.
    """

    keys: Mapping[str, Ed25519PublicKey]
    _used: OrderedDict[str, int] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def verify(self, contents: CallContents, header: str, now_s: int) -> SignedCall:
        """The call that a header signs.

        Args:
            now_s: this service's time, in seconds since 1970. The gateway's may differ from it by
                less than GOOD_FOR_S.

        Raises:
            CallRefused: it is not signed, or not now.
        """
        call = self.verify_evidence(contents, header)
        if abs(now_s - call.at_s) >= GOOD_FOR_S:
            raise CallRefused(f"the call was signed {now_s - call.at_s} s ago by this clock")
        return call

    def verify_evidence(self, contents: CallContents, header: str) -> SignedCall:
        """The call that a header signs, whenever that was: for what is kept as evidence.

        Raises:
            CallRefused: it is not signed.
        """
        parts = header.split(":")
        if len(parts) != 5 or len(parts[1]) > 12 or not parts[1].isdecimal():
            raise CallRefused("the call is not signed")
        key_id, at, call_id, body_hash, encoded = parts
        key = self.keys.get(key_id)
        if key is None:
            raise CallRefused("the call is signed with a key that is not known here")
        try:
            signature = base64.b64decode(encoded, validate=True)
            key.verify(signature, contents.signed_bytes(int(at), call_id, body_hash))
        except (InvalidSignature, binascii.Error):
            raise CallRefused("the signature is of another call") from None
        return SignedCall(key_id, int(at), call_id, body_hash)

    def use_once(self, call: SignedCall, now_s: int) -> None:
        """Note that a call that changes something is made.

        Raises:
            CallRefused: it was made before, in this process.
        """
        with self._lock:
            while self._used and next(iter(self._used.values())) <= now_s - 2 * GOOD_FOR_S:
                self._used.popitem(last=False)
            if call.call_id in self._used:
                raise CallRefused("the call was made before")
            self._used[call.call_id] = now_s
