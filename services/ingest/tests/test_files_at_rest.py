"""What a disk shows of an uploaded roster: nothing, and after some months not even that."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.common.database import migrate
from services.ingest.app import MIGRATIONS
from services.ingest.file_checks import FileChecks
from services.ingest.housekeeping import remove_old_files
from services.ingest.tests.harness import IngestHarness, spaced

pytestmark = pytest.mark.database


def test_no_number_of_a_roster_lies_in_clear_in_the_folder(
    ingest: IngestHarness, xml: bytes
) -> None:
    read = ingest.ready(xml)["batch_id"]
    unread = ingest.upload(spaced(xml)).json()["batch_id"]
    secrets = {
        value
        for tag in (b"LoanAccountNumber", b"AccountNumber", b"PhoneNumber", b"LastName", b"DOB")
        for value in re.findall(rb"<%s>([^<]+)<" % tag, xml)
    }
    assert len(secrets) > 5
    stored = [path.read_bytes() for path in ingest.folder.path.rglob("*") if path.is_file()]
    assert ingest.folder.path_of(UUID(read)).exists()
    assert ingest.folder.path_of(UUID(unread)).exists()
    assert not [value for value in secrets for file in stored if value in file]
    ingest.read_all()


def test_a_file_that_was_swapped_cut_or_put_there_in_clear_is_not_read(
    ingest: IngestHarness, xml: bytes
) -> None:
    other = ingest.folder.path_of(UUID(ingest.ready(xml)["batch_id"])).read_bytes()
    changes: list[Callable[[bytes], bytes]] = [
        lambda _: other,
        lambda data: data[:-1],
        lambda _: xml,
        lambda data: data + b"x",
    ]
    for number, change in enumerate(changes):
        batch_id = ingest.upload(xml + b" " * (number + 1)).json()["batch_id"]
        path = ingest.folder.path_of(UUID(batch_id))
        path.write_bytes(change(path.read_bytes()))
        ingest.read_all()
        found = ingest.batch(batch_id)
        assert (found["status"], found["error"]["code"]) == ("rejected", "E_FILE_NOT_READ")
        assert found["rows"]["total"] == 0


def test_a_file_is_removed_when_it_is_old_and_was_read_and_nobody_misses_it(
    make_database: Any, tmp_path: Path, xml: bytes
) -> None:
    url, owner = make_database("ingest")
    migrate.upgrade(owner, MIGRATIONS)
    ingest = IngestHarness.make(url, tmp_path)  # of its own: files of others would be removed
    read = ingest.ready(xml)
    unread = ingest.upload(spaced(xml), repeat_reason="again").json()["batch_id"]
    file, waiting = (ingest.folder.path_of(UUID(one)) for one in (read["batch_id"], unread))
    now = datetime.now(UTC)
    assert remove_old_files(ingest.engine, ingest.folder, 90, now + timedelta(days=89)) == 0
    assert remove_old_files(ingest.engine, ingest.folder, 90, now + timedelta(days=91)) == 1
    assert (file.exists(), waiting.exists()) == (False, True)
    assert FileChecks(ingest.engine, ingest.folder).check() == {"uploaded files": ""}
    assert remove_old_files(ingest.engine, ingest.folder, 90, now + timedelta(days=91)) == 0
    assert ingest.approve(read).status_code == 200
    ingest.read_all()
    assert ingest.batch(unread)["status"] == "checking"
