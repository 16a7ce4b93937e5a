"""Sealed personal fields and blind indexes: what may travel on a topic instead of a clear value."""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.contracts.errors import Reject

NONCE_BYTES = 12


class DecryptionFailed(Reject):
    """A sealed field does not open: another key, another row, or bytes that were changed."""

    code = "seal.broken"


@dataclass(frozen=True)
class FieldCipher:
    """AES-256-GCM under named keys; the first key seals, every known key opens."""

    keys: dict[str, AESGCM]
    primary: str

    @classmethod
    def parse(cls, text: str) -> "FieldCipher":
        """From `id:base64key[,id:base64key]`, 32 bytes a key.

        Raises:
            ValueError: not of that form. The text is never repeated in the message.
        """
        keys: dict[str, AESGCM] = {}
        for part in text.split(","):
            name, _, encoded = part.partition(":")
            raw = base64.b64decode(encoded, validate=True)
            if not name or "." in name or len(raw) != 32:
                raise ValueError("seal keys must be id:base64 of 32 bytes")
            keys[name] = AESGCM(raw)
        return cls(keys, next(iter(keys)))

    def seal(self, text: str, field: str, row_id: str) -> str:
        """`key-id.base64(nonce + ciphertext)`, bound to this field of this row. A second call gives other bytes."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self.keys[self.primary].encrypt(nonce, text.encode(), f"{field}:{row_id}".encode())
        return f"{self.primary}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, field: str, row_id: str) -> str:
        """The clear text.

        Raises:
            SealBroken: the key is unknown, or field, row or bytes are not those that were sealed.
        """
        name, _, encoded = sealed.partition(".")
        key = self.keys.get(name)
        if key is None:
            raise DecryptionFailed(f"{field} of {row_id} is sealed under the unknown key {name!r}")
        try:
            raw = base64.b64decode(encoded, validate=True)
            return key.decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{field}:{row_id}".encode()
            ).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"{field} of {row_id} does not open") from error


@dataclass(frozen=True)
class BlindIndex:
    """Keyed digests for equality only: nobody without the key can guess an 8-digit number from one."""

    key: bytes

    @classmethod
    def parse(cls, text: str) -> "BlindIndex":
        """From base64 of at least 32 bytes; raises ValueError otherwise."""
        key = base64.b64decode(text, validate=True)
        if len(key) < 32:
            raise ValueError("the index key must be base64 of at least 32 bytes")
        return cls(key)

    def of(self, kind: str, *parts: str) -> str:
        """32 hex digits; equal for equal (kind, parts), whatever characters the parts hold."""
        message = "\x00".join([kind, *(f"{len(part)}:{part}" for part in parts)])
        return hmac.new(self.key, message.encode(), hashlib.sha256).hexdigest()[:32]
