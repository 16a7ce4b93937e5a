"""Where the gateway stores encrypted values: addresses and secrets of notifications."""

from libs.common.crypto.key_check import EncryptedColumns
from services.gateway.store import encrypted_columns

PLACES = EncryptedColumns(
    samples=encrypted_columns.SAMPLES, everything=encrypted_columns.ALL_VALUES
)
