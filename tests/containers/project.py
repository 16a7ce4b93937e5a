"""The compose project under test: up, scaled, down, and its processes for the flow tests."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devtools import paths
from devtools.stack.ports import Ports, free_ports, is_free
from services import catalog
from tests.containers.engine import IMAGE, Engine

NAME = "paydown-test"
FILES = ("docker-compose.yml", "tests/containers/published.yml")
WITH_HEALTH = (*catalog.NAMES, "simulator", "kafka", "postgres")
READY_S = 120.0


@dataclass(frozen=True)
class Process:
    """A container's process, by its pid on the engine's machine."""

    name: str
    pid: int


class Project:
    """`docker-compose.yml` under a name of its own, on free ports; a stack for `tests.flow`."""

    def __init__(self, engine: Engine, bases: Mapping[str, str]) -> None:
        self.engine = engine
        gateway, webhooks, (simulator,) = _two_ports(), _two_ports(), free_ports(1)
        self.ports = Ports(gateway=gateway, simulator=simulator)
        self.environment = {
            **engine.environment,
            **bases,
            "PAYDOWN_IMAGE": IMAGE,
            "PAYDOWN_GATEWAY_PORT": f"{gateway}-{gateway + 1}",
            "PAYDOWN_WEBHOOKS_PORT": f"{webhooks}-{webhooks + 1}",
            "PAYDOWN_SIMULATOR_PORT": str(simulator),
            "COMPOSE_HTTP_TIMEOUT": "300",
        }

    def compose(
        self, *words: str, check: bool = True, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose …` of this project."""
        files = [word for file in FILES for word in ("-f", file)]
        made = subprocess.run(
            [*self.engine.compose, "-p", NAME, *files, *words],
            env={**self.environment, **(more or {})},
            cwd=paths.ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert not check or made.returncode == 0, (words, made.stderr[-2_000:])
        return made

    def up(self, *words: str, more: Mapping[str, str] | None = None) -> float:
        """Start everything; seconds until every service is ready."""
        began = time.monotonic()
        self.compose("up", "-d", "--no-build", *words, more=more)
        while not self.ready():
            assert time.monotonic() - began < READY_S, self.compose("ps").stdout
            time.sleep(0.5)
        return time.monotonic() - began

    def ready(self) -> bool:
        """Whether every service, each replica of it, is healthy."""
        states = [
            c["State"]
            for c in self.containers()
            if c["Config"]["Labels"]["com.docker.compose.service"] in WITH_HEALTH
        ]
        return len(states) >= len(WITH_HEALTH) and all(
            state.get("Health", {}).get("Status") == "healthy" for state in states
        )

    def containers(self) -> list[dict[str, Any]]:
        """Each container of this project, as `docker inspect` describes it."""
        ids = self.engine.docker(
            "ps", "-aq", "--filter", f"label=com.docker.compose.project={NAME}"
        ).stdout.split()
        found = self.engine.docker("inspect", *ids, check=False).stdout if ids else "[]"
        return [
            c
            for c in json.loads(found or "[]")
            if c["Config"]["Labels"].get("com.docker.compose.oneoff", "False") != "True"
        ]

    def status(self) -> list[Process]:
        """The running processes; of two replicas both."""
        return [
            Process(c["Config"]["Labels"]["com.docker.compose.service"], c["State"]["Pid"])
            for c in self.containers()
            if c["State"]["Running"]
        ]

    def kill(self, pid: int) -> None:
        """kill -9 on the engine's machine, from a container that sees its processes.

        An engine does not restart what it has killed itself.

        Raises:
            ProcessLookupError: it has ended before.
        """
        rights = [
            "--pid",
            "host",
            "--user",
            "0",
            "--cap-drop",
            "ALL",
            "--cap-add",
            "KILL",
            "--network",
            "none",
        ]
        command = (IMAGE, "python", "-c", f"import os; os.kill({pid}, 9)")
        made = self.engine.docker(
            "run", "--rm", "--no-healthcheck", *rights, *command, check=False, limit_s=60
        )
        if "ProcessLookupError" in made.stderr:
            raise ProcessLookupError(pid)
        assert made.returncode == 0, made.stderr

    def sql(self, database: str, query: str) -> str:
        """One value from the project's PostgreSQL."""
        return self.compose(
            "exec", "-T", "postgres", "psql", "-U", "paydown_admin", "-d", database, "-Atc", query
        ).stdout.strip()

    def down(self) -> list[str]:
        """Remove everything, and return what is left all the same."""
        self.compose("down", "-v", "--remove-orphans", check=False)
        label = f"label=com.docker.compose.project={NAME}"
        listing = (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
        return [
            line
            for words in listing
            for line in self.engine.docker(*words, "--filter", label).stdout.split()
        ]


def _two_ports() -> int:
    """The first of two adjacent ports: for a service that is killed and its replica."""
    return next(port for port in iter(lambda: free_ports(1)[0], 0) if is_free(port + 1))


def announce(text: str) -> None:
    """Print past pytest's capture, for a person who waits."""
    os.write(2, f"{text}\n".encode())
