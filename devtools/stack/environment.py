"""Which environment variables each process of the local stack gets.

The table to change when a service needs another setting. A variable of the same name in the user's
environment wins; one that belongs to no process stops the start.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools.stack.ports import Ports
from ops.errors import CommandError
from ops.secret_files import Secrets
from services import catalog

PROCESSES = ("simulator", *catalog.NAMES)
STACK_ONLY = {"PAYDOWN_POSTGRES_PORT", "PAYDOWN_KAFKA_PORT", "PAYDOWN_KAFKA_CONTROLLER_PORT"}
FOR_ALL = ("PAYDOWN_TRACES_URL", "PAYDOWN_TRACES_SHARE")  # each service gets it under its own name
FOR_TESTS = {
    "PAYDOWN_KEYCLOAK",
    "PAYDOWN_SIMULATION_SEEDS",
    "PAYDOWN_SIMULATION_WALKS",
    "PAYDOWN_TEST_KAFKA",
    "PAYDOWN_TEST_PAYMENTS_PER_MIN",
    "PAYDOWN_TEST_PGBOUNCER",
    "PAYDOWN_TEST_POSTGRES_URL",
    "PAYDOWN_TEST_SERVERS",
}
FOR_SETUP = {"PAYDOWN_APT", "PAYDOWN_MAVEN_REPOSITORY"}
FOR_COMMAND_LINE = {"PAYDOWN_URL", "PAYDOWN_TOKEN", "PAYDOWN_TOKEN_FILE"}  # of `paydown`
KNOWN = STACK_ONLY.union(FOR_TESTS, FOR_ALL, FOR_SETUP, FOR_COMMAND_LINE)


@dataclass(frozen=True)
class StackFacts:
    """What the table is computed from."""

    state: Path
    ports: Ports
    secrets: Secrets
    databases: Mapping[str, tuple[str, str]]  # service -> (URL of its role, URL of the owner's)


def table(facts: StackFacts) -> dict[str, dict[str, str]]:
    """{process: {variable: value}} of the simulator and every service, without the user's own."""
    made = {
        "simulator": {
            "PORT": str(facts.ports["simulator"]),
            "BOOKS": str(facts.state / "simulator" / "books.sqlite"),
            "PROFILE": "demo",
        },
        **{service.name: _of_service(service, facts) for service in catalog.SERVICES},
    }
    variables = {
        process: {f"{_prefix(process)}{name}": value for name, value in values.items()}
        for process, values in made.items()
    }
    # demo sign-in is refused beside a live provider
    variables["gateway"]["PAYDOWN_DISPATCHER_PROVIDER_URL"] = facts.ports.url("simulator")
    return variables


def _of_service(service: catalog.CatalogEntry, facts: StackFacts) -> dict[str, str]:
    service_url, owner_url = facts.databases[service.name]
    secrets = facts.secrets.settings_of(service, service_url)
    return {
        **_special(service.name, facts),
        **{name.upper(): value for name, value in secrets.items()},
        "OWNER_URL": owner_url,
        "KAFKA": facts.ports.address("kafka"),
        "PORT": str(facts.ports[service.name]),
    }


def _special(name: str, facts: StackFacts) -> dict[str, str]:
    """The settings that only this service has, beside its secrets."""
    match name:
        case "ingest":
            return {"FILES_DIR": str(facts.state / "files")}
        case "dispatcher":
            return {
                "PROVIDER_URL": facts.ports.url("simulator"),
                "PROFILE": "demo",
                "CONCURRENCY": "32",
                "WEBHOOK_URL": f"{facts.ports.url('webhooks')}/webhooks/method",
            }
        case "gateway":
            others = [other for other in catalog.NAMES if other != name]
            return {
                "AUTH_MODE": "demo",
                **{f"{other.upper()}_URL": facts.ports.url(other) for other in others},
            }
        case _:
            return {}


def _prefix(process: str) -> str:
    return f"PAYDOWN_{process.upper()}_"


def with_users(
    variables: dict[str, dict[str, str]], environment: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The table with the user's own variables laid over it.

    First those for all services, then `PAYDOWN_<PROCESS>_*`. A service refuses names that it does
    not know.
    """
    return {
        process: values
        | for_all(process, environment)
        | {
            name: value
            for name, value in environment.items()
            if name in values or name.startswith(_prefix(process))
        }
        for process, values in variables.items()
    }


def for_all(process: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings for all services that are in the environment, under this service's name."""
    if process not in catalog.NAMES:
        return {}
    return {
        f"{_prefix(process)}{name.removeprefix('PAYDOWN_')}": environment[name]
        for name in FOR_ALL
        if name in environment
    }


def without_owner(values: Mapping[str, str]) -> dict[str, str]:
    """What a running service gets: only migrations may use the role that owns the schema."""
    return {name: value for name, value in values.items() if not name.endswith("_OWNER_URL")}


def check_names(environment: Mapping[str, str]) -> None:
    """Refuse a misspelt setting.

    Raises:
        CommandError: names it, and the nearest one there is.
    """
    prefixes = tuple(_prefix(process) for process in PROCESSES)
    for name in environment:
        if not name.startswith("PAYDOWN_") or name in KNOWN or name.startswith(prefixes):
            continue
        known = [f"{prefix}PORT" for prefix in prefixes] + sorted(STACK_ONLY.union(FOR_ALL))
        near = difflib.get_close_matches(name, known, n=1)
        raise CommandError(
            f"{name} is not a setting of paydown"
            + (f"; did you mean {near[0]}?" if near else "; unset it")
        )
