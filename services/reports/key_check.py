"""Where reports stores encrypted values: the names that it prints."""

from libs.common.crypto.key_check import EncryptedColumns
from services.reports.store import encrypted_columns

PLACES = EncryptedColumns(
    samples=encrypted_columns.SAMPLES, everything=encrypted_columns.ALL_VALUES
)
