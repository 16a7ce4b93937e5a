"""docker-compose.yml has every service of the catalog, with the settings of the code."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devtools import paths
from devtools.stack import kafka
from libs.common.runtime.settings import Settings
from services import catalog
from simulator.settings import SimulatorSettings
from tests.service_settings import SETTINGS

FILE = yaml.safe_load((paths.ROOT / "docker-compose.yml").read_text())
COMPOSE: dict[str, dict[str, Any]] = FILE["services"]
PROCESSES: dict[str, type[Settings]] = {**SETTINGS, "simulator": SimulatorSettings}
FOREIGN = {"HEALTH_URL", "PAYDOWN_DISPATCHER_PROVIDER_URL"}


def test_kafka_has_the_settings_of_the_stack() -> None:
    ours = {
        f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in kafka.SETTINGS.items()
    }
    given = COMPOSE["kafka"]["environment"]
    assert {name: value for name, value in ours.items() if given.get(name) != value} == {}


def wanted(service: catalog.CatalogEntry) -> Iterator[tuple[str, bool]]:
    """What the file must say of a service, and whether it does."""
    name, prefix = service.name, f"PAYDOWN_{service.name.upper()}_"
    found = COMPOSE.get(name, {})
    yield f"services: {name}:", bool(found)
    command = ["python", "-m", "services", name]
    yield f"services.{name}.command: {command}", found.get("command") == command
    variables = {
        "HEALTH_URL": f"http://127.0.0.1:{service.port}/health/ready",
        f"{prefix}HOST": "0.0.0.0",
        f"{prefix}TRACES_URL": "${PAYDOWN_TRACES_URL:-}",
        f"{prefix}KAFKA": "kafka:19092",
        **{
            f"{prefix}{secret.upper()}_FILE": f"/run/secrets/{secret}" for secret in service.secrets
        },
    }
    for variable, value in variables.items():
        line = f"services.{name}.environment.{variable}: {value}"
        yield line, found.get("environment", {}).get(variable) == value
    mounted, made = f"secrets-{name}:/run/secrets:ro", f"secrets-{name}:/secrets/{name}"
    yield f"services.{name}.volumes: {mounted}", mounted in found.get("volumes", [])
    yield f"services.secrets.volumes: {made}", made in COMPOSE["secrets"]["volumes"]
    yield f"volumes: secrets-{name}: {{}}", f"secrets-{name}" in FILE["volumes"]
    owner = f"{prefix}OWNER_URL_FILE"
    line = f"services.migrate.environment.{owner}: /run/secrets/{name}_owner_url"
    yield line, COMPOSE["migrate"]["environment"].get(owner) == f"/run/secrets/{name}_owner_url"
    if name != "gateway":
        url = f"PAYDOWN_GATEWAY_{name.upper()}_URL"
        line = f"services.gateway.environment.{url}: http://{name}:{service.port}"
        address = COMPOSE["gateway"]["environment"].get(url)
        yield line, address == f"http://{name}:{service.port}"


@pytest.mark.parametrize("name", catalog.NAMES)
def test_the_file_has_all_that_a_service_of_the_catalog_needs(name: str) -> None:
    missing = [line for line, found in wanted(catalog.find(name)) if not found]
    assert not missing, "\n".join(["docker-compose.yml lacks:", *missing])


def test_services_that_run_from_our_package_are_those_of_the_catalog_in_its_order() -> None:
    found = [
        service["command"][-1]
        for service in COMPOSE.values()
        if service.get("command", [])[:3] == ["python", "-m", "services"]
        and service["command"][-1] not in ("migrate", "topics")
    ]
    assert found == list(catalog.NAMES)


def test_a_collector_is_named_once_for_all_services_and_none_by_default() -> None:
    for name, settings in PROCESSES.items():
        if "traces_url" in settings.model_fields and name in COMPOSE:
            assert (
                COMPOSE[name]["environment"][f"PAYDOWN_{name.upper()}_TRACES_URL"]
                == "${PAYDOWN_TRACES_URL:-}"
            ), name


def test_every_variable_is_a_setting_of_its_service() -> None:
    for name, settings in PROCESSES.items():
        if name not in COMPOSE:
            continue  # the test above says so
        prefix, variables = f"PAYDOWN_{name.upper()}_", set(COMPOSE[name]["environment"])
        ours = {variable for variable in variables if variable.startswith(prefix)}
        assert {
            variable.removeprefix(prefix).removesuffix("_FILE").lower() for variable in ours
        } - set(settings.model_fields) == set()
        assert variables - ours <= FOREIGN
