"""Each process gets its own settings only; the user's win; a misspelt one is refused."""

import json
import stat
from pathlib import Path

import pytest

from devtools.stack import environment
from devtools.stack.ports import Ports
from devtools.stack.stack import Stack
from ops.errors import CommandError
from ops.secret_files import Secrets
from services import catalog


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path, Ports(), {"PAYDOWN_DISPATCHER_PROFILE": "legacy", "DATABASE_URL": ""})


def ours(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith("PAYDOWN_")}


def test_a_process_sees_no_setting_of_another(stack: Stack) -> None:
    for process in environment.PROCESSES:
        others = {
            name
            for name in ours(stack.env_for(process))
            if not name.startswith(f"PAYDOWN_{process.upper()}_")
        }
        # by the provider's address demo sign-in is refused
        known = {"PAYDOWN_DISPATCHER_PROVIDER_URL"} if process == "gateway" else set[str]()
        assert others == known


def test_a_service_does_not_get_the_role_that_owns_its_schema(stack: Stack) -> None:
    assert "PAYDOWN_LEDGER_DATABASE_URL" in stack.env_for("ledger")
    assert "PAYDOWN_LEDGER_OWNER_URL" not in stack.env_for("ledger")
    assert "PAYDOWN_LEDGER_OWNER_URL" in stack.env_for_all_services()


def test_the_services_that_encrypt_share_the_keys_and_no_other_has_them(stack: Stack) -> None:
    keys = {s: stack.env_for(s).get(f"PAYDOWN_{s.upper()}_SEAL_KEYS") for s in catalog.NAMES}
    assert len({keys[s] for s in catalog.ENCRYPTING}) == 1
    assert keys["ingest"]
    assert {keys[s] for s in catalog.NAMES if s not in catalog.ENCRYPTING} == {None}


def test_what_is_for_all_services_goes_to_each_under_its_own_name_and_its_own_wins(
    tmp_path: Path,
) -> None:
    stack = Stack(
        tmp_path,
        Ports(),
        {
            "PAYDOWN_TRACES_URL": "http://collector:4318",
            "PAYDOWN_LEDGER_TRACES_URL": "",
            "DATABASE_URL": "",
        },
    )
    found = {
        service: stack.env_for(service).get(f"PAYDOWN_{service.upper()}_TRACES_URL")
        for service in (*catalog.NAMES, "simulator")
    }
    assert found == {
        **dict.fromkeys(catalog.NAMES, "http://collector:4318"),
        "ledger": "",
        "simulator": None,
    }
    environment.check_names({"PAYDOWN_TRACES_URL": "x", "PAYDOWN_TRACES_SHARE": "1"})


def test_the_users_own_setting_wins(stack: Stack) -> None:
    assert stack.env_for("dispatcher")["PAYDOWN_DISPATCHER_PROFILE"] == "legacy"


def values(secrets: Secrets) -> set[str]:
    found = vars(secrets)
    return {*found["signing_keys"].values(), *(v for v in found.values() if isinstance(v, str))}


def test_the_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    first = Secrets.load_or_create(tmp_path)
    assert Secrets.load_or_create(tmp_path) == first
    (tmp_path / "other").mkdir()
    assert not values(Secrets.load_or_create(tmp_path / "other")) & values(first)
    file = tmp_path / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["index_key"] == first.index_key


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PAYDOWN_INGST_PORT", "PAYDOWN_INGEST_PORT"),
        ("PAYDOWN_POSTGRES_PROT", "PAYDOWN_POSTGRES_PORT"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest_name(name: str, meant: str) -> None:
    with pytest.raises(
        CommandError, match=f"{name} is not a setting of paydown; did you mean {meant}"
    ):
        environment.check_names({name: "1"})


@pytest.mark.parametrize("name", ["PAYDOWN_APT", "PAYDOWN_TOKEN", "PAYDOWN_MAVEN_REPOSITORY"])
def test_settings_of_set_up_and_of_the_command_line_pass(name: str) -> None:
    environment.check_names({name: "yes"})


def test_settings_of_processes_pass() -> None:
    environment.check_names(
        {
            "PAYDOWN_LEDGER_BATCH_MAX": "1",
            "PAYDOWN_KAFKA_PORT": "1",
            "PAYDOWN_TEST_KAFKA": "x",
            "HOME": "/",
        }
    )
