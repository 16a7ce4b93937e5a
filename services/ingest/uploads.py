"""Uploads made durable: streamed to a temporary file, encrypted, hashed, synced and renamed.

A file is never in memory as a whole, and never in clear on the disk.
"""

import errno
import hashlib
import io
import os
import shutil
import time
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from uuid import UUID, uuid4

from libs.common.contracts.errors import PaydownError
from libs.common.crypto.field_encryption import FieldCipher
from libs.common.crypto.file_encryption import EncryptingWriter, key_id_of, open_encrypted

GZIP: Final = b"\x1f\x8b"
PIECE_BYTES: Final = 1 << 20
LEFTOVER_S: Final = 3_600
DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class UploadTooLarge(PaydownError):
    """The upload has more bytes than allowed, compressed or inflated."""

    code = "upload.too-large"


class UploadDamaged(PaydownError):
    """The upload is declared as gzip, or begins like it, and cannot be inflated."""

    code = "E_FILE_GZIP"


class DiskFull(PaydownError):
    """The file does not fit on the disk. Nothing of it is stored."""

    code = "upload.disk-full"


@dataclass(frozen=True)
class StoredFile:
    """A file that was stored durably.

    `sha256` is of the inflated bytes: a gzip of a roster is the same roster.
    """

    path: Path
    sha256: str


@dataclass(frozen=True)
class UploadFolder:
    """The folder of uploaded files, one encrypted file for each batch, readable by us alone.

    A file that was removed because it was old leaves an empty one, `<batch>.removed`, so that it
    is not missed.
    """

    path: Path
    cipher: FieldCipher

    @property
    def incoming(self) -> Path:
        """The folder of uploads that have not ended."""
        return self.path / "incoming"

    def create(self) -> None:
        """Create the folders. A second call changes nothing."""
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)

    def path_of(self, batch_id: UUID) -> Path:
        """The path of a batch's file."""
        return self.path / f"{batch_id}.upload"

    def open(self, batch_id: UUID, *, may_be_clear: bool = False) -> io.BufferedReader:
        """The contents of a batch's file, decrypted while they are read.

        Args:
            may_be_clear: also open a file of an older version, which was not encrypted. Only for
                who compares what is read with its SHA-256.

        Raises:
            OSError: there is none.
            DecryptionFailed: it is not what was stored; also later, where it was changed or cut.
        """
        file = self.path_of(batch_id).open("rb")
        try:
            if may_be_clear and not key_id_of(file):
                file.seek(0)
                return file
            file.seek(0)
            return open_encrypted(file, self.cipher, str(batch_id))
        except BaseException:
            file.close()
            raise

    def put(self, file: BinaryIO, temporary: Path, path: Path) -> None:
        """Give a file that is written its name; it survives any crash from now on."""
        os.fsync(file.fileno())
        temporary.rename(path)
        self._sync()

    def _sync(self) -> None:
        directory = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def was_removed(self, batch_id: UUID) -> bool:
        """Whether the file of a batch was removed because it was old."""
        return self._mark_of(batch_id).exists()

    def remove(self, batch_id: UUID) -> bool:
        """Remove the file of a batch for good; whether there was one."""
        path = self.path_of(batch_id)
        if not path.exists():
            return False
        self._mark_of(batch_id).touch(mode=0o600)
        self._sync()  # the mark is there before the file is not
        path.unlink()
        self._sync()
        return True

    def _mark_of(self, batch_id: UUID) -> Path:
        return self.path / f"{batch_id}.removed"

    def has_space_for(self, wire_bytes: int) -> bool:
        """Whether a file of this size fits at this moment."""
        return shutil.disk_usage(self.path).free > wire_bytes

    def remove_leftovers(
        self, known: Collection[UUID] | None = None, older_than_s: float = LEFTOVER_S
    ) -> int:
        """Remove old temporary files and, if the `known` batches are given, old files of no batch.

        Returns:
            The number of files that were removed.
        """
        before, removed = time.time() - older_than_s, 0
        names = None if known is None else {str(one) for one in known}
        orphans = (
            []
            if names is None
            else [path for path in self.path.glob("*.upload") if path.stem not in names]
        )
        for path in [*self.incoming.iterdir(), *orphans]:
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
        return removed


class Upload:
    """One upload of a batch: `write` the body in pieces, then `store` it, within a `with` block.

    Leaving the block without `store` leaves no file behind.

    Args:
        gzip: whether the client declares the body as gzip; otherwise its first two bytes decide.
        wire_max_bytes: the limit of a compressed body.
        plain_max_bytes: the limit of a body when it is inflated.
    """

    def __init__(
        self,
        folder: UploadFolder,
        batch_id: UUID,
        gzip: bool,
        wire_max_bytes: int,
        plain_max_bytes: int,
    ) -> None:
        self.folder, self.batch_id, self.declared_gzip = folder, batch_id, gzip
        self.wire_max_bytes, self.plain_max_bytes = wire_max_bytes, plain_max_bytes
        self.temporary = folder.incoming / f"{uuid4()}.part"
        self.digest = hashlib.sha256()
        self.wire_bytes = self.plain_bytes = 0
        self.is_gzip = False
        self.inflating: zlib._Decompress | None = None  # the only name its type has
        self.file: BinaryIO | None = None
        self.writer: EncryptingWriter | None = None

    def __enter__(self) -> Self:
        self.file = create_file(self.temporary)
        self.writer = EncryptingWriter(self.file, self.folder.cipher, str(self.batch_id))
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        if self.file is not None:
            self.file.close()
        self.temporary.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Write the next bytes of the body; the first piece has at least two, if the body has.

        Raises:
            UploadTooLarge, UploadDamaged, DiskFull: the upload is over.
        """
        assert self.writer is not None
        if not self.wire_bytes:
            self.is_gzip = piece.startswith(GZIP)
            if self.declared_gzip and not self.is_gzip:
                raise UploadDamaged("The body is declared as gzip and is not gzip.")
        self.wire_bytes += len(piece)
        if self.wire_bytes > (self.wire_max_bytes if self.is_gzip else self.plain_max_bytes):
            raise UploadTooLarge("The file is larger than the limit.")
        try:
            self.writer.write(piece)
        except OSError as error:
            raise _disk_error(error) from error
        if self.is_gzip:
            self._inflate(piece)
        else:
            self.digest.update(piece)

    def _inflate(self, data: bytes) -> None:
        """Hash what the data inflates to, a piece at a time: a zip bomb needs no memory."""
        try:
            more = True
            while more:
                if self.inflating is None:
                    self.inflating = zlib.decompressobj(wbits=31)
                plain = self.inflating.decompress(data, PIECE_BYTES)
                self.plain_bytes += len(plain)
                self.digest.update(plain)
                if self.plain_bytes > self.plain_max_bytes:
                    raise UploadTooLarge("The file is larger than the limit when inflated.")
                data = self.inflating.unconsumed_tail
                more = bool(data) or len(plain) == PIECE_BYTES
                if self.inflating.eof:  # a gzip file may have several members, one after the other
                    data, self.inflating = self.inflating.unused_data.lstrip(b"\0"), None
                    more = bool(data)
        except zlib.error as error:
            raise UploadDamaged("The gzip file is damaged.") from error

    def store(self) -> StoredFile:
        """Store the file durably as the file of its batch. It survives any crash from now on.

        Raises:
            UploadDamaged: the gzip file ends in the middle.
            DiskFull: nothing is stored.
        """
        assert self.file is not None
        assert self.writer is not None
        if self.inflating is not None or (self.declared_gzip and not self.is_gzip):
            raise UploadDamaged("The gzip file is truncated.")
        path = self.folder.path_of(self.batch_id)
        try:
            self.writer.finish()
            self.folder.put(self.file, self.temporary, path)
        except OSError as error:
            raise _disk_error(error) from error
        return StoredFile(path, self.digest.hexdigest())


def create_file(path: Path) -> BinaryIO:
    """A new file that only we can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb", buffering=0)


def _disk_error(error: OSError) -> Exception:
    return DiskFull("The disk is full.") if error.errno in DISK_FULL else error
