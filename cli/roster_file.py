"""Reading a roster from disk, whole or not at all."""

import hashlib
import os
import re
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError

FILE_MAX_BYTES = 256 * 1024 * 1024
INFLATED_MAX_BYTES = 2 * 1024 * 1024 * 1024
HEAD_BYTES, TAIL_BYTES = 65_536, 4_096
ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)[\s>/]")


class StillWritten(Exception):
    """The file changed while it was read."""


@dataclass(frozen=True)
class Fingerprint:
    """What changes when a file is written: its inode, bytes, and time of the last change."""

    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Content:
    """The bytes of a file and their SHA-256 as hex digits."""

    data: bytes
    sha256: str


def fingerprint(path: Path) -> Fingerprint | None:
    """The fingerprint of a regular file; None if it is something else, a link, or gone."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return _fingerprint(found) if stat.S_ISREG(found.st_mode) else None


def read(path: Path) -> Content:
    """A file's contents.

    Raises:
        StillWritten: it changed while it was read.
        CommandError: it cannot be read, is empty or too large.
    """
    try:
        with path.open("rb") as file:
            before = _fingerprint(os.fstat(file.fileno()))
            data = file.read(FILE_MAX_BYTES + 1)
            after = _fingerprint(os.fstat(file.fileno()))
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}.", "Name a readable file.", code="file"
        ) from None
    if before != after:
        raise StillWritten
    if not data or len(data) > FILE_MAX_BYTES:
        size = "is empty" if not data else f"has more than {FILE_MAX_BYTES >> 20} MB"
        raise CommandError(
            f"{path} {size}; nothing was uploaded.", "Write the roster again.", code="file"
        )
    return Content(data, hashlib.sha256(data).hexdigest())


def looks_complete(data: bytes) -> bool:
    """Whether a roster seems to have its end: XML its closing tag, gzip its trailer.

    It is a guess that only delays an upload: the gateway refuses a file without its end whole.
    """
    if data[:2] == b"\x1f\x8b":
        return _gzip_is_complete(data)
    root = ROOT.search(data[:HEAD_BYTES])
    tail = data[-TAIL_BYTES:].rstrip()
    return root is None or tail.endswith((b"</" + root[1] + b">", b"-->", b"?>"))


def _gzip_is_complete(data: bytes) -> bool:
    """Whether every member of a gzip file ends; inflates at most 1 MB at a time."""
    inflated = 0
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            while not member.eof:
                piece = member.decompress(data, 1 << 20)
                inflated += len(piece)
                if inflated > INFLATED_MAX_BYTES or not (piece or member.unconsumed_tail):
                    return member.eof or inflated > INFLATED_MAX_BYTES
                data = member.unconsumed_tail
        except zlib.error:
            return True  # damaged: waiting does not help, the gateway says what is wrong
        data = member.unused_data
    return True


def _fingerprint(found: os.stat_result) -> Fingerprint:
    return Fingerprint(found.st_ino, found.st_size, found.st_mtime_ns)
