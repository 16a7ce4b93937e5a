"""What is refused before a database is touched; tests/flow/test_restore.py saves and restores."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devtools.stack import backup
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from libs.common.crypto.field_encryption import destroy, new_key
from libs.common.database import migrate
from libs.common.database.engine import connect
from libs.common.recovery import quarantine
from ops.errors import CommandError
from services.ledger.app import MIGRATIONS


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "state").mkdir()
    return Stack(tmp_path / "state", Ports(), {"DATABASE_URL": ""})


@pytest.fixture
def copy(stack: Stack, tmp_path: Path) -> Path:
    made = tmp_path / "copy"
    made.mkdir()
    (made / "ledger.dump").write_bytes(b"a dump")
    write(
        made,
        {
            "format": 1,
            "taken_at": "2026-11-25T12:00:00+00:00",
            "keys": backup.key_fingerprints(stack.state),
            "databases": {"ledger": {"sha256": hashlib.sha256(b"a dump").hexdigest()}},
        },
    )
    return made


def write(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / backup.MANIFEST).write_text(json.dumps(manifest))


def refused(stack: Stack, folder: Path, *services: str) -> str:
    with pytest.raises(CommandError) as error:
        backup.restore(stack, folder, services or ("ledger",), lambda _: None)
    return str(error.value)


def test_a_copy_that_is_not_whole_is_refused(stack: Stack, copy: Path, tmp_path: Path) -> None:
    assert "no copy that can be restored" in refused(stack, tmp_path / "nowhere")
    assert "no copy that can be restored" in refused(stack, copy, "ingest")
    (copy / "ledger.dump").write_bytes(b"another dump")
    assert "not the file that was saved" in refused(stack, copy)


def test_other_keys_another_format_or_an_unknown_service_are_refused(
    stack: Stack, copy: Path
) -> None:
    assert "no service mars" in refused(stack, copy, "mars")
    manifest = json.loads((copy / backup.MANIFEST).read_text())
    write(copy, {**manifest, "format": 7})
    assert "another format" in refused(stack, copy)
    write(copy, {**manifest, "keys": {**manifest["keys"], "index": "0" * 16}})
    assert "other keys (index)" in refused(stack, copy)


def test_a_copy_is_never_written_over(stack: Stack, copy: Path) -> None:
    with pytest.raises(CommandError, match="exists already"):
        backup.save(stack, copy, lambda _: None)


def test_nothing_of_a_key_is_in_its_fingerprint(stack: Stack) -> None:
    keys = (
        json.loads((stack.state / "keys.json").read_text())
        if (stack.state / "keys.json").exists()
        else {}
    )
    found = backup.key_fingerprints(stack.state)
    assert set(found) == {"seal:local-1", "index"}
    assert not any(value in text for value in found.values() for text in keys.values())


@pytest.mark.database
@pytest.mark.parametrize(
    "setting", ["DATABASE_URL", "OWNER_URL"]
)  # the owner's is what the job of migrations has
def test_a_database_is_quarantined_by_a_command(
    make_database: Callable[[str], tuple[str, str]], setting: str
) -> None:
    url, owner = make_database("ledger")
    migrate.upgrade(owner, MIGRATIONS)

    def run_quarantine(name: str, given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ops", "quarantine", name],
            env={f"PAYDOWN_LEDGER_{setting}": given},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert run_quarantine("ledger", url if setting == "DATABASE_URL" else owner).returncode == 0
    engine = connect(url, "test")
    with engine.connect() as connection:
        assert quarantine.find_open(connection) is not None
    engine.dispose()
    for name, given, says in (
        ("ledger", "postgresql+psycopg2://r:hunter2@127.0.0.1:1/none", "cannot be quarantined"),
        ("ledger", "", "DATABASE_URL"),
        ("gateway", url, "usage"),
    ):
        done = run_quarantine(name, given)
        assert (done.returncode, says in done.stderr, "hunter2" in done.stderr) == (
            2,
            True,
            False,
        ), done.stderr


def test_an_address_whose_file_is_missing_is_named_and_no_other_is_taken_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops", "quarantine", "ledger"],
        env={"PAYDOWN_LEDGER_OWNER_URL_FILE": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (
        done.returncode,
        "PAYDOWN_LEDGER_OWNER_URL_FILE names a file that cannot be read" in done.stderr,
    ) == (2, True), done.stderr


def test_a_file_that_is_removed_while_the_others_are_copied_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, target = tmp_path / "files", tmp_path / "target"
    files.mkdir()
    for name in "ab":
        (files / name).write_text(name)
    copy = shutil.copy2

    def copy_slowly(source: Path, to: Path) -> None:
        (files / "a").unlink(missing_ok=True)
        copy(source, to)

    monkeypatch.setattr(shutil, "copy2", copy_slowly)
    backup._copy_missing(files, target)
    assert [path.name for path in target.iterdir()] == ["b"]


def test_a_copy_is_restored_under_keys_that_have_forgotten_a_person_since(
    stack: Stack, copy: Path
) -> None:
    file = stack.state / "keys.json"
    keys = json.loads(file.read_text())
    keys["seal_keys"] = destroy(keys["seal_keys"], ["0123456789abcdef"])
    file.write_text(json.dumps(keys))
    manifest = json.loads((copy / backup.MANIFEST).read_text())
    assert backup.key_fingerprints(stack.state) == manifest["keys"]
    keys["seal_keys"] = f"local-1:{new_key()}"
    file.write_text(json.dumps(keys))
    assert "made under other keys (seal:local-1)" in refused(stack, copy)
