"""Encryption of personal fields ("sealed" fields), and keyed digests to compare them.

They may be on a topic instead of a clear value.
"""

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
    """An encrypted field cannot be decrypted: wrong key, wrong row, or changed bytes."""

    code = "seal.broken"


@dataclass(frozen=True)
class FieldCipher:
    """AES-256-GCM under named keys. The first key encrypts; every key decrypts."""

    keys: dict[str, AESGCM]
    primary: str

    @classmethod
    def parse(cls, text: str) -> "FieldCipher":
        """Read `id:base64key[,id:base64key]`, 32 bytes a key.

        Raises:
            ValueError: not of that form. The message never repeats the text.
        """
        keys: dict[str, AESGCM] = {}
        for part in text.split(","):
            name, _, encoded = part.partition(":")
            raw = base64.b64decode(encoded, validate=True)
            if not name or "." in name or len(raw) != 32:
                raise ValueError("seal keys must be id:base64 of 32 bytes")
            keys[name] = AESGCM(raw)
        return cls(keys, next(iter(keys)))

    def encrypt(self, text: str, field: str, row_id: str) -> str:
        """Encrypt a value and bind it to this field of this row.

        Returns:
            `<key id>.<base64 of nonce and ciphertext>`; other bytes on each call.
        """
        nonce = os.urandom(NONCE_BYTES)
        raw = self.keys[self.primary].encrypt(nonce, text.encode(), f"{field}:{row_id}".encode())
        return f"{self.primary}.{base64.b64encode(nonce + raw).decode()}"

    def decrypt(self, encrypted: str, field: str, row_id: str) -> str:
        """Decrypt what `encrypt` returned for this field of this row.

        Raises:
            DecryptionFailed: the key is unknown, or field, row or bytes are others.
        """
        name, _, encoded = encrypted.partition(".")
        key = self.keys.get(name)
        if key is None:
            raise DecryptionFailed(
                f"{field} of {row_id} is encrypted under the unknown key {name!r}"
            )
        try:
            raw = base64.b64decode(encoded, validate=True)
            return key.decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{field}:{row_id}".encode()
            ).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"{field} of {row_id} cannot be decrypted") from error


@dataclass(frozen=True)
class BlindIndex:
    """Keyed digests, to compare values that are encrypted.

    Without the key nobody can find the 8-digit number behind a digest by trying them all.
    """

    key: bytes

    @classmethod
    def parse(cls, text: str) -> "BlindIndex":
        """Read the key: base64 of at least 32 bytes.

        Raises:
            ValueError: it is not.
        """
        key = base64.b64decode(text, validate=True)
        if len(key) < 32:
            raise ValueError("the index key must be base64 of at least 32 bytes")
        return cls(key)

    def digest(self, kind: str, *parts: str) -> str:
        """32 hex digits, equal for equal kind and parts, whatever characters the parts hold."""
        message = "\x00".join([kind, *(f"{len(part)}:{part}" for part in parts)])
        return hmac.new(self.key, message.encode(), hashlib.sha256).hexdigest()[:32]
