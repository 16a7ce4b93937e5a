"""A setting comes from the environment, a file or a command, and its value is never shown."""

import os
import sys
from pathlib import Path

import pytest

from libs.common.contracts.errors import SettingsError
from libs.common.runtime import setting_sources
from libs.common.runtime.setting_sources import resolve

PREFIX, FIELDS, SECRET = "PAYDOWN_EXAMPLE_", {"seal_keys", "port"}, "hunter2"
NAME, COMMAND = f"{PREFIX}SEAL_KEYS", f"{PREFIX}SEAL_KEYS_COMMAND"


def python(code: str) -> str:
    return f"{sys.executable} -c '{code}'"


def keys(environment: dict[str, str]) -> str:
    return resolve(environment, PREFIX, FIELDS)[NAME]


def test_all_three_sources_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{SECRET}\n")
    assert (
        keys({NAME: SECRET})
        == keys({f"{NAME}_FILE": str(tmp_path / "keys")})
        == keys({COMMAND: f"cat {tmp_path / 'keys'}"})
        == SECRET
    )


def test_a_command_sees_no_setting_of_ours_and_no_shell_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{PREFIX}INDEX_KEY", SECRET)
    monkeypatch.setenv("OF_THE_VAULT", "a-token")
    shown = keys({COMMAND: python("import os; print(sorted(os.environ))")})
    assert "OF_THE_VAULT" in shown
    assert PREFIX not in shown
    assert keys({COMMAND: "echo $HOME;id"}) == "$HOME;id"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/nowhere/vault get", "cannot be run: No such file or directory"),
        ("", "cannot be run"),
        ("echo 'open", "cannot be run"),
        (python(f'import sys; print("{SECRET}"); sys.exit("{SECRET}")'), "ended with exit code 1"),
        ("true", "printed nothing"),
    ],
)
def test_a_command_that_gives_no_value_is_named_and_what_it_prints_is_not(
    command: str, says: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        keys({COMMAND: command})
    assert str(refused.value).startswith(COMMAND)
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_sources, "COMMAND_S", 0.1)
    with pytest.raises(SettingsError, match="did not end within"):
        keys({COMMAND: "sleep 30"})


@pytest.mark.parametrize("other", [NAME, f"{NAME}_FILE"])
def test_one_setting_has_one_source(other: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(SECRET)
    with pytest.raises(SettingsError, match="is set twice"):
        keys({COMMAND: "echo x", other: os.fspath(tmp_path / "keys")})


def test_what_is_no_setting_stays_to_be_refused() -> None:
    assert resolve({f"{PREFIX}OTHER_COMMAND": "x"}, PREFIX, FIELDS) == {
        f"{PREFIX}OTHER_COMMAND": "x"
    }
