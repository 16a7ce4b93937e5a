import base64
import json
from pathlib import Path

import pytest

from libs.common.crypto.field_encryption import FieldCipher
from ops import key_rotation, private_files, rotate_keys
from ops.__main__ import main
from ops.errors import CommandError
from ops.secret_files import Secrets
from services import catalog

FIRST, SECOND, THIRD = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
ONE = f"local-1:{FIRST}"


def test_the_new_key_decrypts_after_the_first_step_and_encrypts_after_the_second() -> None:
    added = key_rotation.add(ONE, SECOND).keys
    used = key_rotation.use(added).keys
    before, between, after = (
        FieldCipher.parse(ONE),
        FieldCipher.parse(added),
        FieldCipher.parse(used),
    )
    assert (before.primary, between.primary, after.primary) == ("local-1", "local-1", "local-2")
    assert between.decrypt(after.encrypt("x", "loan", "r"), "loan", "r") == "x", (
        "a process of the first step beside one of the second"
    )
    assert after.decrypt(before.encrypt("x", "loan", "r"), "loan", "r") == "x"


def test_a_second_call_of_a_step_changes_nothing() -> None:
    added = key_rotation.add(ONE, SECOND)
    again = key_rotation.add(added.keys, THIRD)
    assert (again.keys, again.changed) == (added.keys, False)
    assert "local-2 was added before" in again.message
    used = key_rotation.use(added.keys)
    twice = key_rotation.use(used.keys)
    assert (twice.keys, twice.changed) == (used.keys, False)
    assert "nothing to do" in twice.message


def test_using_before_adding_changes_nothing() -> None:
    assert key_rotation.use(ONE) == key_rotation.Step(ONE, False, key_rotation.use(ONE).message)


def test_every_old_key_stays_through_several_rotations() -> None:
    text = ONE
    for new in (SECOND, THIRD, FIRST):
        text = key_rotation.use(key_rotation.add(text, new).keys).keys
    assert [part.partition(":")[0] for part in text.split(",")] == [
        "local-4",
        "local-3",
        "local-2",
        "local-1",
    ]


@pytest.mark.parametrize(
    ("name", "following"),
    [("k1", "k2"), ("local-9", "local-10"), ("prod", "prod-2"), ("2026-11", "2026-12")],
)
def test_the_new_id_counts_on(name: str, following: str) -> None:
    assert key_rotation.newest_id(key_rotation.add(f"{name}:{FIRST}", SECOND).keys) == following


@pytest.fixture
def state(tmp_path: Path) -> Path:
    Secrets.load_or_create(tmp_path)
    return tmp_path


def test_in_a_keys_file_only_the_seal_keys_change_and_only_its_owner_may_read_it(
    state: Path,
) -> None:
    before, file = Secrets.load_or_create(state), state / "keys.json"
    rotate_keys.rotate("add", file)
    rotate_keys.rotate("add", file)
    rotate_keys.rotate("use", file)
    after = Secrets.load_or_create(state)
    assert [part.partition(":")[0] for part in after.seal_keys.split(",")] == ["local-2", "local-1"]
    assert after.seal_keys.endswith(before.seal_keys)
    assert (after.index_key, after.internal_token, after.database_secret) == (
        before.index_key,
        before.internal_token,
        before.database_secret,
    )
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_with_nothing_but_the_keys_is_rotated_too(tmp_path: Path) -> None:
    file = tmp_path / "seal_keys"
    file.write_text(f"{ONE}\n")
    message = rotate_keys.rotate("add", file).message
    assert [name.partition(":")[0] for name in file.read_text().split(",")] == [
        "local-1",
        "local-2",
    ]
    assert message.count(".") == 1
    assert FIRST not in message


@pytest.mark.parametrize("content", ["", "no keys", '{"index_key": "x"}', "{", f"k1:{FIRST},"])
def test_a_file_without_keys_is_refused_and_its_content_is_not_printed(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(CommandError) as refused:
        rotate_keys.rotate("add", file)
    assert FIRST not in str(refused.value)
    assert file.read_text() == content


def test_the_second_step_is_refused_while_the_stack_runs_with_the_old_keys(state: Path) -> None:
    (state / private_files.SUPERVISOR_PID).write_text("1")
    (state / private_files.SUPERVISOR_CONFIGURATION).write_text(
        f'environment=PAYDOWN_INGEST_SEAL_KEYS="{Secrets.load_or_create(state).seal_keys}"'
    )
    rotate_keys.rotate("add", state / "keys.json")
    with pytest.raises(CommandError, match="started without local-2"):
        rotate_keys.rotate("use", state / "keys.json")
    assert Secrets.load_or_create(state).seal_keys.startswith("local-1:")
    (state / private_files.SUPERVISOR_CONFIGURATION).write_text(
        f'environment=PAYDOWN_INGEST_SEAL_KEYS="{Secrets.load_or_create(state).seal_keys}"'
    )
    assert rotate_keys.rotate("use", state / "keys.json").changed


def test_each_container_that_encrypts_gets_the_keys_and_nothing_else_changes(
    tmp_path: Path,
) -> None:
    assert main(["secrets", str(tmp_path)]) == 0
    before = {file: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert main(["rotate-keys", "add", str(tmp_path)]) == 0
    assert main(["rotate-keys", "use", str(tmp_path)]) == 0
    changed = {
        str(file.relative_to(tmp_path)) for file, text in before.items() if file.read_text() != text
    }
    assert changed == {"keys/keys.json", *(f"{name}/seal_keys" for name in catalog.ENCRYPTING)}
    texts = {(tmp_path / name / "seal_keys").read_text() for name in catalog.ENCRYPTING}
    assert texts == {json.loads((tmp_path / "keys" / "keys.json").read_text())["seal_keys"]}
    assert texts.pop().startswith("local-2:")
    assert main(["rotate-keys", "add", str(tmp_path / "nowhere")]) == 2
