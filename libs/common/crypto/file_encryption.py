"""Encrypted files: written and read as a stream, in chunks that are each authenticated.

    file   = MAGIC, length of the wrapped key (2 bytes), wrapped key, chunk…
    chunk  = AES-256-GCM of up to CHUNK_BYTES under the file's own key
    nonce  = number of the chunk (11 bytes), 1 for the last chunk, else 0

The file's key is random, and encrypted ("wrapped") by the installation's cipher for this file's
id. So a chunk of another file, a chunk at another place, and a file that was cut or continued are
all refused (the construction STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). What a reader
has been given is authentic, but only the end shows that nothing is missing. `cryptography` encrypts
whole messages only, so the stream is made here of its AES-GCM (ADR 68).
"""

import base64
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.crypto.field_encryption import DecryptionFailed, FieldCipher

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC: Final = b"paydown file 1\n"
FIELD: Final = "file"
CHUNK_BYTES: Final = 65_536
KEY_BYTES, TAG_BYTES, LENGTH_BYTES, NUMBER_BYTES = 32, 16, 2, 11
WRAPPED_MAX: Final = 1_000


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(NUMBER_BYTES, "big") + bytes((is_last,))


@dataclass
class EncryptingWriter:
    """Writes a file: `write` its contents in pieces of any size, then `finish`.

    A file without `finish` cannot be read to its end.

    Args:
        file_id: what the file is of; it is read under the same id only.
    """

    file: BinaryIO
    cipher: FieldCipher
    file_id: str
    _pending: bytearray = field(default_factory=bytearray, repr=False)
    _number: int = 0

    def __post_init__(self) -> None:
        key = os.urandom(KEY_BYTES)
        self._key = AESGCM(key)
        wrapped = self.cipher.encrypt(base64.b64encode(key).decode(), FIELD, self.file_id).encode()
        self._head = MAGIC + len(wrapped).to_bytes(LENGTH_BYTES, "big") + wrapped

    def write(self, data: bytes) -> None:
        """Write the next bytes.

        Raises:
            OSError: they cannot be written; the file is of no use.
        """
        self._pending += data
        # The last chunk is marked as such, so one is held back.
        while len(self._pending) > CHUNK_BYTES:
            self._write_chunk(bytes(self._pending[:CHUNK_BYTES]), is_last=False)
            del self._pending[:CHUNK_BYTES]

    def finish(self) -> None:
        """Write the last chunk, which may be empty.

        Raises:
            OSError: as `write`.
        """
        self._write_chunk(bytes(self._pending), is_last=True)
        self._pending.clear()

    def _write_chunk(self, plain: bytes, *, is_last: bool) -> None:
        sealed = self._key.encrypt(_nonce(self._number, is_last=is_last), plain, None)
        self._number += 1
        data = memoryview(self._head + sealed)
        self._head = b""
        while data:  # a file without a buffer may write a part
            data = data[self.file.write(data) :]


class _Decrypted(io.RawIOBase):
    """The plain bytes of an encrypted file; DecryptionFailed at what was changed, or is missing."""

    def __init__(self, file: BinaryIO, cipher: FieldCipher, file_id: str) -> None:
        self._file, self._file_id = file, file_id
        self._key = AESGCM(_unwrapped(file, cipher, file_id))
        self._next = self._read_sealed()
        self._number, self._plain, self._ended = 0, b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._plain and not self._ended:
            self._plain = self._read_chunk()
        taken = self._plain[: len(target)]
        target[: len(taken)] = taken
        self._plain = self._plain[len(taken) :]
        return len(taken)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read_sealed(self) -> bytes:
        return self._file.read(CHUNK_BYTES + TAG_BYTES)

    def _read_chunk(self) -> bytes:
        sealed, self._next = self._next, self._read_sealed()
        self._ended = not self._next
        try:
            plain = self._key.decrypt(_nonce(self._number, is_last=self._ended), sealed, None)
        except (InvalidTag, ValueError):
            raise DecryptionFailed(
                f"the file of {self._file_id} was changed or cut, in chunk {self._number}"
            ) from None
        self._number += 1
        return plain


def open_encrypted(file: BinaryIO, cipher: FieldCipher, file_id: str) -> io.BufferedReader:
    """The contents of an encrypted file, as a file. Closing it closes the other.

    Args:
        file: at its begin, with a buffer: a short read counts as the end.

    Raises:
        DecryptionFailed: it is not encrypted, for another id, or under a key that is not known
            here; also later, by whatever reads a chunk that was changed.
    """
    return io.BufferedReader(_Decrypted(file, cipher, file_id), CHUNK_BYTES)


def key_id_of(file: BinaryIO) -> str:
    """The key under which a file's own key is encrypted; "" if the file is not encrypted."""
    wrapped = _wrapped(file)
    return wrapped.partition(b".")[0].decode("utf-8", "replace")


def _wrapped(file: BinaryIO) -> bytes:
    """The wrapped key, read from the begin of a file; empty if it is not encrypted."""
    if file.read(len(MAGIC)) != MAGIC:
        return b""
    length = int.from_bytes(file.read(LENGTH_BYTES), "big")
    return file.read(length) if length <= WRAPPED_MAX else b""


def _unwrapped(file: BinaryIO, cipher: FieldCipher, file_id: str) -> bytes:
    wrapped = _wrapped(file)
    if not wrapped:
        raise DecryptionFailed(f"the file of {file_id} is not encrypted")
    key = base64.b64decode(cipher.decrypt(wrapped.decode("utf-8", "replace"), FIELD, file_id))
    if len(key) != KEY_BYTES:
        raise DecryptionFailed(f"the file of {file_id} has no key")
    return key
