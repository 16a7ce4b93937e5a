"""Encryption of personal fields ("sealed" fields), and keyed digests to compare them.

They may be on a topic instead of a clear value. What belongs to one person is encrypted under a
key of that person's own, derived from the named key (`person_keys`): once it is destroyed, the
value is unreadable wherever it lies.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.contracts.errors import Reject
from libs.common.crypto.person_keys import SECRET_BYTES, KeyDestroyed, PersonKeys

NONCE_BYTES = 12
#: Shown instead of what was forgotten.
FORGOTTEN = "forgotten"


class DecryptionFailed(Reject):
    """An encrypted field cannot be decrypted: wrong key, wrong row, or changed bytes."""

    code = "seal.broken"


class Forgotten(DecryptionFailed):
    """The person's key was destroyed (`python -m ops forget`). Nobody can read the value."""

    code = "seal.forgotten"


def new_key() -> str:
    """A new key at random, with the root of the keys of people, as the settings have it."""
    raw = os.urandom(SECRET_BYTES)
    people = PersonKeys.of_root(os.urandom(SECRET_BYTES))
    return base64.b64encode(raw + people.to_bytes()).decode()


def _parse_keys(text: str) -> dict[str, tuple[bytes, PersonKeys | None]]:
    """{key id: (key, keys of people, None in a key that is older than they are)}.

    Raises:
        ValueError: not `id:base64[,id:base64]`. The message never repeats the text.
    """
    keys = {}
    for part in text.split(","):
        name, _, encoded = part.partition(":")
        raw = base64.b64decode(encoded, validate=True)
        if not name or set(name) & set(".~") or len(raw) < SECRET_BYTES:
            raise ValueError("seal keys must be id:base64 of 32 bytes or more")
        people = PersonKeys.parse(raw[SECRET_BYTES:])
        keys[name] = raw[:SECRET_BYTES], people if people.nodes else None
    return keys


def named_keys(text: str) -> dict[str, str]:
    """{key id: base64 of the key itself}, without the keys of people.

    Raises:
        ValueError: the text is no list of keys.
    """
    return {name: base64.b64encode(raw).decode() for name, (raw, _) in _parse_keys(text).items()}


def destroy(text: str, places: Iterable[str]) -> str:
    """The same keys, without those of the people at these places. A second call changes nothing.

    Raises:
        ValueError: the text is no list of keys.
    """
    gone, parts = tuple(places), []
    for name, (raw, people) in _parse_keys(text).items():
        left = people.without(gone).to_bytes() if people else b""
        parts.append(f"{name}:{base64.b64encode(raw + left).decode()}")
    return ",".join(parts)


def key_id_of(encrypted: str) -> str:
    """The id of the key that a value is encrypted under."""
    return encrypted.partition(".")[0].partition("~")[0]


def place_of(encrypted: str) -> str:
    """The place of the person whose key a value is encrypted under; empty if it is nobody's."""
    return encrypted.partition(".")[0].partition("~")[2]


@dataclass(frozen=True)
class FieldCipher:
    """AES-256-GCM under named keys. The first key encrypts; every key decrypts."""

    keys: dict[str, AESGCM]
    primary: str
    people: dict[str, PersonKeys] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "FieldCipher":
        """Read `id:base64key[,id:base64key]`: 32 bytes a key, then the keys of people.

        A key that is older than the keys of people has none, and encrypts everything itself.

        Raises:
            ValueError: not of that form. The message never repeats the text.
        """
        found = _parse_keys(text)
        return cls(
            {name: AESGCM(raw) for name, (raw, _) in found.items()},
            next(iter(found)),
            {name: people for name, (_, people) in found.items() if people},
        )

    def encrypt(self, text: str, field: str, row_id: str, place: str = "") -> str:
        """Encrypt a value and bind it to this field of this row.

        Args:
            place: of the person whom the value belongs to; empty if it belongs to nobody.

        Returns:
            `<key id>[~<place>].<base64 of nonce and ciphertext>`; other bytes on each call.

        Raises:
            Forgotten: the key of this place was destroyed.
        """
        return self._seal(
            self._sealing(place), os.urandom(NONCE_BYTES), text, f"{field}:{row_id}".encode()
        )

    def can_encrypt_for(self, place: str) -> bool:
        """Whether a value of the person at this place can be encrypted, and read again."""
        people = self.people.get(self.primary)
        return people is None or people.has(place)

    def encrypt_rows(
        self, fields: Sequence[str], rows: Sequence[tuple[str, Sequence[str], str]]
    ) -> list[list[str]]:
        """Encrypt the values of rows as `encrypt` does; an empty text stays empty.

        The random bytes of all nonces are drawn at once: each draw is a call of the system.

        Args:
            fields: the names of the fields, in the order of the texts.
            rows: (row id, texts, place of the person).
        """
        heads = [f"{field}:".encode() for field in fields]
        drawn = os.urandom(NONCE_BYTES * len(heads) * len(rows))
        nonces = (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))
        return [
            [
                self._seal(sealing, nonce, text, head + bound) if text else ""
                for head, text, nonce in zip(heads, texts, islice(nonces, len(heads)), strict=True)
            ]
            for bound, texts, sealing in (
                (row_id.encode(), texts, self._sealing(place)) for row_id, texts, place in rows
            )
        ]

    def _sealing(self, place: str) -> tuple[str, AESGCM]:
        """What stands in front of a value of this person, and the key that encrypts it."""
        people = self.people.get(self.primary) if place else None
        if people is None:
            return self.primary, self._primary_key
        try:
            return f"{self.primary}~{place}", people.key(place)
        except KeyDestroyed as error:
            raise Forgotten("the key of this person was destroyed") from error

    @staticmethod
    def _seal(sealing: tuple[str, AESGCM], nonce: bytes, text: str, bound: bytes) -> str:
        """Encrypt under a nonce that was never used before, bound to a field of a row."""
        name, key = sealing
        raw = key.encrypt(nonce, text.encode(), bound)
        return f"{name}.{binascii.b2a_base64(nonce + raw, newline=False).decode()}"

    @cached_property
    def _primary_key(self) -> AESGCM:
        return self.keys[self.primary]

    @property
    def has_forgotten(self) -> bool:
        """Whether the key of anybody was destroyed."""
        return any(not people.is_whole for people in self.people.values())

    def is_destroyed(self, place: str) -> bool:
        """Whether the key of this place was destroyed under any named key."""
        return any(not people.has(place) for people in self.people.values())

    def is_forgotten(self, encrypted: str) -> bool:
        """Whether the key of the person whom a value belongs to was destroyed."""
        place, people = place_of(encrypted), self.people.get(key_id_of(encrypted))
        return bool(place) and people is not None and not people.has(place)

    def is_any_forgotten(self, *encrypted: str) -> bool:
        """Whether one of these values of a row is forgotten."""
        return any(self.is_forgotten(value) for value in encrypted)

    def decrypt_or_forgotten(self, encrypted: str, field: str, row_id: str) -> str:
        """Decrypt for people: nothing stays nothing, and what was forgotten is `FORGOTTEN`.

        Raises:
            DecryptionFailed: as `decrypt`.
        """
        try:
            return self.decrypt(encrypted, field, row_id) if encrypted else ""
        except Forgotten:
            return FORGOTTEN

    def decrypt(self, encrypted: str, field: str, row_id: str) -> str:
        """Decrypt what `encrypt` returned for this field of this row.

        Raises:
            Forgotten: the person's key was destroyed.
            DecryptionFailed: the key is unknown, or field, row or bytes are others.
        """
        name, _, encoded = encrypted.partition(".")
        key = self._opening(name)
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

    def _opening(self, name: str) -> AESGCM | None:
        """The key named in front of a value; None if these keys do not have it."""
        key_id, _, place = name.partition("~")
        if not place:
            return self.keys.get(key_id)
        try:
            return self.people[key_id].key(place) if key_id in self.people else None
        except KeyDestroyed as error:
            raise Forgotten("the key of this person was destroyed") from error
        except ValueError:
            return None


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
        message = "\x00".join([kind, *[f"{len(part)}:{part}" for part in parts]])
        made = self._empty.copy()
        made.update(message.encode())
        return made.hexdigest()[:32]

    @cached_property
    def _empty(self) -> hmac.HMAC:
        """The HMAC of nothing: a copy of it takes less time than one made of the key."""
        return hmac.new(self.key, digestmod="sha256")
