"""PostgreSQL and Kafka of the tests in containers, where a Docker engine has their images or can pull them."""

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from devtools.stack import kafka as broker
from devtools.stack.ports import free_ports

KAFKA, POSTGRES = (
    os.environ.get("KAFKA_IMAGE", "apache/kafka:4.3.1"),
    os.environ.get("POSTGRES_IMAGE", "postgres:17"),
)
CHOICE = (
    "PAYDOWN_TEST_SERVERS"  # containers or processes; nothing: containers where they can be had
)
PULL_S, ANSWER_S = 180, 5
PASSWORD = "only-for-tests"
#: What the stack's own broker has, as the image reads it.
SETTINGS = {
    f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in broker.SETTINGS.items()
} | {
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,INSIDE://:9094,CONTROLLER://:9093",
    # Under the address that clients are told, the port on the host, the broker cannot reach itself; for transactions it must.
    "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "CLUSTER_ID": "cGF5ZG93bi1rYWZrYS0wMQ",
}


@functools.cache
def chosen() -> bool:
    """Whether the tests' servers are containers. Asked once; says on stderr what it came to if somebody chose or an engine answers."""
    wanted = os.environ.get(CHOICE, "")
    if (
        wanted == "processes"
        or not shutil.which("docker")
        or _docker("version", limit_s=ANSWER_S) != 0
    ):
        if wanted == "containers":
            raise RuntimeError(
                f"{CHOICE}=containers, but no Docker engine answers: start Docker, or set DOCKER_HOST"
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
    os.write(
        2,
        f"PostgreSQL and Kafka of the tests: {f'containers of {POSTGRES} and {KAFKA}' if found else 'processes (the engine has no images)'}\n".encode(),
    )
    return found


def _docker(*words: str, limit_s: float) -> int:
    try:
        return subprocess.run(
            ["docker", *words], capture_output=True, check=False, timeout=limit_s
        ).returncode
    except subprocess.TimeoutExpired:
        return 124


def _prepared() -> None:
    """What testcontainers reads from the environment: no helper container that no registry gives us, and the engine's own address."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """An empty PostgreSQL; gives the administrator's URL, and leaves nothing behind."""
    _prepared()
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - needs the environment above, and half a second

    with PostgresContainer(
        POSTGRES, username="paydown_admin", password=PASSWORD, dbname="postgres", driver=None
    ) as server:
        yield f"postgresql+psycopg2://paydown_admin:{PASSWORD}@127.0.0.1:{server.get_exposed_port(5432)}/postgres"


@dataclass
class ContainerBroker:
    """A broker in a container, to be killed and started again with the same data, on the same port."""

    container: str
    port: int

    @property
    def bootstrap(self) -> str:
        """What clients connect to; the same after a restart."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it takes connections; fine if it runs."""
        self._order("start", self.container)
        self._order(
            "exec",
            self.container,
            "bash",
            "-c",
            "until (</dev/tcp/localhost/9092) 2>/dev/null; do sleep 0.1; done",
        )

    def kill(self) -> None:
        """kill -9 of its process, which has ended on return; fine if it does not run."""
        subprocess.run(
            ["docker", "kill", self.container], capture_output=True, check=False, timeout=60
        )  # refused if it does not run
        self._order("wait", self.container)

    def stop(self) -> None:
        """An orderly end; fine if it does not run."""
        self._order("stop", self.container)

    def _order(self, *words: str) -> str:
        return subprocess.run(
            ["docker", *words], capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()


@contextlib.contextmanager
def kafka() -> Iterator[ContainerBroker]:
    """An empty broker, started; leaves nothing behind."""
    _prepared()
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
        running.start()  # what the log says of a start depends on how it is configured; that the port answers does not
        yield running
