"""Uploads made durable: streamed to a temporary file, hashed, fsynced and renamed; never in memory as a whole."""

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
STALE_S: Final = 3_600
FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class TooLarge(PaydownError):
    """More bytes than allowed, on the wire or inflated."""

    code = "upload.too-large"


class Damaged(PaydownError):
    """Said to be gzip, or begins like it, and cannot be inflated."""

    code = "E_FILE_GZIP"


class DiskFull(PaydownError):
    """The file does not fit on the disk; nothing of it is kept."""

    code = "upload.disk-full"


@dataclass(frozen=True)
class Stored:
    """A file on the disk for good. `sha256` is of the inflated bytes: a gzip of a roster is the same roster."""

    path: Path
    sha256: str
    wire_bytes: int


@dataclass(frozen=True)
class Folder:
    """Where uploads lie, one file a batch, readable by this service alone."""

    path: Path

    def prepare(self) -> None:
        """Make the folders; fine if they are there."""
        (self.path / "incoming").mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)

    def of(self, batch_id: UUID) -> Path:
        """Where the file of a batch lies."""
        return self.path / f"{batch_id}.upload"

    def room_for(self, wire_bytes: int) -> bool:
        """Whether a file of this size would fit at this moment."""
        return shutil.disk_usage(self.path).free > wire_bytes

    def clean(self, known: Collection[UUID] | None = None, older_than_s: float = STALE_S) -> int:
        """Remove temporary files, and with `known` batches given files of no batch, older than an hour; how many."""
        before, removed = time.time() - older_than_s, 0
        orphans = (
            []
            if known is None
            else [
                path
                for path in self.path.glob("*.upload")
                if path.stem not in {str(one) for one in known}
            ]
        )
        for path in [*(self.path / "incoming").iterdir(), *orphans]:
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
        return removed


class Upload:
    """One file on its way in: `write` pieces, then `keep`; leaving the `with` block without that leaves nothing behind.

    Args:
        gzip: whether the sender says that the body is gzip; otherwise its first two bytes tell.
        wire_max_bytes: the limit of a compressed body.
        plain_max_bytes: the limit of a body as it is when inflated.
    """

    def __init__(
        self, folder: Folder, gzip: bool, wire_max_bytes: int, plain_max_bytes: int
    ) -> None:
        self.folder, self.said_gzip = folder, gzip
        self.wire_max_bytes, self.plain_max_bytes = wire_max_bytes, plain_max_bytes
        self.temporary = folder.path / "incoming" / f"{uuid4()}.part"
        self.digest = hashlib.sha256()
        self.wire_bytes = self.plain_bytes = 0
        self.zipped = False
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
        """Take the next bytes of the body; the first piece has at least two, if the body has.

        Raises:
            TooLarge, Damaged, DiskFull: the upload is over.
        """
        assert self.file is not None
        if not self.wire_bytes:
            self.zipped = piece.startswith(GZIP)
            if self.said_gzip and not self.zipped:
                raise Damaged("The body is said to be gzip and is not.")
        self.wire_bytes += len(piece)
        if self.wire_bytes > (self.wire_max_bytes if self.zipped else self.plain_max_bytes):
            raise TooLarge("The file is larger than the limit.")
        try:
            self.file.write(piece)
        except OSError as error:
            raise _full(error) from error
        if self.zipped:
            self._inflate(piece)
        else:
            self.digest.update(piece)

    def _inflate(self, data: bytes) -> None:
        """Hash what the data inflates to, a piece at a time, so that a bomb costs time up to the limit and no memory."""
        try:
            more = True
            while more:
                if self.inflating is None:
                    self.inflating = zlib.decompressobj(wbits=31)
                plain = self.inflating.decompress(data, PIECE_BYTES)
                self.plain_bytes += len(plain)
                self.digest.update(plain)
                if self.plain_bytes > self.plain_max_bytes:
                    raise TooLarge("The file is larger than the limit when inflated.")
                data = self.inflating.unconsumed_tail
                more = bool(data) or len(plain) == PIECE_BYTES
                if self.inflating.eof:  # a gzip file may have several members, one after the other
                    data, self.inflating = self.inflating.unused_data.lstrip(b"\0"), None
                    more = bool(data)
        except zlib.error as error:
            raise Damaged("The gzip file is damaged.") from error

    def keep(self, batch_id: UUID) -> Stored:
        """Make the file durable under the name of its batch; after this it survives any crash of the process.

        Raises:
            Damaged: the gzip file ends in the middle. DiskFull: as it says.
        """
        assert self.file is not None
        if self.inflating is not None or (self.said_gzip and not self.zipped):
            raise Damaged("The gzip file is truncated.")
        path = self.folder.of(batch_id)
        try:
            os.fsync(self.file.fileno())
            self.temporary.rename(path)
            directory = os.open(self.folder.path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise _full(error) from error
        return Stored(path, self.digest.hexdigest(), self.wire_bytes)


def _full(error: OSError) -> Exception:
    return DiskFull("The disk is full.") if error.errno in FULL else error
