"""Whether the uploaded files are still what was uploaded: each is read again once a day."""

import gzip
import hashlib
import io
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Engine

from libs.common.crypto.field_encryption import DecryptionFailed
from services.ingest.store.files import list_files
from services.ingest.uploads import GZIP, UploadFolder

EVERY_S = 86_400.0
FILES_MAX = 20  # in one check; checks come every five minutes
NAMED_MAX = 5
PIECE_BYTES = 1 << 20


@dataclass
class FileChecks:
    """Reads a few files at a time, those first that were not read for the longest time."""

    engine: Engine
    folder: UploadFolder
    clock: Callable[[], float] = time.monotonic
    read_at: dict[UUID, float] = field(default_factory=dict)
    lost: set[UUID] = field(default_factory=set)

    def check(self) -> Mapping[str, str]:
        """A sentence if files are gone or changed; "" if none is that was read so far.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        with self.engine.connect() as connection:
            files = list_files(connection)
        files = {one: files[one] for one in files if not self.folder.was_removed(one)}
        never = -EVERY_S
        due = [one for one in files if self.clock() - self.read_at.get(one, never) >= EVERY_S]
        for batch_id in sorted(due, key=lambda one: self.read_at.get(one, never))[:FILES_MAX]:
            self.read_at[batch_id] = self.clock()
            if is_unchanged(self.folder, batch_id, files[batch_id]):
                self.lost.discard(batch_id)
            else:
                self.lost.add(batch_id)
        self.lost &= files.keys()
        return {"uploaded files": lost_sentence(self.lost)}


def is_unchanged(folder: UploadFolder, batch_id: UUID, sha256: str) -> bool:
    """Whether the file of a batch is there and has these inflated bytes.

    It is decrypted and inflated piece by piece.
    """
    try:
        with folder.open(batch_id, may_be_clear=True) as file:
            return inflated_sha256(file) == sha256
    except (OSError, EOFError, zlib.error, DecryptionFailed):
        return False


def inflated_sha256(file: io.BufferedReader) -> str:
    """The SHA-256 of what a file holds, inflated if it is gzip.

    Raises:
        OSError, EOFError, zlib.error, DecryptionFailed: it is damaged.
    """
    digest = hashlib.sha256()
    is_gzip = file.peek(len(GZIP)).startswith(GZIP)
    plain: io.BufferedIOBase = gzip.GzipFile(fileobj=file) if is_gzip else file
    while piece := plain.read(PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def lost_sentence(lost: set[UUID]) -> str:
    """What people are told about lost files."""
    if not lost:
        return ""
    named = ", ".join(sorted(map(str, lost))[:NAMED_MAX])
    return (
        f"{len(lost)} uploaded files are gone or not what was uploaded, of the batches {named}. "
        "Restore them from a backup: they are the evidence of what was approved."
    )
