"""Uploads: durable or gone, whatever goes wrong."""

import base64
import errno
import gzip
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from libs.common.crypto.field_encryption import DecryptionFailed, FieldCipher
from services.ingest.file_encryption import encrypt_again
from services.ingest.tests.harness import KEY
from services.ingest.uploads import (
    DiskFull,
    Upload,
    UploadDamaged,
    UploadFolder,
    UploadTooLarge,
)

CIPHER = FieldCipher.parse(f"k1:{KEY}")
DATA = b"<root>" + b"<row/>" * 500_000 + b"</root>"


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    made = UploadFolder(tmp_path / "files", CIPHER)
    made.create()
    return made


def store(
    folder: UploadFolder,
    data: bytes,
    declared_gzip: bool = False,
    wire: int = 10_000_000,
    plain: int = 10_000_000,
) -> tuple[Path, str]:
    with Upload(folder, uuid4(), declared_gzip, wire, plain) as upload:
        for start in range(0, len(data), 65_536):
            upload.write(data[start : start + 65_536])
        stored = upload.store()
    return stored.path, stored.sha256


def contents(folder: UploadFolder, path: Path) -> bytes:
    with folder.open(UUID(path.stem)) as file:
        return file.read()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def leftovers(folder: UploadFolder) -> list[Path]:
    return [path for path in folder.path.rglob("*") if path.is_file()]


def test_a_file_is_kept_as_it_came_readable_by_us_alone(folder: UploadFolder) -> None:
    path, sha256 = store(folder, DATA)
    assert contents(folder, path) == DATA
    assert b"<row/>" not in path.read_bytes()
    assert sha256 == hashlib.sha256(DATA).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o600
    assert leftovers(folder) == [path]


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(DATA),
        gzip.compress(DATA[:99]) + gzip.compress(DATA[99:]),
        gzip.compress(DATA) + b"\0" * 512,
    ],
    ids=["one member", "two members", "padded"],
)
def test_a_gzip_of_a_file_is_the_same_file(folder: UploadFolder, packed: bytes) -> None:
    path, sha256 = store(folder, packed)
    assert contents(folder, path) == packed
    assert sha256 == store(folder, DATA)[1]


@pytest.mark.parametrize(
    ("data", "declared_gzip", "wire", "plain", "error"),
    [
        (DATA, False, 10, 1_000_000, UploadTooLarge),
        (gzip.compress(DATA), True, 10, 10_000_000, UploadTooLarge),
        (gzip.compress(DATA), False, 10_000_000, 1_000_000, UploadTooLarge),
        (gzip.compress(DATA)[:-9], False, 10_000_000, 10_000_000, UploadDamaged),
        (DATA, True, 10_000_000, 10_000_000, UploadDamaged),
        (gzip.compress(DATA)[:50] + b"damage" * 50, False, 10_000_000, 10_000_000, UploadDamaged),
        (b"\x1f", True, 100, 100, UploadDamaged),
    ],
)
def test_what_cannot_be_taken_leaves_nothing(
    folder: UploadFolder,
    data: bytes,
    declared_gzip: bool,
    wire: int,
    plain: int,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        store(folder, data, declared_gzip, wire, plain)
    assert leftovers(folder) == []


@pytest.mark.parametrize("kept_bytes", [0, 1, 4096, len(DATA) - 1])
def test_an_upload_that_ends_early_leaves_nothing(folder: UploadFolder, kept_bytes: int) -> None:
    with Upload(folder, uuid4(), False, 1 << 30, 1 << 30) as upload:
        upload.write(DATA[:kept_bytes])
        assert leftovers(folder) != []
    assert leftovers(folder) == []


class FullDisk:
    """A disk without room."""

    def __init__(self, number: int) -> None:
        self.number = number

    def write(self, _: bytes) -> int:
        raise OSError(self.number, "no")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, OSError)]
)
def test_a_full_disk_is_distinguished_from_a_broken_one(
    folder: UploadFolder, number: int, error: type[Exception]
) -> None:
    with Upload(folder, uuid4(), False, 1 << 30, 1 << 30) as upload:
        assert upload.writer is not None
        upload.writer.file = FullDisk(number)  # type: ignore[assignment] # a fake acts as one
        with pytest.raises(error):
            upload.write(DATA)
    assert leftovers(folder) == []


@pytest.fixture
def old(folder: UploadFolder) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        path = folder.path / name
        path.write_bytes(b"x")
        os.utime(path, (time.time() - 4_000,) * 2)
        return path

    return make


def test_only_old_files_of_nobody_are_removed(
    folder: UploadFolder, old: Callable[[str], Path]
) -> None:
    mine = uuid4()
    gone = [old("incoming/a.part"), old(f"{uuid4()}.upload")]
    kept = [old(f"{mine}.upload"), store(folder, DATA)[0]]
    young = folder.path / "incoming" / "b.part"
    young.write_bytes(b"x")
    assert folder.remove_leftovers([mine]) == 2
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in [*kept, young])


def test_clear_files_and_those_under_an_old_key_are_encrypted_with_the_first(
    folder: UploadFolder,
) -> None:
    clear, zipped, packed = uuid4(), uuid4(), gzip.compress(DATA)
    folder.path_of(clear).write_bytes(DATA)
    folder.path_of(zipped).write_bytes(packed)
    old, _ = store(folder, DATA[:100])
    new_key = base64.b64encode(bytes(range(1, 33))).decode()
    rotated = UploadFolder(folder.path, FieldCipher.parse(f"k2:{new_key},k1:{KEY}"))
    known = {clear: sha256(DATA), zipped: sha256(DATA), UUID(old.stem): sha256(DATA[:100])}
    assert encrypt_again(rotated, known) == 3
    assert encrypt_again(rotated, known) == 0
    only_new = UploadFolder(folder.path, FieldCipher.parse(f"k2:{new_key}"))
    for batch_id, expected in (
        (clear, DATA),
        (zipped, packed),
        (UUID(old.stem), DATA[:100]),
    ):
        with only_new.open(batch_id) as file:
            assert file.read() == expected
    assert len(leftovers(folder)) == 3


def test_a_file_that_cannot_be_encrypted_again_stays_and_the_others_are_done(
    folder: UploadFolder,
) -> None:
    broken, _ = store(folder, DATA)
    stored = broken.read_bytes()[:-1]
    broken.write_bytes(stored.replace(b"k1.", b"k9.", 1))
    kept, clear = broken.read_bytes(), uuid4()
    folder.path_of(clear).write_bytes(DATA)
    known = {clear: sha256(DATA), UUID(broken.stem): sha256(DATA)}
    assert encrypt_again(folder, known) == 1
    assert broken.read_bytes() == kept
    assert sorted(leftovers(folder)) == sorted([broken, folder.path_of(clear)])


@pytest.mark.parametrize("content", [DATA, gzip.compress(DATA)], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"?" + data[1:],
        lambda data: b"?" + data,
        lambda data: data[:-1],
        lambda _: b"<root>another</root>",
    ],
    ids=["first byte", "one more", "cut", "swapped"],
)
def test_a_clear_file_that_is_not_what_was_uploaded_is_not_made_authentic(
    folder: UploadFolder, content: bytes, change: Callable[[bytes], bytes]
) -> None:
    batch_id, changed = uuid4(), change(content)
    folder.path_of(batch_id).write_bytes(changed)
    assert encrypt_again(folder, {batch_id: sha256(DATA)}) == 0
    assert folder.path_of(batch_id).read_bytes() == changed
    assert leftovers(folder) == [folder.path_of(batch_id)]


def test_an_encrypted_file_whose_first_byte_is_damaged_stays_as_it_is(
    folder: UploadFolder,
) -> None:
    path, digest = store(folder, DATA)
    damaged = b"?" + path.read_bytes()[1:]
    path.write_bytes(damaged)
    assert encrypt_again(folder, {UUID(path.stem): digest}) == 0
    assert path.read_bytes() == damaged


def test_a_clear_file_is_not_read_and_neither_is_one_in_anothers_place(
    folder: UploadFolder,
) -> None:
    clear = uuid4()
    folder.path_of(clear).write_bytes(DATA)
    with pytest.raises(DecryptionFailed):
        folder.open(clear)
    path, _ = store(folder, DATA)
    path.rename(folder.path_of(clear))
    with pytest.raises(DecryptionFailed):
        folder.open(clear)


def test_a_file_is_removed_once_and_known_to_be(folder: UploadFolder) -> None:
    path, _ = store(folder, DATA)
    batch_id = UUID(path.stem)
    assert not folder.was_removed(batch_id)
    assert folder.remove(batch_id)
    assert not path.exists()
    assert folder.was_removed(batch_id)
    assert not folder.remove(batch_id)
