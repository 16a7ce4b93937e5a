"""Uploads made durable: streamed to a temporary file, hashed, synced and renamed.

A file is never in memory as a whole.
"""

import errno
import hashlib
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
    """The folder of uploaded files, one file for each batch, readable by this service alone."""

    path: Path

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
    """One upload: `write` the body in pieces, then `store` it, within a `with` block.

    Leaving the block without `store` leaves no file behind.

    Args:
        gzip: whether the client declares the body as gzip; otherwise its first two bytes decide.
        wire_max_bytes: the limit of a compressed body.
        plain_max_bytes: the limit of a body when it is inflated.
    """

    def __init__(
        self, folder: UploadFolder, gzip: bool, wire_max_bytes: int, plain_max_bytes: int
    ) -> None:
        self.folder, self.declared_gzip = folder, gzip
        self.wire_max_bytes, self.plain_max_bytes = wire_max_bytes, plain_max_bytes
        self.temporary = folder.incoming / f"{uuid4()}.part"
        self.digest = hashlib.sha256()
        self.wire_bytes = self.plain_bytes = 0
        self.is_gzip = False
        self.inflating: zlib._Decompress | None = None  # the only name its type has
        self.file: BinaryIO | None = None

    def __enter__(self) -> Self:
        descriptor = os.open(self.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.file = os.fdopen(descriptor, "wb", buffering=0)
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
        assert self.file is not None
        if not self.wire_bytes:
            self.is_gzip = piece.startswith(GZIP)
            if self.declared_gzip and not self.is_gzip:
                raise UploadDamaged("The body is declared as gzip and is not gzip.")
        self.wire_bytes += len(piece)
        if self.wire_bytes > (self.wire_max_bytes if self.is_gzip else self.plain_max_bytes):
            raise UploadTooLarge("The file is larger than the limit.")
        try:
            self.file.write(piece)
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

    def store(self, batch_id: UUID) -> StoredFile:
        """Store the file durably as the file of its batch. It survives any crash from now on.

        Raises:
            UploadDamaged: the gzip file ends in the middle.
            DiskFull: nothing is stored.
        """
        assert self.file is not None
        if self.inflating is not None or (self.declared_gzip and not self.is_gzip):
            raise UploadDamaged("The gzip file is truncated.")
        path = self.folder.path_of(batch_id)
        try:
            os.fsync(self.file.fileno())
            self.temporary.rename(path)
            directory = os.open(self.folder.path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise _disk_error(error) from error
        return StoredFile(path, self.digest.hexdigest())


def _disk_error(error: OSError) -> Exception:
    return DiskFull("The disk is full.") if error.errno in DISK_FULL else error
