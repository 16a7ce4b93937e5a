"""PostgreSQL and Kafka for tests in containers, if an engine has or can pull their images."""

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from devtools import base_images
from devtools.stack import kafka as broker
from devtools.stack.ports import free_ports

KAFKA, POSTGRES = (
    os.environ.get("KAFKA_IMAGE", base_images.reference("apache/kafka:4.4.0")),
    os.environ.get("POSTGRES_IMAGE", base_images.reference("postgres:16")),
)
CHOICE = "PAYDOWN_TEST_SERVERS"  # containers or processes; unset: containers where possible
PULL_S, ANSWER_S = 180, 5
PASSWORD = "only-for-tests"
#: The settings of the local stack's broker, as the image reads them.
SETTINGS = {
    f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in broker.SETTINGS.items()
} | {
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,INSIDE://:9094,CONTROLLER://:9093",
    # The broker cannot reach itself under the address for clients, a port of the host; for
    # transactions it must.
    "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
        "PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ),
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "CLUSTER_ID": "cGF5ZG93bi1rYWZrYS0wMQ",
}


@functools.cache
def chosen() -> bool:
    """Whether the tests' servers are containers; decided once.

    Prints the decision on stderr if there was a choice.
    """
    wanted = os.environ.get(CHOICE, "")
    answers = shutil.which("docker") and _docker("version", limit_s=ANSWER_S) == 0
    if wanted == "processes" or not answers:
        if wanted == "containers":
            raise RuntimeError(
                f"{CHOICE}=containers, but no Docker engine answers: "
                f"start Docker, or set DOCKER_HOST"
            )
        return False
    found = all(
        _docker("image", "inspect", image, limit_s=ANSWER_S) == 0
        or _docker("pull", "-q", image, limit_s=PULL_S) == 0
        for image in (KAFKA, POSTGRES)
    )
    if wanted == "containers" and not found:
        raise RuntimeError(
            f"{CHOICE}=containers, but {KAFKA} and {POSTGRES} are not there and cannot be pulled"
        )
    containers, processes = f"containers of {POSTGRES} and {KAFKA}", "processes (no images)"
    decision = containers if found else processes
    os.write(2, f"PostgreSQL and Kafka of the tests: {decision}\n".encode())
    return found


def _docker(*words: str, limit_s: float) -> int:
    try:
        return subprocess.run(
            ["docker", *words], capture_output=True, check=False, timeout=limit_s
        ).returncode
    except subprocess.TimeoutExpired:
        return 124


def _prepare_testcontainers() -> None:
    """Use no helper container, which needs a registry, and the engine's own address."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """An empty PostgreSQL: the administrator's URL. It is removed at the end."""
    _prepare_testcontainers()
    # imported here: it reads the environment above, and takes half a second
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    with PostgresContainer(
        POSTGRES, username="paydown_admin", password=PASSWORD, dbname="postgres", driver=None
    ) as server:
        address = f"127.0.0.1:{server.get_exposed_port(5432)}"
        yield f"postgresql+psycopg2://paydown_admin:{PASSWORD}@{address}/postgres"


@dataclass
class ContainerBroker:
    """A broker in a container that can be killed and restarted, with the same data and port."""

    container: str
    port: int

    @property
    def bootstrap(self) -> str:
        """The address for clients; the same after a restart."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections; does nothing if it runs."""
        self._docker_or_fail("start", self.container)
        self._docker_or_fail(
            "exec",
            self.container,
            "bash",
            "-c",
            "until (</dev/tcp/localhost/9092) 2>/dev/null; do sleep 0.1; done",
        )

    def kill(self) -> None:
        """kill -9; it has ended on return. Does nothing if it does not run."""
        command = ["docker", "kill", self.container]  # refused if it does not run
        subprocess.run(command, capture_output=True, check=False, timeout=60)
        self._docker_or_fail("wait", self.container)

    def stop(self) -> None:
        """End it in an orderly way; does nothing if it does not run."""
        self._docker_or_fail("stop", self.container)

    def _docker_or_fail(self, *words: str) -> str:
        return subprocess.run(
            ["docker", *words], capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()


@contextlib.contextmanager
def kafka() -> Iterator[ContainerBroker]:
    """An empty broker, started. It is removed at the end."""
    _prepare_testcontainers()
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - as above

    (port,) = free_ports(1)
    made = DockerContainer(KAFKA).with_bind_ports(9092, port)
    for name, value in {
        **SETTINGS,
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port},INSIDE://localhost:9094",
    }.items():
        made = made.with_env(name, value)
    with made as started:
        running = ContainerBroker(started.get_wrapped_container().id, port)
        running.start()  # waits for the port; the log of a start depends on its settings
        yield running
