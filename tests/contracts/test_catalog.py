"""The table of services agrees with the services, and with every list that cannot be derived."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from devtools import paths
from devtools.stack import environment
from devtools.stack.ports import Ports
from libs.common.crypto.key_check import EncryptedColumns
from ops import provision
from ops.secret_files import Secrets
from services import catalog
from services.gateway import app as gateway
from tests.service_settings import SETTINGS

SERVICES = paths.ROOT / "services"
SECRET = re.compile(r"(^|_)(keys?|token|secret)$|^database_url$")
# The identity provider issues the one; the other is a secret of before, for an hour.
MADE_BY_HAND = {"oidc_client_secret", "previous_secret"}


@pytest.mark.parametrize("name", catalog.NAMES)
def test_the_port_is_the_default_of_the_settings(name: str) -> None:
    assert SETTINGS[name].model_fields["port"].default == catalog.find(name).port


def test_no_two_services_have_one_name_or_one_port() -> None:
    assert len({service.name for service in catalog.SERVICES}) == len(catalog.SERVICES)
    assert len({service.port for service in catalog.SERVICES}) == len(catalog.SERVICES)


@pytest.mark.parametrize("name", catalog.NAMES)
def test_the_secrets_are_the_settings_with_keys_tokens_and_passwords(name: str) -> None:
    secret = {field for field in SETTINGS[name].model_fields if SECRET.search(field)}
    service = catalog.find(name)
    useless = {
        *(() if service.topics_out or service.signs_calls else ("signing_keys",)),
        *(() if service.topics else ("public_keys",)),
    }
    assert set(service.secrets) == secret - MADE_BY_HAND - useless


@pytest.mark.parametrize("name", catalog.NAMES)
def test_a_service_that_encrypts_says_where_its_encrypted_values_are(name: str) -> None:
    assert (SERVICES / name / "key_check.py").exists() == catalog.find(name).encrypts
    if catalog.find(name).encrypts:  # `python -m ops key-usage` reads it
        columns = importlib.import_module(f"services.{name}.key_check").PLACES
        assert isinstance(columns, EncryptedColumns)


@pytest.mark.parametrize("name", catalog.NAMES)
def test_a_service_that_is_rebuildable_has_the_command(name: str) -> None:
    assert (SERVICES / name / "rebuild.py").exists() == catalog.find(name).rebuildable


@pytest.mark.parametrize("name", catalog.NAMES)
def test_a_service_that_can_be_quarantined_has_the_table_for_the_mark(name: str) -> None:
    files = (SERVICES / name / "migrations").glob("[0-9]*.py")
    table = re.compile(r"CREATE TABLE restored\b|\bRESTORED\b")
    has_table = any(table.search(file.read_text()) for file in files)
    assert has_table == catalog.find(name).can_be_quarantined


@pytest.mark.parametrize("name", catalog.NAMES)
def test_the_database_is_the_one_that_is_provisioned(name: str) -> None:
    names = provision.Names.of(name, catalog.DATABASE_PREFIX)
    assert catalog.find(name).database == names.database


@pytest.mark.parametrize("name", catalog.NAMES)
def test_a_service_starts_with_the_settings_that_the_local_stack_gives_it(
    name: str, tmp_path: Path
) -> None:
    url = "postgresql+psycopg2://nobody@127.0.0.1/none"
    table = environment.table(
        environment.StackFacts(
            tmp_path,
            Ports(),
            Secrets.load_or_create(tmp_path),
            dict.fromkeys(catalog.NAMES, (url, url)),
        )
    )
    assert SETTINGS[name].read(table[name]).port == catalog.find(name).port


def test_the_gateway_knows_every_other_service_and_its_address() -> None:
    others = [service for service in catalog.SERVICES if service.name != "gateway"]
    names = tuple(service.name for service in others)
    listed = gateway.SERVICES
    assert listed == names, f"SERVICES of services/gateway/app.py should be {names}"
    given = {name: info.default for name, info in SETTINGS["gateway"].model_fields.items()}
    missing = [
        f'{service.name}_url: str = "http://127.0.0.1:{service.port}"'
        for service in others
        if given.get(f"{service.name}_url") != f"http://127.0.0.1:{service.port}"
    ]
    assert not missing, "\n".join(["services/gateway/settings.py lacks:", *missing])


def test_the_import_rule_that_keeps_services_apart_names_each_of_them() -> None:
    contracts = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    (rule,) = (contract for contract in contracts if contract["type"] == "independence")
    wanted = [f"services.{name}" for name in catalog.NAMES]
    assert rule["modules"] == wanted, f"modules of the independence rule should be {wanted}"


def test_the_table_of_services_on_their_page_is_the_catalog() -> None:
    page = (SERVICES / "README.md").read_text(encoding="utf-8").splitlines()
    found = [line for line in page if re.match(r"\| `[a-z]+` \|", line)]
    wanted = [
        f"| `{service.name}` | {service.port} | {service.owns} |" for service in catalog.SERVICES
    ]
    assert found == wanted, "\n".join(["the table in services/README.md should be:", *wanted])


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md"])
def test_a_page_that_lists_the_services_lists_them_all_in_the_order_of_the_catalog(
    page: str,
) -> None:
    text = (paths.ROOT / page).read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[?`([a-z]+)`", text, re.MULTILINE)
    assert [name for name in listed if name in catalog.NAMES] in ([], list(catalog.NAMES))
    assert "gateway" not in listed or set(listed) >= set(catalog.NAMES)
