"""Encryption of personal fields, and the blind indexes by which equal values are found."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.field_encryption import BlindIndex, FieldCipher, place_of
from libs.common.crypto.person_keys import PLACE_DIGITS


@dataclass(frozen=True)
class FieldEncryption:
    """The cipher and the blind index of personal fields. An empty text stays empty."""

    cipher: FieldCipher
    index: BlindIndex

    @classmethod
    def parse(cls, cipher_keys: str, index_key: str) -> "FieldEncryption":
        """Read both keys from the settings.

        Raises:
            SettingsError: they cannot be used. The message does not repeat them.
        """
        try:
            return cls(FieldCipher.parse(cipher_keys), BlindIndex.parse(index_key))
        except ValueError as error:
            raise SettingsError(
                f"PAYDOWN_INGEST_SEAL_KEYS or PAYDOWN_INGEST_INDEX_KEY cannot be used: {error}."
            ) from None

    def encrypt(self, text: str, field: str, row_id: str, place: str = "") -> str:
        """Encrypt a value for one field of one row. A second call gives other bytes.

        Args:
            place: of the person whom the value belongs to; empty if it belongs to nobody.
        """
        return self.cipher.encrypt(text, field, row_id, place) if text else ""

    def place(self, person_key: str) -> str:
        """The place of a person's key (`person_keys`); empty for nobody.

        A keyed digest, so that who has a list of places does not know whose they are. A person who
        was forgotten and is in a roster again gets another place.
        """
        if not person_key:
            return ""
        return next(
            place
            for n in count()
            if self.cipher.can_encrypt_for(place := self._place(person_key, n))
        )

    def is_forgotten(self, person_key: str) -> bool:
        """Whether the first key that this person had was destroyed."""
        return self.cipher.is_destroyed(self.first_place(person_key))

    def first_place(self, person_key: str) -> str:
        """The place of the first key of a person, who may have been forgotten since."""
        return self._place(person_key, 0)

    def _place(self, person_key: str, times_forgotten: int) -> str:
        return self.index.digest("person-key", person_key, str(times_forgotten))[:PLACE_DIGITS]

    def encrypt_rows(
        self, fields: Sequence[str], rows: Sequence[tuple[str, Sequence[str], str]]
    ) -> list[list[str]]:
        """Encrypt the values of rows (row id, texts in the order of the fields, place)."""
        return self.cipher.encrypt_rows(fields, rows)

    def decrypt(self, value: str, field: str, row_id: str) -> str:
        """Decrypt a value.

        Raises:
            DecryptionFailed: the key is unknown, or the value is of another field or row.
        """
        return self.cipher.decrypt(value, field, row_id) if value else ""

    def loan_key(self, institution_id: str, canonical_number: str) -> str:
        """The key of a loan, for the canonical form of its number; empty if a part is missing."""
        if not (institution_id and canonical_number):
            return ""
        return self.index.digest("canonical-loan", institution_id, canonical_number)

    @cached_property
    def _id_cipher(self) -> AESSIV:
        """AES-SIV (RFC 5297): equal texts give equal bytes, so an id in an address stays one."""
        return AESSIV(hmac.new(self.index.key, b"person-id", hashlib.sha512).digest())

    def person_id(self, person_key: str) -> str:
        """The id of a person in addresses: the key, encrypted. A second call gives the same."""
        encrypted = self._id_cipher.encrypt(person_key.encode(), [])
        return base64.urlsafe_b64encode(encrypted).decode().rstrip("=")

    def person_key_of(self, person_id: str) -> str:
        """The key of the person with this id; empty if nobody has it."""
        try:
            encrypted = base64.urlsafe_b64decode(person_id + "=" * (-len(person_id) % 4))
            return self._id_cipher.decrypt(encrypted, []).decode()
        except (InvalidTag, ValueError):
            return ""

    def move(self, value: str, field: str, old_row_id: str, new_row_id: str) -> str:
        """Encrypt a stored value again, for another row of the same person.

        Raises:
            DecryptionFailed: as `decrypt`.
        """
        plain = self.decrypt(value, field, old_row_id)
        return self.encrypt(plain, field, new_row_id, place_of(value))


def account_row_id(batch_id: UUID | str, source_account_id: str) -> str:
    """The row id for which the account number of a source is encrypted."""
    return f"{batch_id}/{source_account_id}"
