from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.common.contracts.errors import SettingsError
from libs.common.runtime.settings import ServiceSettings, read_or_exit

SECRET = "a-secret-of-more-than-16"
GIVEN = {
    "PAYDOWN_EXAMPLE_DATABASE_URL": "postgresql+psycopg2://role:hunter2@h/d",
    "PAYDOWN_EXAMPLE_INTERNAL_TOKEN": SECRET,
}


class Example(ServiceSettings):
    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PAYDOWN_EXAMPLE_")
    port: int = Field(default=8104, gt=0, lt=65_536)


def test_what_is_not_given_has_its_default() -> None:
    settings = Example.read(GIVEN)
    assert (settings.port, settings.kafka, settings.batch_max, settings.session_timeout_ms) == (
        8104,
        "127.0.0.1:19092",
        500,
        6_000,
    )


def test_no_spans_are_sent_unless_a_collector_is_named() -> None:
    assert (Example.read(GIVEN).traces_url, Example.read(GIVEN).traces_share) == ("", 1.0)
    given = {
        **GIVEN,
        "PAYDOWN_EXAMPLE_TRACES_URL": "http://collector:4318",
        "PAYDOWN_EXAMPLE_TRACES_SHARE": "0.1",
    }
    assert (Example.read(given).traces_url, Example.read(given).traces_share) == (
        "http://collector:4318",
        0.1,
    )
    assert (
        Example.read({**GIVEN, "PAYDOWN_EXAMPLE_TRACES_URL": ""}).traces_url == ""
    )  # as compose gives it


def test_other_variables_are_none_of_our_business() -> None:
    assert (
        Example.read(
            {**GIVEN, "PATH": "/bin", "PAYDOWN_OTHER_PORT": "1", "PAYDOWN_EXAMPLE_PORT": "28104"}
        ).port
        == 28104
    )


def test_only_the_given_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYDOWN_EXAMPLE_PORT", "1234")
    assert Example.read(GIVEN).port == 8104
    assert Example.read({**GIVEN, "PAYDOWN_EXAMPLE_PORT": "28104"}).port == 28104


def test_a_misspelt_name_stops_the_start_and_the_known_names_are_listed() -> None:
    with pytest.raises(SettingsError) as refused:
        Example.read({**GIVEN, "PAYDOWN_EXAMPLE_BATCH_MAXX": "12345"})
    assert "Unknown setting PAYDOWN_EXAMPLE_BATCH_MAXX" in str(refused.value)
    assert "PAYDOWN_EXAMPLE_BATCH_MAX," in str(refused.value)
    assert "12345" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "99999"),
        ("PORT", "eight"),
        ("INTERNAL_TOKEN", "too-short"),
        ("LOG_LEVEL", "chatty"),
        ("BATCH_MAX", "-12345"),
        ("SESSION_TIMEOUT_MS", "61001"),
        ("TRACES_URL", "collector:4318"),
        ("TRACES_URL", "http://"),
        ("TRACES_SHARE", "1.01"),
        ("FORGED_MESSAGES", "batches/1"),
    ],
)
def test_a_value_out_of_range_is_named_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Example.read({**GIVEN, f"PAYDOWN_EXAMPLE_{name}": value})
    assert f"PAYDOWN_EXAMPLE_{name}" in str(refused.value)
    assert value not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="PAYDOWN_EXAMPLE_INTERNAL_TOKEN: Field required"):
        Example.read({"PAYDOWN_EXAMPLE_DATABASE_URL": "x"})


def test_a_start_with_wrong_settings_ends_with_2_and_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAYDOWN_EXAMPLE_DATABSE_URL", "x")
    with pytest.raises(SystemExit) as ended:
        read_or_exit(Example)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Unknown setting PAYDOWN_EXAMPLE_DATABSE_URL")


def test_secrets_are_not_shown_with_the_settings() -> None:
    shown = repr(
        Example.read(
            {**GIVEN, "PAYDOWN_EXAMPLE_OWNER_URL": "postgresql+psycopg2://owner:hunter2@h/d"}
        )
    )
    assert "hunter2" not in shown
    assert SECRET not in shown


def test_settings_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Example.read(GIVEN).port = 1  # type: ignore[misc] # refused, which is tested


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}-2\n")
    given = {
        "PAYDOWN_EXAMPLE_DATABASE_URL": "x",
        "PAYDOWN_EXAMPLE_INTERNAL_TOKEN_FILE": str(tmp_path / "token"),
    }
    assert Example.read(given).internal_token == f"{SECRET}-2"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"PAYDOWN_EXAMPLE_INTERNAL_TOKEN_FILE": "/nowhere/token"},
            "INTERNAL_TOKEN_FILE names a file that cannot be read: No such file or directory.",
        ),
        (
            {
                "PAYDOWN_EXAMPLE_INTERNAL_TOKEN_FILE": "/nowhere/token",
                "PAYDOWN_EXAMPLE_INTERNAL_TOKEN": SECRET,
            },
            "is set twice",
        ),
        (
            {"PAYDOWN_EXAMPLE_TOKEN_FILE": "/nowhere/token"},
            "Unknown setting PAYDOWN_EXAMPLE_TOKEN_FILE",
        ),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(more: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Example.read({"PAYDOWN_EXAMPLE_DATABASE_URL": "x", **more})
    assert says in str(refused.value)
