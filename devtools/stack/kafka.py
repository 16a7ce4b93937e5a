"""The Apache Kafka broker of a stack: KRaft, one node, from the jars of deploy/kafka/jars.txt."""

import base64
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from devtools import paths
from devtools.setup import java
from devtools.stack.ports import HOST
from ops.errors import CommandError

JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # samples for jstat, twenty times a second
)
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "12",
    "message.max.bytes": "16777216",
    "replica.fetch.max.bytes": "16777216",
    "log.retention.ms": "-1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # one node on two cores: each thread wakes up three times a second to look for work
    "num.network.threads": "2",
    "num.io.threads": "4",
    # an empty record twice a second tells other controllers that this one lives; there are none
    "metadata.max.idle.interval.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # with these two a killed broker is back after 5.5 s, with the defaults after 12.7 s
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


@dataclass(frozen=True)
class Broker:
    """One broker: its data folder, the Java that runs it, its port and that of its controller."""

    home: Path
    java: str
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{HOST}:{self.port}"

    @property
    def command(self) -> list[str]:
        """Runs the broker in the foreground."""
        return self._java("kafka.Kafka", str(self.home / "server.properties"))

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever stored."""
        return not (self.home / "data" / "meta.properties").exists()

    def prepare(self) -> None:
        """Write the configuration, and format the storage the first time; it must not run.

        Raises:
            CommandError: Kafka's storage tool failed.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        clients, controller = f"{HOST}:{self.port}", f"{HOST}:{self.controller_port}"
        own = {
            # voters by setting and not by the storage, so that the ports may change between starts
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{clients},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{clients}",
            "log.dirs": str(self.home / "data"),
        }
        lines = [f"{name}={value}" for name, value in {**SETTINGS, **own}.items()]
        properties = self.home / "server.properties"
        properties.write_text("\n".join(lines).replace("\\", "\\\\") + "\n")
        if self.is_new:
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            command = self._java(
                "kafka.tools.StorageTool",
                "format",
                "--ignore-formatted",
                "-t",
                f"c{cluster[1:]}",
                "-c",
                str(properties),
            )
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode:
                lines = (made.stderr or made.stdout).strip().splitlines()
                raise CommandError(f"Kafka's storage cannot be formatted: {lines[-1:]}")

    def _java(self, *arguments: str) -> list[str]:
        log4j = paths.ROOT / "deploy" / "kafka" / "log4j2.properties"
        options = [*JVM, f"-Dlog4j2.configurationFile={log4j}"]
        return [self.java, *options, "-cp", str(paths.KAFKA_JARS / "*"), *arguments]


def broker(state: Path, port: int, controller_port: int) -> Broker:
    """The broker with its data in this state folder; starts nothing.

    Raises:
        CommandError: there is no suitable Java, or the jars were not fetched yet.
    """
    found = java.choose().taken
    if found is None:
        raise CommandError(f"Kafka needs Java {java.OLDEST} or newer; run `make setup`")
    if not any(paths.KAFKA_JARS.glob("kafka_*.jar")):
        raise CommandError("Kafka's jars are not there; run `make setup`")
    return Broker(state / "kafka", str(found.path), port, controller_port)
