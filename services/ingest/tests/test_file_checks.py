"""A file that the disk loses or changes later is found within a day."""

import gzip
from hashlib import sha256
from uuid import UUID

import pytest

from services.ingest.file_checks import EVERY_S, FILES_MAX, FileChecks, is_unchanged
from services.ingest.tests.harness import IngestHarness, spaced

pytestmark = pytest.mark.database


def test_a_lost_or_changed_file_is_named_and_a_restored_one_is_not(
    ingest: IngestHarness, xml: bytes
) -> None:
    now = [0.0]
    plain = ingest.ready(xml)["batch_id"]
    zipped = ingest.ready(gzip.compress(spaced(xml)))["batch_id"]
    checks = FileChecks(ingest.engine, ingest.folder, lambda: now[0])
    assert checks.check() == {"uploaded files": ""}
    first = ingest.folder.path_of(UUID(plain))
    kept = first.read_bytes()
    first.unlink()
    second = ingest.folder.path_of(UUID(zipped))
    second.write_bytes(second.read_bytes()[:-20])
    assert checks.check() == {"uploaded files": ""}  # they are read once a day
    now[0] += EVERY_S
    sentence = checks.check()["uploaded files"]
    assert sentence.startswith("2 uploaded files")
    assert plain in sentence
    assert zipped in sentence
    first.write_bytes(kept)
    now[0] += EVERY_S
    assert checks.check()["uploaded files"].startswith("1 uploaded files")


def test_a_file_of_two_gzip_members_is_whole(ingest: IngestHarness, xml: bytes) -> None:
    half = len(xml) // 2
    zipped = gzip.compress(xml[:half]) + gzip.compress(xml[half:])
    batch_id = UUID(ingest.ready(zipped)["batch_id"])
    path, sent = ingest.folder.path_of(batch_id), sha256(xml).hexdigest()
    assert is_unchanged(ingest.folder, batch_id, sent)
    stored = path.read_bytes()
    for broken in (stored[:-20], stored[:40], stored + b"more", b"", zipped[:-20], zipped + b"x"):
        path.write_bytes(broken)
        assert not is_unchanged(ingest.folder, batch_id, sent)


def test_a_check_reads_few_files_and_goes_on_with_the_others(
    ingest: IngestHarness, xml: bytes
) -> None:
    ingest.ready(xml)
    checks = FileChecks(ingest.engine, ingest.folder, lambda: 0.0)
    checks.check()
    assert 1 <= len(checks.read_at) <= FILES_MAX
    before = dict(checks.read_at)
    checks.check()
    assert checks.read_at.keys() >= before.keys()
