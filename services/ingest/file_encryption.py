"""Stored files brought under the first key: clear ones of older versions, and those of older keys.

Encrypting makes a file authentic, so only what was uploaded is encrypted: its SHA-256 is compared
with the one in the database before the new file takes the place of the old one.
"""

import zlib
from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

from libs.common.contracts.errors import PaydownError
from libs.common.crypto.field_encryption import DecryptionFailed
from libs.common.crypto.file_encryption import EncryptingWriter, key_id_of, open_encrypted
from libs.common.observability.logs import log
from services.ingest.file_checks import inflated_sha256
from services.ingest.uploads import PIECE_BYTES, UploadFolder, create_file


class FileChanged(PaydownError):
    """The file is not what was uploaded, or nothing is known of it."""

    code = "file.changed"


def encrypt_again(
    folder: UploadFolder, known: Mapping[UUID, str], beat: Callable[[], None] = lambda: None
) -> int:
    """Encrypt the files that are clear, or under another key than the first, with the first.

    A second call finds nothing to do. One that is killed leaves each file as it was, or done.
    A file that cannot be read, or is not what was uploaded, stays as it is; the daily check names
    it.

    Args:
        known: the SHA-256 of the inflated contents of each file.

    Returns:
        How many were encrypted.
    """
    done = 0
    for path in sorted(folder.path.glob("*.upload")):
        beat()
        try:
            with path.open("rb") as file:
                if key_id_of(file) == folder.cipher.primary:
                    continue
            batch_id = UUID(path.stem)
            _encrypt(folder, batch_id, known.get(batch_id, ""))
            done += 1
        except (DecryptionFailed, FileChanged, OSError, EOFError, ValueError, zlib.error) as error:
            log.error("file_not_encrypted", error=type(error).__name__, batch_id=path.stem)
    return done


def _encrypt(folder: UploadFolder, batch_id: UUID, sha256: str) -> None:
    temporary = folder.incoming / f"{uuid4()}.part"
    try:
        with folder.open(batch_id, may_be_clear=True) as plain, create_file(temporary) as file:
            writer = EncryptingWriter(file, folder.cipher, str(batch_id))
            while piece := plain.read(PIECE_BYTES):
                writer.write(piece)
            writer.finish()
            with open_encrypted(temporary.open("rb"), folder.cipher, str(batch_id)) as written:
                if inflated_sha256(written) != sha256:
                    raise FileChanged("It is not what was uploaded.")
            folder.put(file, temporary, folder.path_of(batch_id))
    finally:
        temporary.unlink(missing_ok=True)
