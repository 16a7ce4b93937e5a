"""Uploads: durable or gone, whatever goes wrong."""

import errno
import gzip
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from services.ingest.uploads import (
    DiskFull,
    Upload,
    UploadDamaged,
    UploadFolder,
    UploadTooLarge,
)

DATA = b"<root>" + b"<row/>" * 500_000 + b"</root>"


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    made = UploadFolder(tmp_path / "files")
    made.create()
    return made


def store(
    folder: UploadFolder,
    data: bytes,
    declared_gzip: bool = False,
    wire: int = 10_000_000,
    plain: int = 10_000_000,
) -> tuple[Path, str]:
    with Upload(folder, declared_gzip, wire, plain) as upload:
        for start in range(0, len(data), 65_536):
            upload.write(data[start : start + 65_536])
        stored = upload.store(uuid4())
    return stored.path, stored.sha256


def leftovers(folder: UploadFolder) -> list[Path]:
    return [path for path in folder.path.rglob("*") if path.is_file()]


def test_a_file_is_kept_as_it_came_readable_by_us_alone(folder: UploadFolder) -> None:
    path, sha256 = store(folder, DATA)
    assert path.read_bytes() == DATA
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
    assert path.read_bytes() == packed
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
    with Upload(folder, False, 1 << 30, 1 << 30) as upload:
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
    with Upload(folder, False, 1 << 30, 1 << 30) as upload:
        assert upload.file is not None
        upload.file.close()
        upload.file = FullDisk(number)  # type: ignore[assignment] # a fake acts as one
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
