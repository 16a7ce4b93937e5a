"""Encryption of personal fields, and the blind indexes by which equal values are found."""

from dataclasses import dataclass
from uuid import UUID

from libs.common.contracts.errors import SettingsError
from libs.common.crypto.field_encryption import BlindIndex, FieldCipher


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

    def encrypt(self, text: str, field: str, row_id: str) -> str:
        """Encrypt a value for one field of one row. A second call gives other bytes."""
        return self.cipher.encrypt(text, field, row_id) if text else ""

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

    def move(self, value: str, field: str, old_row_id: str, new_row_id: str) -> str:
        """Encrypt a stored value again, for another row."""
        return self.encrypt(self.decrypt(value, field, old_row_id), field, new_row_id)


def account_row_id(batch_id: UUID | str, source_account_id: str) -> str:
    """The row id for which the account number of a source is encrypted."""
    return f"{batch_id}/{source_account_id}"
