"""Whether the keys in the settings are those that the database was filled with.

Every source account is stored twice: encrypted, and as the blind index of (routing, number). Once
decrypted and indexed again it must give the same index. So nothing about the index key is stored.
People who were forgotten show whether the encryption keys are a copy from before.
"""

from collections.abc import Iterable

from sqlalchemy import Engine

from libs.common.crypto import key_check
from libs.common.crypto.field_encryption import FORGOTTEN, place_of
from services.ingest.encryption import FieldEncryption, account_row_id
from services.ingest.store import encrypted_columns
from services.ingest.store.encrypted_columns import IndexedAccount
from services.ingest.store.forgotten_people import list_overwritten

PLACES = key_check.EncryptedColumns(
    samples=encrypted_columns.SAMPLES, everything=encrypted_columns.ALL_VALUES
)


def fits(encryption: FieldEncryption, accounts: Iterable[IndexedAccount]) -> bool:
    """Whether the index key gives each account the index that is stored.

    Raises:
        DecryptionFailed: the cipher's keys do not fit; the check of the keys finds that first.
    """
    return all(
        encryption.index.digest(
            "account",
            one.routing,
            encryption.decrypt(
                one.account, "account", account_row_id(one.batch_id, one.source_account_id)
            ),
        )
        == one.account_index
        for one in accounts
    )


def is_older(encryption: FieldEncryption, overwritten: Iterable[str]) -> bool:
    """Whether the keys can still read somebody who was forgotten since they were copied."""
    return any(
        place_of(value) and not encryption.cipher.is_forgotten(value) for value in overwritten
    )


def check(engine: Engine, encryption: FieldEncryption) -> None:
    """Refuse keys that are not those of this database.

    Under another index key no claim would recognise a loan, and the loan could be paid twice.

    Raises:
        WrongKeys: with one sentence for people; nothing was read or written with the keys.
        SQLAlchemyError: the database did not answer.
    """
    key_check.check(engine, "ingest", PLACES, encryption.cipher)
    if not fits(
        encryption, key_check.ask_if_migrated(engine, encrypted_columns.list_indexed_accounts)
    ):
        raise key_check.WrongKeys(
            "ingest cannot start: PAYDOWN_INGEST_INDEX_KEY is not the key its database was filled "
            "with. Loans that are paid already would not be recognised. Set the former key "
            "(docs/runbooks/keys.md). No file was read, and no money is affected."
        )
    if is_older(
        encryption,
        key_check.ask_if_migrated(
            engine, lambda connection: list_overwritten(connection, FORGOTTEN)
        ),
    ):
        raise key_check.WrongKeys(
            "ingest cannot start: PAYDOWN_INGEST_SEAL_KEYS is an older copy, which can read people "
            "who were forgotten since. Give the newest copy, and destroy this one "
            "(docs/runbooks/forget-a-person.md). No file was read, and no money is affected."
        )
