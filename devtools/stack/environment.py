"""Which environment variables each process of the local stack gets: the one table to change when a service needs another.

A variable of the same name in the user's environment wins; one that belongs to no process stops the start.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools.stack.ports import HOST, Ports
from ops.errors import CommandError
from ops.local_secrets import Keys

SERVICES = ("ingest", "dispatcher", "webhooks", "ledger", "reports", "gateway")
SEALED = (
    "ingest",
    "dispatcher",
    "reports",
)  # the services that open personal fields; only ingest makes indexes of them
STACK_ONLY = {"PAYDOWN_POSTGRES_PORT", "PAYDOWN_KAFKA_PORT", "PAYDOWN_KAFKA_CONTROLLER_PORT"}
FOR_ALL = ("PAYDOWN_TRACES_URL", "PAYDOWN_TRACES_SHARE")  # each service gets it under its own name
FOR_TESTS = {"PAYDOWN_TEST_POSTGRES_URL", "PAYDOWN_TEST_KAFKA", "PAYDOWN_TEST_SERVERS"}


@dataclass(frozen=True)
class Facts:
    """What the table is computed from."""

    state: Path
    ports: Ports
    keys: Keys
    databases: Mapping[
        str, tuple[str, str]
    ]  # service -> (URL of its role, URL of the role that owns the schema)


def table(facts: Facts) -> dict[str, dict[str, str]]:
    """{process: {variable: value}} of the simulator and of every service, without the user's own settings."""
    ports, keys = facts.ports, facts.keys
    url = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
    own: dict[str, dict[str, str]] = {
        "simulator": {
            "PORT": str(ports.simulator),
            "BOOKS": str(facts.state / "simulator" / "books.sqlite"),
            "PROFILE": "demo",
        },
        "ingest": {"FILES_DIR": str(facts.state / "files")},
        "dispatcher": {
            "PROVIDER_URL": url["simulator"],
            "PROVIDER_KEY": "sk_local",
            "PROFILE": "demo",
            "CONCURRENCY": "32",
            "WEBHOOK_URL": f"{url['webhooks']}/webhooks/method",
            "WEBHOOK_SECRET": keys.webhook_secret,
        },
        "webhooks": {"SECRET": keys.webhook_secret},
        "ledger": {},
        "reports": {},
        "gateway": {
            "AUTH_MODE": "demo",
            **{f"{name.upper()}_URL": url[name] for name in SERVICES if name != "gateway"},
        },
    }
    for service in SERVICES:
        service_url, owner_url = facts.databases[service]
        own[service] |= {
            "DATABASE_URL": service_url,
            "OWNER_URL": owner_url,
            "KAFKA": f"{HOST}:{ports.kafka}",
            "PORT": str(dict(ports.items())[service]),
            "INTERNAL_TOKEN": keys.internal_token,
        }
    for service in SEALED:
        own[service]["SEAL_KEYS"] = keys.seal_keys
    own["ingest"]["INDEX_KEY"] = keys.index_key
    made = {
        process: {f"PAYDOWN_{process.upper()}_{name}": value for name, value in values.items()}
        for process, values in own.items()
    }
    made["gateway"]["PAYDOWN_DISPATCHER_PROVIDER_URL"] = url[
        "simulator"
    ]  # demo sign-in is refused beside a live provider
    return made


def with_users(
    variables: dict[str, dict[str, str]], environment: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The table with the user's own laid over it, what goes to all services and then PAYDOWN_<PROCESS>_*; the services refuse names they do not know."""
    return {
        process: values
        | for_all(process, environment)
        | {
            name: value
            for name, value in environment.items()
            if name in values or name.startswith(f"PAYDOWN_{process.upper()}_")
        }
        for process, values in variables.items()
    }


def for_all(process: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What a service is given of the settings that go to all of them."""
    given = {
        name: environment[name] for name in FOR_ALL if name in environment and process in SERVICES
    }
    return {
        f"PAYDOWN_{process.upper()}_{name.removeprefix('PAYDOWN_')}": value
        for name, value in given.items()
    }


def without_owner(values: Mapping[str, str]) -> dict[str, str]:
    """What a running service gets: only migrations may use the role that owns the schema."""
    return {name: value for name, value in values.items() if not name.endswith("_OWNER_URL")}


def check_names(environment: Mapping[str, str]) -> None:
    """Refuse a PAYDOWN_* variable that belongs to no process.

    Raises:
        CommandError: names it, and the nearest one there is.
    """
    processes = ("simulator", *SERVICES)
    prefixes = tuple(f"PAYDOWN_{process.upper()}_" for process in processes)
    for name in environment:
        if (
            name.startswith("PAYDOWN_")
            and name not in STACK_ONLY.union(FOR_TESTS, FOR_ALL)
            and not name.startswith(prefixes)
        ):
            known = [f"{prefix}PORT" for prefix in prefixes] + sorted(STACK_ONLY.union(FOR_ALL))
            near = difflib.get_close_matches(name, known, n=1)
            raise CommandError(
                f"{name} is not a setting of paydown"
                + (f"; did you mean {near[0]}?" if near else "; unset it")
            )
