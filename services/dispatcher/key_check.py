"""Which columns are encrypted. A start with keys that do not open them is refused."""

from libs.common.crypto.key_check import EncryptedColumns
from services.dispatcher.store.encrypted_columns import EVERYTHING, SAMPLES

PLACES = EncryptedColumns(SAMPLES, EVERYTHING)
